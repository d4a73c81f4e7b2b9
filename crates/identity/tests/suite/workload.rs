//! The SPIFFE Workload API, served by a fake that follows the specification: header, one stream, whole answers, and statuses
//! that mean something.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _};
use mixer_identity::{ClientPolicy, Expected, Reason, Source};
use mixer_testkit::pki::{Authority, Issued};
use prost::Message;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::support::{ADAPTER, Followed, MIXER, Side, authority, ids, meet};

/// `X509SVIDRequest` of workload.proto.
#[derive(Clone, PartialEq, Message)]
struct SvidRequest {}

/// `X509SVIDResponse` of workload.proto.
#[derive(Clone, PartialEq, Message)]
struct SvidResponse {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<Svid>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    crl: Vec<Vec<u8>>,
    #[prost(map = "string, bytes", tag = "3")]
    federated_bundles: HashMap<String, Vec<u8>>,
}

/// `X509SVID` of workload.proto.
#[derive(Clone, PartialEq, Message)]
struct Svid {
    #[prost(string, tag = "1")]
    spiffe_id: String,
    #[prost(bytes = "vec", tag = "2")]
    x509_svid: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    x509_svid_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    bundle: Vec<u8>,
    #[prost(string, tag = "5")]
    hint: String,
}

type News = Result<SvidResponse, Status>;

#[derive(Clone)]
struct Agent {
    news: watch::Sender<News>,
    calls: Arc<AtomicUsize>,
}

impl Agent {
    fn new(first: News) -> Self {
        Self { news: watch::Sender::new(first), calls: Arc::default() }
    }

    fn say(&self, news: News) {
        // What was said before does not matter any more.
        let _ = self.news.send_replace(news);
    }

    fn serve(&self, socket: &Path) -> tokio::task::JoinHandle<()> {
        let incoming = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
        let server = tonic::transport::Server::builder().add_service(self.clone());
        tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() })
    }
}

impl NamedService for Agent {
    const NAME: &'static str = "SpiffeWorkloadAPI";
}

impl tower::Service<http::Request<Body>> for Agent {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let agent = self.clone();
        Box::pin(async move {
            if request.uri().path() != "/SpiffeWorkloadAPI/FetchX509SVID" {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            Ok(Grpc::new(ProstCodec::<SvidResponse, SvidRequest>::default())
                .server_streaming(agent, request)
                .await)
        })
    }
}

impl ServerStreamingService<SvidRequest> for Agent {
    type Response = SvidResponse;
    type ResponseStream = BoxStream<'static, News>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<SvidRequest>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let is_aware = request.metadata().get("workload.spiffe.io").is_some_and(|value| value == "true");
        let news = WatchStream::new(self.news.subscribe());
        Box::pin(async move {
            match is_aware {
                true => Ok(Response::new(news.boxed())),
                false => Err(Status::invalid_argument("security header missing from request")),
            }
        })
    }
}

fn svid(id: &str, own: &Issued, bundle: &[&Authority]) -> SvidResponse {
    let svid = Svid {
        spiffe_id: id.to_owned(),
        x509_svid: own.chain_der.clone(),
        x509_svid_key: own.key_der.clone(),
        bundle: bundle.iter().flat_map(|authority| authority.der()).collect(),
        hint: "internal".to_owned(),
    };
    let other = Svid { spiffe_id: "spiffe://other/second".to_owned(), ..Svid::default() };
    SvidResponse { svids: vec![svid, other], ..SvidResponse::default() }
}

async fn follow(socket: &Path) -> Followed {
    Followed::start(Source::WorkloadApi(socket.display().to_string().parse().unwrap())).await
}

