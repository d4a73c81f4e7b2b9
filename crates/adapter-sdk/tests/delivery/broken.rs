//! Calls of gRPC that break off in the middle, at every place and in every way that HTTP/2 has: none is taken for a refusal,
//! neither by a generated client over the channel nor by our own.

use ::http::HeaderMap;
use mixer_adapter_sdk::delivery::Outcome;
use mixer_adapter_sdk::delivery::grpc::{GrpcClient, frame, outcome};
use mixer_adapter_sdk::delivery::http::HttpOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn h2(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0, 0, u8::try_from(payload.len()).unwrap(), kind, flags, 0, 0, 0, stream];
    [&head[..], payload].concat()
}

/// `:status: 200` and `content-type: application/grpc` (RFC 7541).
fn answered() -> Vec<u8> {
    let kind = b"application/grpc";
    let fields = [&[0x88, 0x0f, 0x10, u8::try_from(kind.len()).unwrap()][..], kind].concat();
    h2(HEADERS, END_HEADERS, 1, &fields)
}

/// Takes one call, answers with these bytes, and then either closes the connection or leaves it.
async fn answer(listener: TcpListener, script: Vec<u8>, closes: bool) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut preface = [0; PREFACE];
    stream.read_exact(&mut preface).await.unwrap();
    stream.write_all(&h2(SETTINGS, 0, 0, &[])).await.unwrap();
    until_called(&mut stream).await;
    stream.write_all(&script).await.unwrap();
    if closes {
        stream.shutdown().await.unwrap();
    }
    // Read to the end, so that nothing that was written is lost to a reset.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// Until the last frame of a request has come.
async fn until_called(stream: &mut TcpStream) {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let [_, high, low, kind, flags, ..] = head;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        stream.read_exact(&mut payload).await.unwrap();
        if kind == DATA && flags & END_STREAM != 0 {
            return;
        }
    }
}

async fn check(name: &str, script: &[u8], closes: bool) {
    for generated in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let client = GrpcClient::new(&url, &HttpOptions::default()).unwrap();
        let answering = tokio::spawn(answer(listener, script.to_vec(), closes));
        let status = match generated {
            true => {
                let mut client = HealthClient::new(client.channel());
                client.check(HealthCheckRequest::default()).await.map(|_| ()).unwrap_err()
            }
            false => {
                let path = "/grpc.health.v1.Health/Check";
                client.unary(path, HeaderMap::new(), frame(b"", false)).await.map(|_| ()).unwrap_err()
            }
        };
        let found = outcome(&status);
        let is_retry =
            matches!(&found, Outcome::Retry { after: None, detail } if detail.contains("no answer: "));
        assert!(is_retry, "{name}, generated client: {generated}: {found:?} of {status:?}");
        answering.abort();
    }
}

#[tokio::test]
async fn what_breaks_off_is_tried_again() {
    let places: [(&str, &[u8]); 4] = [
        ("no message", b""),
        ("half of a prefix", b"\0\0\0"),
        ("half of a message", b"\0\0\0\0\x02\x08"),
        ("a message without a status", b"\0\0\0\0\x02\x08\x01"),
    ];
    let reset = |code: u8| (format!("a reset with {code}"), h2(RST_STREAM, 0, 1, &[0, 0, 0, code]), false);
    let goaway = |last: u8| {
        let frame = h2(GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, 2]);
        (format!("the server goes away after stream {last}"), frame, true)
    };
    let mut ends = vec![
        ("the end of the connection".to_owned(), Vec::new(), true),
        ("the end of the stream".to_owned(), h2(DATA, END_STREAM, 1, b""), false),
        goaway(0),
        goaway(1),
    ];
    // From NO_ERROR to HTTP_1_1_REQUIRED.
    ends.extend((0..=13).map(reset));
    for (end, last, closes) in ends {
        if !end.ends_with("of the stream") {
            // A stream cannot end before its headers.
            check(&end, &last, closes).await;
        }
        for (place, message) in places {
            let script = [answered(), h2(DATA, 0, 1, message), last.clone()].concat();
            check(&format!("{place}, then {end}"), &script, closes).await;
        }
    }
}
