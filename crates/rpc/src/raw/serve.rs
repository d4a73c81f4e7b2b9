//! Answers one HTTP request as a unary gRPC call over bytes.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};

use super::codec::BytesCodec;

/// Longest message that is accepted when nothing else is said, in bytes: the usual limit of gRPC.
pub const DEFAULT_MAX_DECODING_MESSAGE_SIZE: usize = 4 * 1024 * 1024;

/// What a service of this module answers a request with.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

/// Reads the request message, calls `method` with it, and writes what it answers.
pub(super) async fn unary<B, F, A>(
    request: http::Request<B>,
    max_decoding_message_size: usize,
    method: F,
) -> Result<http::Response<Body>, Infallible>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    F: FnMut(Request<Bytes>) -> A,
    A: Future<Output = Result<Response<Bytes>, Status>>,
{
    let mut grpc = Grpc::new(BytesCodec).max_decoding_message_size(max_decoding_message_size);
    Ok(grpc.unary(Method(method), request).await)
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
