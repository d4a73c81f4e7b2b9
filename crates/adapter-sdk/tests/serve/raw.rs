//! A client without manners: it writes frames of HTTP/2 as a test wants them, and reads the status of the answer.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mixer_adapter_sdk::ListenAddress;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const LIST_ENTRY: &str = "/listentry.HandleListEntryService/HandleListEntry";

/// One connection.
pub(crate) struct RawClient {
    requests: SendRequest<Body>,
}

type Body = http_body_util::Either<Full<Bytes>, Channel<Bytes>>;

/// What an answer says: the code of gRPC and its message.
pub(crate) type Answer = (u32, String);

impl RawClient {
    pub(crate) async fn connect(address: &ListenAddress) -> Self {
        Self::over(TcpStream::connect(address.to_string()).await.unwrap()).await
    }

    pub(crate) async fn over(
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { requests }
    }

    /// Sends a whole body.
    pub(crate) async fn send(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let body = Body::Left(Full::new(Bytes::copy_from_slice(body)));
        answer(self.requests.send_request(request(path, headers, body)).await.unwrap()).await
    }

    /// Begins a body that the sender goes on with, or does not.
    pub(crate) fn begin(&mut self, path: &str) -> (Sender<Bytes>, impl Future<Output = Answer> + use<>) {
        let (sender, body) = Channel::new(16);
        let sent = self.requests.send_request(request(path, &[], Body::Right(body)));
        (sender, async move { answer(sent.await.unwrap()).await })
    }
}

fn request(path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request =
        Request::post(format!("http://adapter{path}")).header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

async fn answer(response: Response<Incoming>) -> Answer {
    let headers = response.headers().clone();
    let trailers = response.into_body().collect().await.unwrap().trailers().cloned().unwrap_or_default();
    let find = |name: &str| {
        let value = headers.get(name).or_else(|| trailers.get(name));
        value.map(|value| value.to_str().unwrap().replace("%20", " ")).unwrap_or_default()
    };
    (find("grpc-status").parse().unwrap(), find("grpc-message"))
}

/// Kinds of frames (RFC 9113, section 6).
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;

/// What a client sends that does not wait for anything: its preface, its settings, and a call of `/` without a body.
pub(crate) const HASTY: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
    \0\0\x03\x01\x05\0\0\0\x01\x83\x86\x84";

/// The kinds of the frames that come up to the end of a connection. A server that says goodbye asks first whether that
/// was heard.
pub(crate) async fn frames(mut stream: TcpStream) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        stream.read_exact(&mut payload).await.unwrap();
        kinds.push(head[3]);
        if (head[3], head[4]) == (PING, 0) {
            head[4] = 1;
            stream.write_all(&[&head[..], &payload].concat()).await.unwrap();
        }
    }
    kinds
}

/// A message with the five bytes that stand before it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    framed
}
