//! A gRPC client that sends what a correct one never would: broken frames, no deadline of its own, half a call.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, Request};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::security::Tls;

type Body = BoxBody<Bytes, std::convert::Infallible>;

/// Longer answers are not kept.
const MAX_ANSWER: usize = 64 << 20;

/// The authority of calls through a socket.
const LOCAL: &str = "localhost";

/// Where the adapter is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tcp(String),
    Unix(PathBuf),
}

impl Place {
    pub(crate) fn parse(address: &str) -> Self {
        let tcp = |address: &str| Self::Tcp(address.trim_end_matches('/').to_owned());
        match address.strip_prefix("unix:") {
            Some(path) => Self::Unix(PathBuf::from(path.strip_prefix("//").unwrap_or(path))),
            None => {
                let schemes = ["http://", "https://", "dns:///"];
                tcp(schemes.iter().find_map(|scheme| address.strip_prefix(scheme)).unwrap_or(address))
            }
        }
    }

    /// The host that a certificate has to be for.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Tcp(address) => {
                let host = address.rsplit_once(':').map_or(&**address, |(host, _)| host);
                host.trim_start_matches('[').trim_end_matches(']')
            }
            Self::Unix(_) => LOCAL,
        }
    }
}

/// How the adapter is reached: where it is, and what it asks of a caller.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) place: Place,
    pub(crate) tls: Option<Tls>,
    /// Headers of every call: the token.
    pub(crate) headers: HeaderMap,
}

/// What a call was answered with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The gRPC status.
    pub(crate) code: i32,
    pub(crate) message: String,
    /// The messages of the answer.
    pub(crate) messages: Vec<Bytes>,
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn is_ok(&self) -> bool {
        self.code == 0
    }

    /// The one message of a unary call; empty when there is none.
    pub(crate) fn body(&self) -> Bytes {
        self.messages.first().cloned().unwrap_or_default()
    }

    /// The status for a person.
    pub(crate) fn status(&self) -> String {
        match &*self.message {
            "" => crate::code_name(self.code),
            message => format!("{} ({message})", crate::code_name(self.code)),
        }
    }
}

/// One HTTP/2 connection.
pub(crate) struct Connection {
    sender: http2::SendRequest<Body>,
    authority: String,
    headers: HeaderMap,
    patience: Duration,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    /// Cuts the connection, whatever is going on there.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Connects; `patience` is the longest that this and each call may take.
    pub(crate) async fn open(way: &Way, patience: Duration) -> Result<Self, String> {
        let opening = async {
            match &way.place {
                Place::Tcp(address) => {
                    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
                    let _ = stream.set_nodelay(true);
                    Self::secure(stream, address.clone(), (way, patience)).await
                }
                Place::Unix(path) => {
                    let stream = UnixStream::connect(path).await.map_err(|error| error.to_string())?;
                    Self::secure(stream, LOCAL.to_owned(), (way, patience)).await
                }
            }
        };
        let opened = tokio::time::timeout(patience, opening).await;
        opened.unwrap_or_else(|_| Err(format!("no connection within {patience:?}")))
    }

