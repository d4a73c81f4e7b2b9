//! Secret discovery, served by a fake that is built from Envoy's own protocol files and takes nothing else than what they
//! say.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source::Specifier};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret::Type,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::envoy::service::secret::v3::secret_discovery_service_server::{
    SecretDiscoveryService, SecretDiscoveryServiceServer,
};
use envoy_types::pb::google::protobuf::Any;
use futures::stream::BoxStream;
use mixer_identity::{ClientPolicy, Expected, Sds, Source};
use mixer_testkit::pki::{Authority, Issued};
use parking_lot::Mutex;
use prost::Message as _;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming};

use crate::support::{ADAPTER, Followed, MIXER, PATIENCE, Side, authority, ids, meet};

const TYPE: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/// What the agent has, by name, with the version.
type Secrets = HashMap<String, (u64, Secret)>;

/// Resource, version and whether it was taken.
type Verdict = (String, String, Result<(), String>);

#[derive(Clone)]
struct Agent {
    secrets: watch::Sender<Secrets>,
    verdicts: Arc<Mutex<Vec<Verdict>>>,
}

fn bytes(text: &str) -> Option<DataSource> {
    Some(DataSource {
        specifier: Some(Specifier::InlineBytes(text.as_bytes().to_vec())),
        ..DataSource::default()
    })
}

fn certificate(own: &Issued) -> Type {
    Type::TlsCertificate(TlsCertificate {
        certificate_chain: bytes(&own.chain),
        private_key: bytes(&own.key),
        ..TlsCertificate::default()
    })
}

fn roots(authorities: &[&Authority]) -> Type {
    let pem: String = authorities.iter().map(|authority| authority.pem()).collect();
    Type::ValidationContext(CertificateValidationContext { trusted_ca: bytes(&pem), ..Default::default() })
}

impl Agent {
    fn new() -> Self {
        Self { secrets: watch::Sender::default(), verdicts: Arc::default() }
    }

    fn put(&self, name: &str, secret: Type) {
        self.secrets.send_modify(|secrets| {
            let version = secrets.get(name).map_or(1, |(version, _)| version + 1);
            let secret = Secret { name: name.to_owned(), r#type: Some(secret) };
            secrets.insert(name.to_owned(), (version, secret));
        });
    }

    fn serve(&self, socket: &Path) -> tokio::task::JoinHandle<()> {
        let incoming = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
        let service = SecretDiscoveryServiceServer::new(self.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() })
    }

