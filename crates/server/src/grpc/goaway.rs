//! The end of the port, as connections and endless streams learn of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;

/// Tells every connection to finish what it has and take nothing more, once nobody new can come. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Goaway {
    asked: watch::Sender<bool>,
    sent: watch::Sender<bool>,
}

impl Goaway {
    /// Stop accepting, then GOAWAY on every connection.
    pub fn send(&self) {
        self.asked.send_replace(true);
    }

    /// Waits until nobody new is to be let in.
    pub(super) fn asked(&self) -> impl Future<Output = ()> + Send + use<> {
        turns_true(self.asked.subscribe())
    }

    /// Nobody new can come any more.
    pub(super) fn closed(&self) {
        self.sent.send_replace(true);
    }

    /// Turns true when it is sent.
    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.sent.subscribe()
    }

    /// Waits until it is sent.
    pub(super) fn sent(&self) -> impl Future<Output = ()> + Send + use<> {
        turns_true(self.sent.subscribe())
    }
}

async fn turns_true(mut receiver: watch::Receiver<bool>) {
    // An error means that nobody is left to send it: never.
    if receiver.wait_for(|sent| *sent).await.is_err() {
        std::future::pending::<()>().await;
    }
}

pin_project! {
    /// A response that would not end by itself, such as a health watch: ends when the port does.
    pub(super) struct UntilGoaway {
        #[pin]
        inner: Body,
        goaway: Option<BoxFuture<'static, ()>>,
    }
}

impl UntilGoaway {
    pub(super) fn new(inner: Body, goaway: &Goaway) -> Self {
        Self { inner, goaway: Some(Box::pin(goaway.sent())) }
    }
}

impl HttpBody for UntilGoaway {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let Some(goaway) = this.goaway else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = this.inner.poll_frame(cx) {
            return Poll::Ready(frame);
        }
        if goaway.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        *this.goaway = None;
        let status = Status::unavailable("the server is stopping");
        Poll::Ready(Some(Ok(Frame::trailers(status.into_http::<()>().into_parts().0.headers))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