    async fn secure<S>(stream: S, authority: String, more: (&Way, Duration)) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(tls) = &more.0.tls else { return Self::over(stream, authority, more).await };
        let connector = TlsConnector::from(tls.config.clone());
        let stream = connector.connect(tls.name.clone(), stream).await;
        let stream = stream.map_err(|error| format!("TLS: {error}"))?;
        Self::over(stream, authority, more).await
    }

    async fn over<S>(stream: S, authority: String, (way, patience): (&Way, Duration)) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| error.to_string())?;
        // Its error is the error of the calls on it.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, authority, headers: way.headers.clone(), patience, driver })
    }

    /// A unary call with a whole message. An error means that there was no gRPC answer.
    pub(crate) async fn call(&self, path: &str, message: &[u8]) -> Result<Answer, String> {
        self.call_within(path, message, self.patience).await
    }

    /// The same, telling the adapter another deadline than that by which the client really gives up.
    pub(crate) async fn call_within(
        &self,
        path: &str,
        message: &[u8],
        deadline: Duration,
    ) -> Result<Answer, String> {
        self.send(path, frame(message), deadline).await
    }

    /// A call with these bytes instead of a frame.
    pub(crate) async fn call_raw(&self, path: &str, bytes: Bytes) -> Result<Answer, String> {
        self.send(path, bytes, self.patience).await
    }

    async fn send(&self, path: &str, bytes: Bytes, deadline: Duration) -> Result<Answer, String> {
        let started = Instant::now();
        let answering = self.answer(self.request(path, deadline, Full::new(bytes).boxed())?);
        let answered = tokio::time::timeout(self.patience, answering).await;
        let mut answer = answered.map_err(|_| format!("no answer within {:?}", self.patience))??;
        answer.took = started.elapsed();
        Ok(answer)
    }

    /// Begins a call, sends half of it and gives it up.
    pub(crate) async fn give_up(&self, path: &str, message: &[u8], after: Duration) -> Result<(), String> {
        let frame = frame(message);
        let half = frame.slice(..frame.len() / 2);
        let first = stream::iter([Ok(Frame::data(half))]);
        let body = StreamBody::new(futures::StreamExt::chain(first, stream::pending())).boxed();
        let request = self.request(path, self.patience, body)?;
        // Whether it is answered early does not matter.
        drop(tokio::time::timeout(after, self.answer(request)).await);
        Ok(())
    }

    fn request(&self, path: &str, deadline: Duration, body: Body) -> Result<Request<Body>, String> {
        let mut request = Request::post(format!("http://{}{path}", self.authority))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", format!("{}m", deadline.as_millis().min(99_999_999)))
            .header("user-agent", concat!("mixer-adapter-test/", env!("CARGO_PKG_VERSION")));
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        request.body(body).map_err(|error| error.to_string())
    }

    async fn answer(&self, request: Request<Body>) -> Result<Answer, String> {
        let mut sender = self.sender.clone();
        sender.ready().await.map_err(|error| format!("the connection is gone: {error}"))?;
        let response = sender.send_request(request).await.map_err(|error| ended(&error))?;
        let (head, mut body) = response.into_parts();
        let (mut data, mut trailers) = (BytesMut::new(), None);
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                // The status may have come already.
                Err(_) if head.headers.contains_key("grpc-status") => break,
                Err(error) => return Err(ended(&error)),
            };
            match frame.into_data() {
                Ok(part) if data.len() + part.len() <= MAX_ANSWER => data.extend_from_slice(&part),
                Ok(_) => return Err(format!("the answer is longer than {MAX_ANSWER} bytes")),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        let (code, message) = trailers
            .as_ref()
            .and_then(status)
            .or_else(|| status(&head.headers))
            .ok_or_else(|| format!("HTTP status {} without a gRPC status", head.status))?;
        Ok(Answer { code, message, messages: split(data.freeze())?, took: Duration::ZERO })
    }
}

fn ended(error: &hyper::Error) -> String {
    format!("the connection or the stream ended without an answer: {error}")
}

fn status(headers: &HeaderMap) -> Option<(i32, String)> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    let message = headers.get("grpc-message").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Some((code, unescape(message)))
}

/// The message is percent-encoded.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after.get(..2).filter(|_| *first == b'%');
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A message with its prefix: not compressed, length in four bytes.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(message.len() + 5);
    frame.push(0);
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

fn split(mut data: Bytes) -> Result<Vec<Bytes>, String> {
    let mut messages = Vec::new();
    while data.len() >= 5 {
        let compressed = data.get_u8();
        let length = data.get_u32() as usize;
        if compressed != 0 || data.len() < length {
            return Err("the answer is no gRPC message (compressed, or cut off)".to_owned());
        }
        messages.push(data.split_to(length));
    }
    Ok(messages)
}

#[cfg(test)]
mod tests;
