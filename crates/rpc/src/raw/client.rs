//! Calls of methods whose paths are known only when the program runs.

use bytes::{Buf, Bytes};
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::{Request, Response, Status};

use super::codec::BufCodec;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Calls the unary method at `path` (`/package.Service/Method`) with the bytes of a request message; the
/// answer holds the bytes of the response message.
///
/// Deadline and metadata are those of `request`, limits of message sizes those of `client`.
///
/// # Errors
///
/// The status that the server answered with, or UNAVAILABLE when the channel cannot take the call.
pub async fn unary<T>(
    client: &mut Grpc<T>,
    path: PathAndQuery,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Status>
where
    T: GrpcService<Body>,
    T::ResponseBody: http_body::Body + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<BoxError>,
{
    unary_buf(client, path, request).await
}

/// [`unary`] with a request message that need not lie in one piece: it is copied once, into the frame.
///
/// # Errors
///
/// As [`unary`].
pub async fn unary_buf<T, M>(
    client: &mut Grpc<T>,
    path: PathAndQuery,
    request: Request<M>,
) -> Result<Response<Bytes>, Status>
where
    M: Buf + Send + Sync + 'static,
    T: GrpcService<Body>,
    T::ResponseBody: http_body::Body + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<BoxError>,
{
    client.ready().await.map_err(|error| {
        let error: BoxError = error.into();
        Status::unavailable(format!("the channel takes no call of {path}: {error}"))
    })?;
    client.unary(request, path, BufCodec::default()).await
}
