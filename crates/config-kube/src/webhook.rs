//! The validating admission webhook: the server's own compile step looks at an object before it is stored.

mod certificates;
mod keep;
mod review;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use mixer_adapter_api::Registry;
use mixer_config::CompileOptions;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::metrics::KubeMetrics;
use crate::request::Api;
use crate::source::Update;

/// What the webhook is called and where it is.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// Names that the API server reaches it by, such as `mixs.istio-system.svc`; addresses are taken too.
    pub names: Vec<String>,
    /// Namespace of the Secret.
    pub namespace: String,
    /// Secret with the authority that replicas share.
    pub secret: String,
    /// ValidatingWebhookConfiguration whose `caBundle` is kept up to date.
    pub configuration: String,
    /// How long an authority is valid; a new one is made when a third of it is left.
    pub authority_life: Duration,
    /// How long the certificate of a replica is valid.
    pub certificate_life: Duration,
    /// How often Secret and configuration are looked at.
    pub look: Duration,
    /// How long an answer of the API server may take.
    pub answer: Duration,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            address: ([0, 0, 0, 0], 9443).into(),
            names: Vec::new(),
            namespace: "istio-system".to_owned(),
            secret: "mixs-webhook-ca".to_owned(),
            configuration: "mixs".to_owned(),
            authority_life: Duration::from_secs(365 * DAY),
            certificate_life: Duration::from_secs(30 * DAY),
            look: Duration::from_secs(60),
            answer: Duration::from_secs(30),
        }
    }
}

/// How objects are looked at.
#[derive(Clone)]
pub struct Reviewer {
    /// The hosted adapters.
    pub registry: Registry,
    /// As the server compiles.
    pub compile: CompileOptions,
    /// What is there besides the object.
    pub state: watch::Receiver<Update>,
}

/// A webhook whose socket is bound. Dropping it ends it.
#[derive(Debug)]
pub struct Webhook {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Webhook {
    /// Binds the socket and starts to serve and to keep certificates.
    ///
    /// # Errors
    /// The socket.
    pub async fn start(
        client: Client,
        options: WebhookOptions,
        reviewer: Reviewer,
        metrics: KubeMetrics,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let certificate = Arc::new(serve::Certificate::default());
        let mut tasks = JoinSet::new();
        let keeper = keep::Keeper {
            api: Api::new(client, options.answer),
            options,
            certificate: certificate.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn(keeper.run());
        tasks.spawn(serve::run(listener, certificate, review::Reviews::new(reviewer, metrics)));
        Ok(Self { address, _tasks: tasks })
    }

    /// The address that was really bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
