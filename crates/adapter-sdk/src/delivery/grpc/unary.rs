//! Unary calls of messages that were encoded and compressed once, whatever number of attempts it takes.

use std::fmt::Write as _;

use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service as _;

use super::GrpcClient;
use crate::delivery::http::gzip;

/// Of longer answers only the beginning is read.
const MAX_ANSWER: usize = 64 << 10;
/// Before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Base64 with or without padding.
const DETAILS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Puts the prefix of gRPC before an encoded message, which is compressed first if `compress` says so.
pub fn frame(message: &[u8], compress: bool) -> Bytes {
    let compressed = compress.then(|| gzip(message));
    let content = compressed.as_deref().unwrap_or(message);
    let mut frame = BytesMut::with_capacity(PREFIX + content.len());
    frame.put_u8(u8::from(compress));
    frame.put_u32(u32::try_from(content.len()).unwrap_or(u32::MAX));
    frame.extend_from_slice(content);
    frame.freeze()
}

impl GrpcClient {
    /// Calls the method at a path such as `/package.Service/Method` once, with a message that [`frame`] has made. Returns the
    /// encoded answer, of which no more than 64 KiB are read.
    ///
    /// # Errors
    ///
    /// The status that was answered; UNAVAILABLE when there was no answer, because the connection could not be made or broke off.
    pub async fn unary(
        &self,
        path: &'static str,
        metadata: HeaderMap,
        frame: Bytes,
    ) -> Result<Bytes, Status> {
        let request = request(path, metadata, frame);
        let mut channel = self.channel();
        std::future::poll_fn(|context| channel.poll_ready(context))
            .await
            .map_err(|error| no_answer(&error))?;
        let response = channel.call(request).await.map_err(|error| no_answer(&error))?;
        read(response).await
    }
}

fn request(path: &'static str, metadata: HeaderMap, frame: Bytes) -> Request<Body> {
    let is_compressed = frame.first() == Some(&1);
    let mut request = Request::new(Body::new(Full::new(frame)));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::from_static(path);
    *request.headers_mut() = metadata;
    let headers = request.headers_mut();
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if is_compressed {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    request
}

async fn read(response: Response<Body>) -> Result<Bytes, Status> {
    let (parts, mut body) = response.into_parts();
    if let Some(status) = status_of(parts.headers) {
        return settled(status, BytesMut::new());
    }
    if parts.status != StatusCode::OK {
        return Err(not_grpc(parts.status));
    }
    let mut content = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| no_answer(&error))?;
        match frame.into_data() {
            Ok(data) => {
                let room = (MAX_ANSWER + PREFIX).saturating_sub(content.len());
                content.extend_from_slice(data.get(..room).unwrap_or(&data));
            }
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                if let Some(status) = status_of(trailers) {
                    return settled(status, content);
                }
            }
        }
    }
    Err(Status::unavailable("no answer: the stream ended without a status"))
}

/// The status in headers. Details that are not Base64 are left out: tonic panics on them.
fn status_of(mut headers: HeaderMap) -> Option<Status> {
    let details = headers.get(Status::GRPC_STATUS_DETAILS);
    if details.is_some_and(|details| DETAILS.decode(details).is_err()) {
        headers.remove(Status::GRPC_STATUS_DETAILS);
    }
    Status::from_header_map(&headers)
}

fn settled(status: Status, mut content: BytesMut) -> Result<Bytes, Status> {
    if status.code() != Code::Ok {
        return Err(status);
    }
    // We offer no compression, so an answer that is compressed breaks the protocol, and is not looked at.
    if content.first() != Some(&0) || content.len() < PREFIX {
        return Ok(Bytes::new());
    }
    Ok(content.split_off(PREFIX).freeze())
}

/// What a proxy answered in place of the server (gRPC's `http-grpc-status-mapping`).
fn not_grpc(status: StatusCode) -> Status {
    let code = match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(code, format!("status {status} of HTTP without one of gRPC"))
}

/// An error and what caused it.
fn no_answer(error: &(dyn std::error::Error + 'static)) -> Status {
    let mut text = format!("no answer: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Many of them say what their cause says.
        if !text.ends_with(&part) {
            // Writing to a text does not fail.
            let _ = write!(text, ": {part}");
        }
        cause = error.source();
    }
    Status::unavailable(text)
}

#[cfg(test)]
mod tests;
