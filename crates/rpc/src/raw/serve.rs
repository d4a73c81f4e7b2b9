//! Answers one HTTP request as a unary gRPC call over bytes.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::HeaderValue;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};

use super::codec::BytesCodec;

/// Longest message that is accepted when nothing else is said, in bytes: the usual limit of gRPC.
pub const DEFAULT_MAX_DECODING_MESSAGE_SIZE: usize = 4 * 1024 * 1024;

/// What a service of this module answers a request with.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

/// The header with the status of a call that is answered without a message.
const STATUS: &str = "grpc-status";

/// Reads the request message, calls `method` with it, and writes what it answers.
///
/// A message that is longer than the limit is answered with RESOURCE_EXHAUSTED, as every other gRPC server does; callers
/// tell by it that sending the message again is no use. tonic says OUT_OF_RANGE.
pub(super) async fn unary<B, F, A>(
    request: http::Request<B>,
    max_decoding_message_size: usize,
    mut method: F,
) -> Result<http::Response<Body>, Infallible>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    F: FnMut(Request<Bytes>) -> A,
    A: Future<Output = Result<Response<Bytes>, Status>>,
{
    let mut grpc = Grpc::new(BytesCodec).max_decoding_message_size(max_decoding_message_size);
    let mut arrived = false;
    let method = Method(|message| {
        arrived = true;
        method(message)
    });
    let mut response = grpc.unary(method, request).await;
    let status = response.headers_mut().get_mut(STATUS);
    // What the method itself answers is its own business.
    if let Some(status) = status.filter(|status| !arrived && *status == "11") {
        *status = HeaderValue::from_static("8");
    }
    Ok(response)
}

/// The answer to a path that no method has.
pub(super) fn unknown_method(path: &str) -> http::Response<Body> {
    Status::unimplemented(format!("no method is served at {path}")).into_http()
}

/// A function as a gRPC method.
struct Method<F>(F);

impl<F, A> UnaryService<Bytes> for Method<F>
where
    F: FnMut(Request<Bytes>) -> A,
    A: Future<Output = Result<Response<Bytes>, Status>>,
{
    type Response = Bytes;
    type Future = A;

    fn call(&mut self, request: Request<Bytes>) -> A {
        (self.0)(request)
    }
}
