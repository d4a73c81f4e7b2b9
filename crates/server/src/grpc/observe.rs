//! Measures a call: how it ended, how long it took, how many bytes it moved, and that it is still running.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tonic::Code;
use tonic::body::Body;

use super::rpc_metrics::MethodMetrics;

/// One running call. Dropping it records the end.
#[derive(Debug)]
pub(crate) struct Call {
    method: Arc<MethodMetrics>,
    started: Instant,
    deadline: Option<Instant>,
    sent: u64,
    status: Option<Code>,
}

impl Call {
    pub(crate) fn start(method: Arc<MethodMetrics>, now: Instant, deadline: Option<Instant>) -> Self {
        method.in_flight.inc();
        Self { method, started: now, deadline, sent: 0, status: None }
    }

    /// Takes the status from headers (a response without body) or trailers.
    pub(crate) fn note_status(&mut self, headers: &HeaderMap) {
        if let Some(value) = headers.get("grpc-status") {
            self.status = Some(Code::from_bytes(value.as_bytes()));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let now = Instant::now();
        // Without a status the caller went away: because it waited long enough, or for a reason of its own.
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        let given_up = if late { Code::DeadlineExceeded } else { Code::Cancelled };
        self.method.in_flight.dec();
        self.method.ended(self.status.unwrap_or(given_up));
        self.method.latency_ms.observe(now.duration_since(self.started).as_secs_f64() * 1e3);
        self.method.sent.observe(self.sent as f64);
    }
}

pin_project! {
    /// The body of a response: counts bytes and sees the trailers.
    #[derive(Debug)]
    pub(crate) struct SentBody {
        #[pin]
        inner: Body,
        call: Call,
    }
}

impl SentBody {
    pub(crate) fn new(inner: Body, call: Call) -> Self {
        Self { inner, call }
    }
}

impl HttpBody for SentBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            match (frame.data_ref(), frame.trailers_ref()) {
                (Some(data), _) => this.call.sent += data.remaining() as u64,
                (None, Some(trailers)) => this.call.note_status(trailers),
                (None, None) => {}
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project! {
    /// The body of a request: counts bytes.
    #[derive(Debug)]
    pub(crate) struct ReceivedBody {
        #[pin]
        inner: Incoming,
        method: Arc<MethodMetrics>,
        bytes: u64,
    }

    impl PinnedDrop for ReceivedBody {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.method.received.observe(*this.bytes as f64);
        }
    }
}

impl ReceivedBody {
    pub(crate) fn new(inner: Incoming, method: Arc<MethodMetrics>) -> Self {
        Self { inner, method, bytes: 0 }
    }
}

impl HttpBody for ReceivedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            *this.bytes += data.remaining() as u64;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