    async fn verdict(&self, name: &str, version: &str) -> Result<(), String> {
        let waiting = async {
            loop {
                let found = |(n, v, _): &&Verdict| n == name && v == version;
                if let Some((.., verdict)) = self.verdicts.lock().iter().find(found) {
                    return verdict.clone();
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap()
    }

    /// One stream, for one secret, as istio-agent wants it.
    async fn stream(
        self,
        mut requests: Streaming<DiscoveryRequest>,
        answers: mpsc::Sender<Result<DiscoveryResponse, Status>>,
    ) -> Result<(), Status> {
        let wrong = |what: &str| Status::invalid_argument(what.to_owned());
        let first = requests.message().await?.ok_or_else(|| wrong("no request"))?;
        let [name] = first.resource_names.as_slice() else { return Err(wrong("not one resource")) };
        if first.type_url != TYPE || first.node.is_none_or(|node| node.id.is_empty()) {
            return Err(wrong("type or node"));
        }
        if !first.response_nonce.is_empty() || first.error_detail.is_some() {
            return Err(wrong("the first request answers nothing"));
        }
        let mut secrets = self.secrets.subscribe();
        let mut accepted = first.version_info;
        let mut sent = 0;
        loop {
            let found = secrets.borrow_and_update().get(name).cloned();
            if let Some((version, secret)) = found.filter(|(version, _)| *version != sent) {
                sent = version;
                let nonce = format!("nonce-{name}-{version}");
                let answer = DiscoveryResponse {
                    version_info: version.to_string(),
                    resources: vec![Any { type_url: TYPE.to_owned(), value: secret.encode_to_vec() }],
                    type_url: TYPE.to_owned(),
                    nonce: nonce.clone(),
                    ..DiscoveryResponse::default()
                };
                if answers.send(Ok(answer)).await.is_err() {
                    return Ok(());
                }
                let Some(reply) = requests.message().await? else { return Ok(()) };
                if reply.response_nonce != nonce
                    || reply.resource_names != [name.clone()]
                    || reply.type_url != TYPE
                {
                    return Err(wrong("the reply is to something else"));
                }
                let verdict = match reply.error_detail {
                    None if reply.version_info == version.to_string() => Ok(()),
                    None => return Err(wrong("an update is taken under its own version")),
                    Some(error) if reply.version_info == accepted => Err(error.message),
                    Some(_) => return Err(wrong("who refuses an update stays with the version before")),
                };
                if verdict.is_ok() {
                    accepted = version.to_string();
                }
                self.verdicts.lock().push((name.clone(), version.to_string(), verdict));
            }
            tokio::select! {
                changed = secrets.changed() => changed.map_err(|_| Status::unavailable("end"))?,
                // Only the end of the stream may come unasked.
                request = requests.message() => return request?.map_or(Ok(()), |_| Err(wrong("unasked"))),
            }
        }
    }
}

#[tonic::async_trait]
impl SecretDiscoveryService for Agent {
    type DeltaSecretsStream = BoxStream<'static, Result<DeltaDiscoveryResponse, Status>>;
    type StreamSecretsStream = ReceiverStream<Result<DiscoveryResponse, Status>>;

    async fn delta_secrets(
        &self,
        _: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaSecretsStream>, Status> {
        Err(Status::unimplemented("delta"))
    }

    async fn stream_secrets(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamSecretsStream>, Status> {
        let (sender, receiver) = mpsc::channel(4);
        let agent = self.clone();
        tokio::spawn(async move {
            if let Err(status) = agent.stream(request.into_inner(), sender.clone()).await {
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn fetch_secrets(
        &self,
        _: Request<DiscoveryRequest>,
    ) -> Result<Response<DiscoveryResponse>, Status> {
        Err(Status::unimplemented("fetch"))
    }
}

async fn follow(socket: &Path) -> Followed {
    Followed::start(Source::Sds(Sds {
        socket: socket.display().to_string().parse().unwrap(),
        certificate: Some("default".to_owned()),
        authorities: Some("ROOTCA".to_owned()),
    }))
    .await
}

#[tokio::test]
async fn secrets_come_change_and_are_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let (old, new, agent) = (authority("old"), authority("new"), Agent::new());
    // The agent comes later than we do.
    let followed = follow(&socket).await;
    followed.fails("secret discovery service at unix:///").await;
    let serving = agent.serve(&socket);
    agent.put("default", certificate(&old.issue(&[MIXER]).unwrap()));
    assert_eq!(agent.verdict("default", "1").await, Ok(()));
    assert!(followed.credentials.get().is_err(), "half of it is not enough");
    agent.put("ROOTCA", roots(&[&old]));
    followed.shows(MIXER).await;

    let adapter = Side::new(Some(&old.issue(&[ADAPTER]).unwrap()), &[&old, &new]);
    let server = adapter.follow().await.server(ClientPolicy::Certificate(ids(&[MIXER])));
    let client = followed.client(Expected::Ids(ids(&[ADAPTER])));
    assert_eq!(meet(&server, &client).await, (None, None));

    let second = "spiffe://cluster.local/ns/istio-system/sa/second";
    agent.put("default", certificate(&new.issue(&[MIXER, second]).unwrap()));
    followed.shows(second).await;
    assert_eq!(agent.verdict("default", "2").await, Ok(()));
    assert_eq!(meet(&server, &client).await, (None, None));

    let mut mismatched = new.issue(&[MIXER]).unwrap();
    mismatched.key = new.issue(&[MIXER]).unwrap().key;
    agent.put("default", certificate(&mismatched));
    let refused = agent.verdict("default", "3").await.unwrap_err();
    assert!(refused.contains("do not make a pair"), "{refused}");
    followed.fails("do not make a pair").await;
    agent.put("ROOTCA", roots(&[]));
    assert!(agent.verdict("ROOTCA", "2").await.unwrap_err().contains("no certificate"));
    assert_eq!(meet(&server, &client).await, (None, None), "the last good ones stay");

    // The agent restarts: what we have stays, and then its news comes.
    serving.abort();
    let _ = serving.await;
    assert_eq!(meet(&server, &client).await, (None, None));
    std::fs::remove_file(&socket).unwrap();
    let third = "spiffe://cluster.local/ns/istio-system/sa/third";
    agent.put("default", certificate(&old.issue(&[MIXER, third]).unwrap()));
    agent.put("ROOTCA", roots(&[&old, &new]));
    let _serving = agent.serve(&socket);
    followed.shows(third).await;
    assert_eq!(meet(&server, &client).await, (None, None));
}

#[tokio::test]
async fn a_secret_may_name_files_and_other_kinds_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let (one, agent) = (authority("one"), Agent::new());
    let _serving = agent.serve(&socket);
    let own = one.issue(&[MIXER]).unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        let specifier = Some(Specifier::Filename(path.display().to_string()));
        Some(DataSource { specifier, ..DataSource::default() })
    };
    let followed = follow(&socket).await;
    agent.put("ROOTCA", Type::GenericSecret(Default::default()));
    let refused = agent.verdict("ROOTCA", "1").await.unwrap_err();
    assert!(refused.contains("neither a certificate"), "{refused}");
    agent.put("ROOTCA", roots(&[&one]));
    let pair = TlsCertificate {
        certificate_chain: file("chain", &own.chain),
        private_key: file("key", &own.key),
        ..TlsCertificate::default()
    };
    agent.put("default", Type::TlsCertificate(pair));
    followed.shows(MIXER).await;
}
