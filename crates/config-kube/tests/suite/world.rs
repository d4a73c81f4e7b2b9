//! What tests stand on: a cluster, played or real, a source that follows it, and ways to wait.

use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::Registry;
use mixer_config::LegacyKinds;
use mixer_config_kube::{
    Client, Content, DEFINITIONS, KubeMetrics, KubeSource, Timing, Update, Watch, connect,
};
use mixer_kube_sim::Sim;
use serde_json::{Value, json};

/// Everything takes less, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ROOT: &str = "/apis/config.istio.io/v1alpha2";

/// A cluster and a namespace in it that belongs to one test.
pub(crate) struct World {
    pub(crate) sim: Option<Sim>,
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl World {
    /// A played cluster with the definitions of the six kinds.
    pub(crate) async fn sim() -> Self {
        let world = Self::empty().await;
        world.define().await;
        world
    }

    /// A played cluster without any definition.
    pub(crate) async fn empty() -> Self {
        let sim = Sim::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, sim.kubeconfig()).unwrap();
        let client = connect(Some(&file)).await.unwrap().client;
        Self { sim: Some(sim), client, namespace: "istio-system".to_owned() }
    }

    /// Creates the definitions, or brings them up to date.
    pub(crate) async fn define(&self) {
        for (_, text) in DEFINITIONS {
            let definition: Value = serde_saphyr::from_str(text).unwrap();
            self.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
        }
    }

    pub(crate) fn play(&self) -> &Sim {
        self.sim.as_ref().unwrap()
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let content_type =
            if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder().method(method).uri(path).header("content-type", content_type);
        self.client.request(request.body(body).unwrap()).await.map_err(|error| error.to_string())
    }

    /// Creates an object or merges it into the one that is there.
    pub(crate) async fn apply(&self, collection: &str, object: &Value) -> Value {
        let path = format!("{collection}/{}", object["metadata"]["name"].as_str().unwrap());
        match self.call("POST", collection, object).await {
            Ok(object) => object,
            Err(_) => self.call("PATCH", &path, object).await.unwrap(),
        }
    }

    pub(crate) fn collection(&self, kind: &str) -> String {
        format!("{ROOT}/namespaces/{}/{kind}s", self.namespace)
    }

    pub(crate) fn path(&self, kind: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(kind))
    }

    /// Creates an object of a kind.
    pub(crate) async fn create(&self, kind: &str, name: &str, spec: Value) -> Result<Value, String> {
        let object = object(kind, &self.namespace, name, spec);
        self.call("POST", &self.collection(kind), &object).await
    }

    /// Replaces the specification.
    pub(crate) async fn edit(&self, kind: &str, name: &str, spec: Value) -> Result<Value, String> {
        let path = self.path(kind, name);
        let mut object = self.call("GET", &path, &Value::Null).await?;
        object["spec"] = spec;
        self.call("PUT", &path, &object).await
    }

    pub(crate) async fn delete(&self, kind: &str, name: &str) {
        self.call("DELETE", &self.path(kind, name), &Value::Null).await.unwrap();
    }

    pub(crate) async fn get(&self, kind: &str, name: &str) -> Value {
        self.call("GET", &self.path(kind, name), &Value::Null).await.unwrap()
    }

    /// A source with short times.
    pub(crate) fn source(&self) -> KubeSource {
        KubeSource {
            client: self.client.clone(),
            namespaces: Vec::new(),
            registry: adapters(),
            legacy: LegacyKinds::default(),
            timing: timing(),
            metrics: KubeMetrics::new().unwrap(),
        }
    }

    pub(crate) fn follow(&self) -> Follower {
        Follower::new(self.source())
    }
}

pub(crate) fn adapters() -> Registry {
    let prometheus_address = ([127, 0, 0, 1], 0).into();
    mixer_adapters::registry(mixer_adapters::Options { prometheus_address })
}

pub(crate) fn timing() -> Timing {
    Timing {
        answer: Duration::from_secs(5),
        watch: Duration::from_secs(60),
        silence: Duration::from_secs(1),
        shortest_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(200),
        discovery: Duration::from_millis(100),
        quiet: Duration::from_millis(10),
        longest: Duration::from_millis(200),
    }
}

