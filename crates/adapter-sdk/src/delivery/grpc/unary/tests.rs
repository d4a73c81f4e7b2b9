//! What is sent, and what follows from answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

#[test]
fn a_frame_has_a_prefix() {
    assert_eq!(&frame(b"abc", false)[..], b"\0\0\0\0\x03abc");
    let compressed = frame(&[7; 1000], true);
    let length = u32::from_be_bytes(compressed[1..5].try_into().unwrap()) as usize;
    assert_eq!((compressed[0], compressed.len()), (1, PREFIX + length));
    assert!(length < 100);
}

#[tokio::test]
async fn answers() {
    let check =
        async |response: ::http::response::Builder, body: &'static [u8], wanted: Result<&[u8], Code>| {
            let response = response.body(Body::new(Full::new(Bytes::from_static(body)))).unwrap();
            let found = read(response).await.map_err(|status| status.code());
            assert_eq!(found.as_deref(), wanted.as_ref().map(|body| *body));
        };
    let ok = Response::builder;
    check(ok().header("grpc-status", "0"), b"", Ok(b"")).await;
    check(ok().header("grpc-status", "7"), b"", Err(Code::PermissionDenied)).await;
    for details in ["AA", "AA==", "no base64!", "A"] {
        let refused = ok().header("grpc-status", "7").header("grpc-status-details-bin", details);
        check(refused, b"", Err(Code::PermissionDenied)).await;
    }
    check(ok(), b"\0\0\0\0\x01x", Err(Code::Unavailable)).await;
    check(ok().status(404), b"", Err(Code::Unimplemented)).await;
    check(ok().status(503), b"", Err(Code::Unavailable)).await;
    check(ok().status(302), b"", Err(Code::Unknown)).await;
    let settled = |content: &[u8]| settled(Status::ok(""), content.into()).unwrap();
    assert_eq!(&settled(b"\0\0\0\0\x01x")[..], b"x");
    assert_eq!(&settled(b"\x01\0\0\0\x01x")[..], b"");
    assert_eq!(&settled(b"\0\0")[..], b"");
}
