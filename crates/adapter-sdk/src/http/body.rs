//! The body of an answer: in one piece, or in parts that are made while the client reads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

/// Parts that may wait to be sent.
const WAITING: usize = 2;

/// A client that takes no part for so long is cut off.
const STALL: Duration = Duration::from_secs(10);

/// The body of an answer.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Full(Bytes),
    Parts(mpsc::Receiver<Part>),
}

#[derive(Debug)]
enum Part {
    Data(Bytes),
    End,
}

impl Body {
    /// A body whose parts are sent one by one.
    pub fn parts() -> (BodySender, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (BodySender(sender), Self(Kind::Parts(receiver)))
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        Self(Kind::Full(bytes.into()))
    }
}

/// Sends the parts of a body. Without [`BodySender::finish`] the client learns that the body is not complete.
#[derive(Debug)]
pub struct BodySender(mpsc::Sender<Part>);

/// The client is gone, or does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client is gone, or does not read")]
pub struct ClientGone;

impl BodySender {
    /// Sends a part; waits while the client has not taken the earlier ones.
    ///
    /// # Errors
    ///
    /// The client is gone, or has taken nothing for 10 seconds.
    pub async fn send(&self, part: Bytes) -> Result<(), ClientGone> {
        self.send_part(Part::Data(part)).await
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// As [`BodySender::send`].
    pub async fn finish(self) -> Result<(), ClientGone> {
        self.send_part(Part::End).await
    }

    async fn send_part(&self, part: Part) -> Result<(), ClientGone> {
        match tokio::time::timeout(STALL, self.0.send(part)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ClientGone),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let part = match &mut self.0 {
            Kind::Full(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Kind::Full(bytes) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Parts(receiver) => std::task::ready!(receiver.poll_recv(context)),
        };
        Poll::Ready(match part {
            Some(Part::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Part::End) => {
                self.0 = Kind::Full(Bytes::new());
                None
            }
            None => Some(Err(io::Error::other("the body was not made to its end"))),
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Parts(_) => SizeHint::default(),
        }
    }
}
