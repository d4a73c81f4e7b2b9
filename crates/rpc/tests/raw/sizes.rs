//! Messages of every size arrive whole, and limits hold.

use bytes::{Buf, Bytes};
use http::uri::PathAndQuery;
use mixer_rpc::raw::{
    self, CHECK_PATH, DEFAULT_MAX_DECODING_MESSAGE_SIZE, HandlerService, MixerService, RawMixer,
};
use tonic::client::Grpc;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::loopback::Loopback;

/// Answers with what it is sent.
struct Echo;

impl RawMixer for Echo {
    async fn check(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn report(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

/// A message in which every place differs from its neighbours and from those a power of two away.
fn message(size: usize) -> Bytes {
    let mut message = (0..251).collect::<Vec<u8>>().repeat(size / 251 + 1);
    message.truncate(size);
    message.into()
}

async fn echo(client: &mut Grpc<Channel>, message: Bytes) -> Result<Bytes, Status> {
    let path = PathAndQuery::from_static(CHECK_PATH);
    raw::unary(client, path, Request::new(message)).await.map(Response::into_inner)
}

/// Where a message is cut makes no difference to the one who receives it.
#[tokio::test]
async fn pieces_arrive_as_one_message() {
    let server = Loopback::serve(Routes::new(MixerService::new(Echo))).await;
    let mut client = Grpc::new(server.channel.clone());
    let whole = message(40_000);
    for cut in [0, 1, 16_384, 39_999, 40_000] {
        let pieces = whole.slice(..cut).chain(whole.slice(cut..));
        let path = PathAndQuery::from_static(CHECK_PATH);
        let answer = raw::unary_buf(&mut client, path, Request::new(pieces)).await.expect("an answer");
        assert!(answer.into_inner() == whole, "cut at {cut}");
    }
}

/// Sizes around those of buffers and HTTP/2 frames, and one of many frames.
#[tokio::test]
async fn every_size_arrives_whole() {
    let server = Loopback::serve(Routes::new(MixerService::new(Echo))).await;
    let mut client = Grpc::new(server.channel.clone());
    let mut sizes = vec![0, 1, 300, DEFAULT_MAX_DECODING_MESSAGE_SIZE];
    for around in [1024, 4096, 8192, 16 * 1024, 32 * 1024, 64 * 1024] {
        sizes.extend(around - 6..=around + 1);
    }
    for size in sizes {
        let answer = echo(&mut client, message(size)).await.expect("an answer");
        assert!(answer == message(size), "{size} bytes came back as {}", answer.len());
    }
}

/// The longest message that a server takes is the one it says, whichever service it is.
#[tokio::test]
async fn limits_hold() {
    let table = || HandlerService::new().method(CHECK_PATH, |request| async { Ok(request.into_inner()) });
    let long = DEFAULT_MAX_DECODING_MESSAGE_SIZE;
    let cases = [
        (Routes::new(MixerService::new(Echo)), long),
        (Routes::new(MixerService::new(Echo).max_decoding_message_size(10)), 10),
        (Routes::new(MixerService::new(Echo).max_decoding_message_size(2 * long)), 2 * long),
        (table().mount(Routes::default()), long),
        (table().max_decoding_message_size(10).mount(Routes::default()), 10),
    ];
    for (routes, limit) in cases {
        let server = Loopback::serve(routes).await;
        let mut client = Grpc::new(server.channel.clone()).max_decoding_message_size(usize::MAX);
        let answer = echo(&mut client, message(limit)).await.expect("an answer");
        assert_eq!(answer.len(), limit);
        let status = echo(&mut client, message(limit + 1)).await.expect_err("refused");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains(&format!("the limit is: {limit} bytes")), "{status}");
    }
}

/// A method that says OUT_OF_RANGE means it.
#[tokio::test]
async fn what_a_method_answers_stays() {
    let service =
        HandlerService::new().method(CHECK_PATH, |_| async { Err(Status::out_of_range("no such page")) });
    let server = Loopback::serve(service.mount(Routes::default())).await;
    let status = echo(&mut Grpc::new(server.channel.clone()), message(1)).await.expect_err("refused");
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "no such page"));
}
