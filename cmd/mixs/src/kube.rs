//! Configuration from Kubernetes: the source, the status that is written back, the webhook; and `mixs crd`.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use futures::StreamExt as _;
use mixer_adapter_api::Registry;
use mixer_config::CompileOptions;
use mixer_config_kube::{
    Content as KubeContent, DEFINITIONS, HandlerFailure, InForce, KubeLocation, KubeMetrics, KubeSource,
    Place, Reviewer, StatusOptions, StatusTasks, StatusWriter, Timing, Update, Watch, Webhook,
    WebhookOptions, connect,
};
use mixer_server::config::{Applied, ConfigSource, ConfigUpdate, Content};

/// Contents that are on their way through the compiler.
const MAX_PENDING: usize = 8;

/// Prints the definitions of the six kinds.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn print_definitions() -> anyhow::Result<ExitCode> {
    let texts: Vec<&str> = DEFINITIONS.iter().map(|(_, text)| *text).collect();
    std::io::stdout().write_all(texts.join("---\n").as_bytes()).context("cannot write the definitions")?;
    Ok(ExitCode::SUCCESS)
}

/// What is done with a cluster.
#[derive(Debug)]
pub(crate) struct KubePlan {
    pub(crate) location: KubeLocation,
    /// Namespace, if one is given, and name of the lease; `None` when no status is written.
    pub(crate) lease: Option<(Option<String>, String)>,
    pub(crate) webhook: Option<WebhookPlan>,
}

/// The webhook as it is wanted.
#[derive(Debug)]
pub(crate) struct WebhookPlan {
    pub(crate) address: SocketAddr,
    pub(crate) service: String,
    pub(crate) secret: String,
    pub(crate) configuration: String,
}

/// What runs beside the server for as long as this lives.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) metrics: KubeMetrics,
    status: Option<StatusTasks>,
    _webhook: Option<Webhook>,
}

impl Running {
    /// Ends in order: another replica writes status from now on.
    pub(crate) async fn end(self) {
        if let Some(status) = self.status {
            status.end().await;
        }
    }
}

/// Starts to follow the cluster.
///
/// # Errors
/// There is no way to the API server, or the webhook's port is taken.
pub(crate) async fn start(
    plan: KubePlan,
    registry: &Registry,
    compile: &CompileOptions,
) -> anyhow::Result<(ConfigSource, Running)> {
    let place = connect(plan.location.kubeconfig.as_deref()).await?;
    let namespace = own_namespace(&place);
    let metrics = KubeMetrics::new().context("metrics of the Kubernetes source")?;
    let mut namespaces = plan.location.namespaces;
    if !namespaces.is_empty() && !namespaces.iter().any(|name| *name == *compile.default_namespace) {
        namespaces.push(compile.default_namespace.to_string());
    }
    let source = KubeSource {
        client: place.client.clone(),
        namespaces,
        registry: registry.clone(),
        legacy: compile.legacy_kinds,
        timing: Timing::default(),
        metrics: metrics.clone(),
    };
    let watch = source.watch();
    let webhook = match plan.webhook {
        Some(webhook) => {
            let reviewer =
                Reviewer { registry: registry.clone(), compile: compile.clone(), state: watch.subscribe() };
            Some(self::webhook(webhook, &place, &namespace, (reviewer, metrics.clone())).await?)
        }
        None => None,
    };
    let status = plan.lease.map(|(lease_namespace, lease_name)| {
        let options = StatusOptions {
            lease_namespace: lease_namespace.unwrap_or_else(|| namespace.clone()),
            lease_name,
            identity: identity(),
            ..StatusOptions::default()
        };
        StatusWriter::start(place.client.clone(), options, &watch, metrics.clone())
    });
    let (writer, tasks) = status.unzip();
    let source = follow(watch, format!("Kubernetes at {}", place.address), writer);
    Ok((source, Running { metrics, status: tasks, _webhook: webhook }))
}

