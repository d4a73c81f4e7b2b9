//! The body of a watch: changes, bookmarks, errors, until its time is over or its connection is cut.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::{Fault, Shared};

/// A watch as it was asked for.
pub(crate) struct Watch {
    pub(crate) shared: Shared,
    pub(crate) collection: String,
    pub(crate) version: u64,
    pub(crate) timeout: Duration,
    pub(crate) bookmarks: bool,
}

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// What follows after the lines of a fault.
enum After {
    Close,
    Break,
    Silence,
}

impl Watch {
    /// The body; it is filled by a task that ends with it.
    pub(crate) fn body(self, fault: Option<Fault>) -> BoxBody<Bytes, io::Error> {
        let (sender, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            match fault {
                Some(Fault::Lines(lines)) => played(&sender, lines, After::Close).await,
                Some(Fault::Break(lines)) => played(&sender, lines, After::Break).await,
                Some(Fault::Silence(lines)) => played(&sender, lines, After::Silence).await,
                _ => self.run(&sender).await,
            }
        });
        let frames = ReceiverStream::new(receiver).map(|line| line.map(Frame::data));
        BodyExt::boxed(StreamBody::new(frames))
    }

    async fn run(mut self, sender: &Sender) {
        let mut changes = self.shared.changes.subscribe();
        let mut bookmarks = self.shared.bookmarks.subscribe();
        let end = tokio::time::sleep(self.timeout);
        tokio::pin!(end);
        loop {
            changes.borrow_and_update();
            let since = self.shared.state().objects.since(&self.collection, self.version);
            let Some(since) = since else {
                let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
                    "message": format!("too old resource version: {}", self.version)});
                let _ = sender.send(Ok(line("ERROR", &status))).await;
                return;
            };
            for change in since {
                self.version = change.version;
                if sender.send(Ok(line(change.what, &change.object))).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = bookmarks.changed() => {
                    bookmarks.borrow_and_update();
                    self.version = self.shared.state().objects.version();
                    if self.bookmarks {
                        let object = json!({"kind": "any", "metadata": {"resourceVersion": self.version.to_string()}});
                        let _ = sender.send(Ok(line("BOOKMARK", &object))).await;
                    }
                }
                () = &mut end => return,
                () = sender.closed() => return,
            }
        }
    }
}

async fn played(sender: &Sender, lines: Vec<String>, after: After) {
    for text in lines {
        let _ = sender.send(Ok(Bytes::from(text + "\n"))).await;
    }
    match after {
        After::Close => {}
        After::Break => {
            let _ = sender.send(Err(io::Error::other("broken off"))).await;
        }
        After::Silence => sender.closed().await,
    }
}

fn line(what: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{}\n", json!({"type": what, "object": object})))
}
