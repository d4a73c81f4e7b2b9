//! Streams that would never end by themselves, such as the watch of a health client: they end when the process
//! drains, so that they do not hold it up.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

/// The body of an answer that ends with UNAVAILABLE when the process drains, if it has not ended before.
pub(super) fn until(drain: &CancellationToken, response: Response<Body>) -> Response<Body> {
    let drain = Box::pin(drain.clone().cancelled_owned());
    response.map(|body| Body::new(UntilDrained { body: Some(body), drain }))
}

struct UntilDrained {
    body: Option<Body>,
    drain: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl http_body::Body for UntilDrained {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        // What is there is sent first: the watch of a health client learns that the process is not serving.
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        std::task::ready!(self.drain.as_mut().poll(context));
        self.body = None;
        let (parts, _) = Status::unavailable("the adapter stops").into_http::<Body>().into_parts();
        Poll::Ready(Some(Ok(Frame::trailers(parts.headers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }
}