async fn webhook(
    plan: WebhookPlan,
    place: &Place,
    namespace: &str,
    (reviewer, metrics): (Reviewer, KubeMetrics),
) -> anyhow::Result<Webhook> {
    let options = WebhookOptions {
        address: plan.address,
        names: names(&plan.service, namespace),
        namespace: namespace.to_owned(),
        secret: plan.secret,
        configuration: plan.configuration,
        ..WebhookOptions::default()
    };
    let webhook = Webhook::start(place.client.clone(), options, reviewer, metrics).await;
    let webhook = webhook.with_context(|| format!("the webhook cannot listen at {}", plan.address))?;
    tracing::info!("listening for admission reviews on {}", webhook.address());
    Ok(webhook)
}

/// The names by which an API server may know a service.
fn names(service: &str, namespace: &str) -> Vec<String> {
    if service.contains(['.', ':']) {
        return vec![service.to_owned()];
    }
    ["", ".cluster.local"].iter().map(|domain| format!("{service}.{namespace}.svc{domain}")).collect()
}

/// POD_NAMESPACE, as the downward API gives it, else what the service account or the kubeconfig says.
fn own_namespace(place: &Place) -> String {
    std::env::var("POD_NAMESPACE")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| place.namespace.clone())
}

/// A name that no other replica has: the pod's, and something by chance for two processes of one pod.
fn identity() -> String {
    let host = ["POD_NAME", "HOSTNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    format!("{}_{:08x}", host.unwrap_or_else(|| "mixs".to_owned()), fastrand::u32(..))
}

/// The source for the server; what became of each content goes to the writer.
fn follow(watch: Watch, description: String, writer: Option<StatusWriter>) -> ConfigSource {
    let pending = Arc::new(Pending::default());
    let state =
        Following { watch, last: None, number: 0, pending: writer.is_some().then(|| pending.clone()) };
    let applied = writer.map(|writer| {
        Box::new(move |applied: Applied| {
            let Some(content) = pending.take(applied.number) else { return };
            let failure = |failure: mixer_dispatch::BuildFailure| HandlerFailure {
                handler: failure.handler,
                reason: failure.reason,
                earlier_serves: failure.earlier_serves,
            };
            let in_force = InForce {
                snapshot: applied.snapshot,
                problems: applied.problems,
                failures: applied.failures.into_iter().map(failure).collect(),
            };
            writer.in_force(content, &in_force);
        }) as Box<dyn Fn(Applied) + Send + Sync>
    });
    ConfigSource { description, updates: futures::stream::unfold(state, Following::next).boxed(), applied }
}

/// Contents that were handed on, by number, until it is known what became of them.
#[derive(Default)]
struct Pending(Mutex<VecDeque<(u64, Arc<KubeContent>)>>);

impl Pending {
    fn add(&self, number: u64, content: Arc<KubeContent>) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.push_back((number, content));
        if pending.len() > MAX_PENDING {
            pending.pop_front();
        }
    }

    /// The content of a number; those before it are forgotten.
    fn take(&self, number: u64) -> Option<Arc<KubeContent>> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((found, content)) = pending.pop_front() {
            if found == number {
                return Some(content);
            }
        }
        None
    }
}

/// A cluster that is followed, and what was handed on last.
struct Following {
    watch: Watch,
    last: Option<Arc<KubeContent>>,
    number: u64,
    pending: Option<Arc<Pending>>,
}

impl Following {
    async fn next(mut self) -> Option<(ConfigUpdate, Self)> {
        let Update { content, unavailable } = self.watch.next().await?;
        let is_new = match (&content, &self.last) {
            (Some(content), Some(last)) => !Arc::ptr_eq(content, last),
            (content, _) => content.is_some(),
        };
        self.last.clone_from(&content);
        let content = content.filter(|_| is_new).map(|content| {
            self.number += 1;
            if let Some(pending) = &self.pending {
                pending.add(self.number, content.clone());
            }
            Content { resources: content.resources.clone(), problems: content.problems.clone() }
        });
        Some((ConfigUpdate { content, unavailable }, self))
    }
}

#[cfg(test)]
mod tests;
