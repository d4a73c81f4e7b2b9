//! As much of Kubernetes as a rolling update needs: pods that are started, asked whether they are ready, known by the name
//! of their Service while they are, and asked to stop at the moment when that begins to change.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use mixer_deploy_tests::dns::Names;
use mixer_deploy_tests::net::{Network, PodNetwork};
use mixer_harness::{HttpClient, Process, client};
use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, envoy, folder};

/// How often a pod is asked whether it is ready.
const PROBE: Duration = Duration::from_millis(200);

/// How long it takes until the name service has heard of a pod that is stopped. The pod hears of it at once.
const PROPAGATION: Duration = Duration::from_secs(1);

/// How long a pod has to stop, as `terminationGracePeriodSeconds` says.
const GRACE: Duration = Duration::from_secs(60);

/// What all pods share.
pub(crate) struct Cluster<'n> {
    network: &'n Network,
    names: Names,
    folder: tempfile::TempDir,
    http: HttpClient,
    envoy: parking_lot::Mutex<Option<Process>>,
}

/// A Deployment and its headless Service.
pub(crate) struct Workload {
    name: &'static str,
    program: PathBuf,
    pub(crate) arguments: Vec<String>,
    monitoring: u16,
    pods: Vec<Pod>,
    started: usize,
}

/// A running pod.
struct Pod {
    network: PodNetwork,
    process: Process,
}

/// The name of a headless Service.
pub(crate) fn host(service: &str) -> String {
    format!("{service}.istio-system.svc.cluster.local")
}

impl<'n> Cluster<'n> {
    /// A cluster without pods. Must run in the network's hub.
    pub(crate) async fn start(network: &'n Network) -> Self {
        let names = Names::default();
        names.serve(SocketAddr::from((network.hub_address(), 53))).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { network, names, folder, http: client(), envoy: parking_lot::Mutex::default() }
    }

    /// Where files and logs are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A proxy in a pod of its own; its address.
    pub(crate) async fn start_envoy(&self, program: &Path) -> Ipv4Addr {
        let pod = self.network.pod().unwrap();
        let folder = folder(self.folder(), "envoy");
        let mut command = self.network.command(&pod, program);
        command.args(envoy::arguments(&folder));
        let mut process = Process::start("envoy", command, &folder).unwrap();
        self.until_ready(&mut process, pod.address, envoy::ADMIN_PORT, "/ready").await;
        *self.envoy.lock() = Some(process);
        pod.address
    }

    /// Status and body of an answer.
    async fn get(&self, address: Ipv4Addr, port: u16, path: &str) -> Option<(u16, String)> {
        let request = request(&format!("http://{address}:{port}{path}"));
        let response = self.http.request(request).await.ok()?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn until_ready(&self, process: &mut Process, address: Ipv4Addr, port: u16, path: &str) {
        let ready = async {
            while self.get(address, port, path).await.is_none_or(|(status, _)| status != 200) {
                process.still_running().unwrap();
                tokio::time::sleep(PROBE).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, ready).await.is_ok();
        assert!(in_time, "{address}:{port} is not ready:\n{}", process.output());
    }
}

/// A GET.
pub(crate) fn request(uri: &str) -> http::Request<Empty<bytes::Bytes>> {
    http::Request::get(uri).body(Empty::new()).unwrap()
}

impl Workload {
    /// A Deployment without replicas, whose pods tell at a port whether they are ready.
    pub(crate) fn new(name: &'static str, program: PathBuf, monitoring: u16) -> Self {
        Self { name, program, arguments: Vec::new(), monitoring, pods: Vec::new(), started: 0 }
    }

    /// More replicas.
    pub(crate) async fn scale_up(&mut self, cluster: &Cluster<'_>, replicas: usize) {
        for _ in 0..replicas {
            let pod = self.start(cluster).await;
            self.pods.push(pod);
        }
    }

    /// Replaces every pod by a new one, one after the other (`maxSurge: 1`, `maxUnavailable: 0`).
    pub(crate) async fn roll(&mut self, cluster: &Cluster<'_>) {
        for _ in 0..self.pods.len() {
            let new = self.start(cluster).await;
            let old = self.pods.remove(0);
            self.pods.push(new);
            self.stop(cluster, old).await;
        }
    }

    /// Stops every pod.
    pub(crate) async fn scale_down(&mut self, cluster: &Cluster<'_>) {
        for pod in std::mem::take(&mut self.pods) {
            self.stop(cluster, pod).await;
        }
    }

    async fn start(&mut self, cluster: &Cluster<'_>) -> Pod {
        self.started += 1;
        let network = cluster.network.pod().unwrap();
        let folder = folder(cluster.folder(), &format!("{}-{}", self.name, self.started));
        let mut command = cluster.network.command(&network, &self.program);
        command.args(&self.arguments);
        let mut process = Process::start(self.name, command, &folder).unwrap();
        cluster.until_ready(&mut process, network.address, self.monitoring, "/readyz").await;
        cluster.names.add(&host(self.name), network.address);
        Pod { network, process }
    }

    /// A pod is asked to stop and taken out of its Service at the same time, and nobody waits for either.
    async fn stop(&self, cluster: &Cluster<'_>, mut pod: Pod) {
        let id = pod.process.id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        let removed = async {
            tokio::time::sleep(PROPAGATION).await;
            cluster.names.remove(&host(self.name), pod.network.address);
        };
        let (ended, ()) = tokio::join!(tokio::time::timeout(GRACE, pod.process.wait()), removed);
        let output = pod.process.output();
        let ended = ended.unwrap_or_else(|_| panic!("{} does not stop:\n{output}", self.name)).unwrap();
        assert_eq!(ended, Some(0), "{}:\n{output}", self.name);
        assert!(!output.contains("cut off"), "{}:\n{output}", self.name);
    }

    /// Waits until the metrics of a pod are as they should be.
    pub(crate) async fn until_metrics(
        &self,
        cluster: &Cluster<'_>,
        pod: usize,
        enough: impl Fn(&str) -> bool,
    ) {
        let address = self.pods[pod].network.address;
        let looking = async {
            loop {
                let answer = cluster.get(address, self.monitoring, "/metrics").await;
                if answer.is_some_and(|(_, text)| enough(&text)) {
                    return;
                }
                tokio::time::sleep(PROBE).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, looking).await.is_ok();
        assert!(in_time, "{} pod {pod}:\n{}", self.name, self.pods[pod].process.output());
    }
}