#[tokio::test]
async fn identities_come_and_change() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agent.sock");
    let (old, new) = (authority("old"), authority("new"));
    let agent = Agent::new(Err(Status::permission_denied("no identity issued")));
    let followed = follow(&socket).await;
    followed.fails("SPIFFE Workload API at unix:///").await;
    let serving = agent.serve(&socket);
    followed.fails("no identity is registered for this workload").await;
    agent.say(Ok(svid(MIXER, &old.issue(&[MIXER]).unwrap(), &[&old])));
    followed.shows(MIXER).await;

    let adapter = Side::new(Some(&old.issue(&[ADAPTER]).unwrap()), &[&old, &new]);
    let server = adapter.follow().await.server(ClientPolicy::Certificate(ids(&["spiffe://cluster.local"])));
    let client = followed.client(Expected::Ids(ids(&[ADAPTER])));
    assert_eq!(meet(&server, &client).await, (None, None));

    agent.say(Ok(svid(MIXER, &new.issue(&[MIXER]).unwrap(), &[&old, &new])));
    followed.loads().await;
    assert_eq!(meet(&server, &client).await, (None, None));

    // What is no identity leaves the last one, and the stream goes on.
    agent.say(Ok(svid(MIXER, &new.issue(&[ADAPTER]).unwrap(), &[&new])));
    followed.fails(&format!("its certificate names [{ADAPTER}] instead")).await;
    agent.say(Ok(svid(MIXER, &new.issue(&[MIXER]).unwrap(), &[])));
    followed.fails("its bundle").await;
    agent.say(Ok(SvidResponse::default()));
    followed.fails("without an identity").await;
    assert_eq!(meet(&server, &client).await, (None, None));

    serving.abort();
    let _ = serving.await;
    assert_eq!(meet(&server, &client).await, (None, None));
    std::fs::remove_file(&socket).unwrap();
    agent.say(Ok(svid(ADAPTER, &new.issue(&[ADAPTER]).unwrap(), &[&old, &new])));
    let _serving = agent.serve(&socket);
    followed.shows(ADAPTER).await;
}

#[tokio::test]
async fn an_authority_speaks_for_its_own_trust_domain_only() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agent.sock");
    let (own, foreign) = (authority("own"), authority("foreign"));
    let mut news = svid(MIXER, &own.issue(&[MIXER]).unwrap(), &[&own]);
    news.federated_bundles.insert("spiffe://foreign.org".to_owned(), foreign.der());
    let agent = Agent::new(Ok(news));
    let _serving = agent.serve(&socket);
    let followed = follow(&socket).await;
    followed.shows(MIXER).await;
    let guest = "spiffe://foreign.org/guest";
    let server =
        followed.server(ClientPolicy::Certificate(ids(&["spiffe://cluster.local", "spiffe://foreign.org"])));
    let check = async |by: &Authority, name: &str, expected: Option<Reason>| {
        let side = Side::new(Some(&by.issue(&[name]).unwrap()), &[&own]);
        let (refused, _) = meet(&server, &side.follow().await.client(Expected::Anybody)).await;
        assert_eq!(refused.as_ref().map(|refused| refused.reason), expected, "{name}: {refused:?}");
    };
    check(&foreign, guest, None).await;
    check(&own, ADAPTER, None).await;
    check(&foreign, ADAPTER, Some(Reason::UnknownAuthority)).await;
    check(&own, guest, Some(Reason::UnknownAuthority)).await;
    check(&own, "spiffe://third.org/a", Some(Reason::UnknownAuthority)).await;
    check(&own, "mixer.example.com", Some(Reason::UnknownAuthority)).await;
}

#[tokio::test]
async fn who_is_told_never_to_ask_again_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agent.sock");
    let agent = Agent::new(Err(Status::invalid_argument("go away")));
    let _serving = agent.serve(&socket);
    let followed = follow(&socket).await;
    let reason = followed.fails("for good").await;
    assert!(reason.contains("go away"), "{reason}");
    assert!(followed.credentials.get().unwrap_err().contains("go away"));
    // The first retry would come within a tenth of a second.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(agent.calls.load(Ordering::SeqCst), 1);
}