pub(crate) fn object(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "config.istio.io/v1alpha2", "kind": kind, "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}

pub(crate) fn rule(condition: &str) -> Value {
    json!({"match": condition, "actions": [{"handler": "h", "instances": ["i"]}]})
}

/// A source that is followed, and the metrics that it counts in.
pub(crate) struct Follower {
    pub(crate) watch: Watch,
    pub(crate) last: Update,
    metrics: prometheus::Registry,
}

impl Follower {
    pub(crate) fn new(source: KubeSource) -> Self {
        let metrics = prometheus::Registry::new();
        source.metrics.register(&metrics).unwrap();
        Self { watch: source.watch(), last: Update::default(), metrics }
    }

    /// Waits for a state.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Update) -> bool) -> &Update {
        let wait = async {
            while !wanted(&self.last) {
                self.last = self.watch.next().await.unwrap();
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        assert!(
            in_time,
            "waited in vain for {what}; names: {:?}, unavailable: {:?}",
            self.names(),
            self.last.unavailable
        );
        &self.last
    }

    /// Waits for exactly these objects, by kind and name.
    pub(crate) async fn until_names(&mut self, names: &[&str]) -> Arc<Content> {
        let what = format!("{names:?}");
        let update = self.until(&what, |update| update.content.is_some() && names_of(update) == names).await;
        update.content.clone().unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        names_of(&self.last)
    }

    /// The sum of a counter over the labels that are not named.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.metrics.gather();
        let family = families.iter().filter(|family| family.name() == name);
        let matches = |metric: &&prometheus::proto::Metric| {
            let has = |(name, value): &(&str, &str)| {
                metric.get_label().iter().any(|label| label.name() == *name && label.value() == *value)
            };
            labels.iter().all(has)
        };
        let metrics = family.flat_map(|family| family.get_metric()).filter(matches);
        metrics.map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value()).sum()
    }

    /// Waits until a counter is at least so high.
    pub(crate) async fn until_count(&self, name: &str, labels: &[(&str, &str)], least: f64) {
        eventually(&format!("{name} {labels:?} of {least}"), || async { self.count(name, labels) >= least })
            .await;
    }
}

fn names_of(update: &Update) -> Vec<String> {
    let resources = update.content.iter().flat_map(|content| &content.resources);
    resources.map(|resource| format!("{} {}", resource.id.kind, resource.id.name)).collect()
}

/// Asks again and again, since an API server tells nobody what was asked of it.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let wait = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "waited in vain for {what}");
}

/// What a server does with a source, without the server: compiles, and says what is in force.
pub(crate) struct Replica {
    task: tokio::task::JoinHandle<()>,
    tasks: Option<mixer_config_kube::StatusTasks>,
    pub(crate) state: tokio::sync::watch::Receiver<Update>,
    pub(crate) metrics: KubeMetrics,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Replica {
    pub(crate) fn start(source: KubeSource, options: mixer_config_kube::StatusOptions) -> Self {
        let metrics = source.metrics.clone();
        let client = source.client.clone();
        let mut watch = source.watch();
        let state = watch.subscribe();
        let (writer, tasks) =
            mixer_config_kube::StatusWriter::start(client, options, &watch, metrics.clone());
        let task = tokio::spawn(async move {
            while let Some(update) = watch.next().await {
                let Some(content) = update.content else { continue };
                let options = mixer_config::CompileOptions::default();
                let mut compiled = mixer_config::compile(&content.resources, &adapters(), &options);
                compiled.problems.extend(content.problems.iter().cloned());
                let in_force = mixer_config_kube::InForce {
                    snapshot: compiled.snapshot,
                    problems: compiled.problems,
                    failures: Vec::new(),
                };
                writer.in_force(content, &in_force);
            }
        });
        Self { task, tasks: Some(tasks), state, metrics }
    }
}

impl Replica {
    /// Ends as a server does that was asked to.
    pub(crate) async fn end(mut self) {
        self.tasks.take().unwrap().end().await;
    }

    /// Status writes with a result.
    pub(crate) fn writes(&self, result: &str) -> u64 {
        let registry = prometheus::Registry::new();
        self.metrics.register(&registry).unwrap();
        let families = registry.gather();
        let family = families.iter().filter(|family| family.name() == "mixer_kube_status_writes_total");
        let metrics = family.flat_map(|family| family.get_metric());
        let of = metrics.filter(|metric| metric.get_label().iter().any(|label| label.value() == result));
        of.map(|metric| metric.get_counter().get_value() as u64).sum()
    }
}

/// Status that is written as fast as a test likes.
pub(crate) fn status_options(world: &World, identity: &str) -> mixer_config_kube::StatusOptions {
    mixer_config_kube::StatusOptions {
        lease_namespace: world.namespace.clone(),
        identity: identity.to_owned(),
        lease_duration: Duration::from_secs(2),
        lease_retry: Duration::from_millis(500),
        rate: 1000.0,
        burst: 1000,
        pause: Duration::from_millis(50),
        answer: Duration::from_secs(5),
        ..mixer_config_kube::StatusOptions::default()
    }
}

/// Status and reason of a condition, such as `False Invalid`.
pub(crate) fn condition(object: &Value, kind: &str) -> String {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let found = conditions.filter(|one| one["type"] == kind);
    found
        .map(|one| format!("{} {}", one["status"].as_str().unwrap(), one["reason"].as_str().unwrap()))
        .collect()
}

impl World {
    /// Waits for a condition of the present generation.
    pub(crate) async fn until_condition(
        &self,
        (kind, name): (&str, &str),
        condition_type: &str,
        wanted: &str,
    ) -> Value {
        let what = format!("{kind} {name} to be {condition_type} {wanted}");
        let fits = |object: &Value| {
            condition(object, condition_type) == wanted
                && object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation")
        };
        eventually(&what, || async { fits(&self.get(kind, name).await) }).await;
        self.get(kind, name).await
    }
}
