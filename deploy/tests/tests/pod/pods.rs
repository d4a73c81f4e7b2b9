//! Pods of Podman on a bridge of their own.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use mixer_deploy_tests::podman::Podman;
use mixer_harness::client;
use serde_json::Value;

use crate::PATIENCE;
use crate::manifests::Played;

const NETWORK: &str = "pods";
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// All pods of a test.
pub(crate) struct Pods<'p> {
    podman: &'p Podman,
    folder: &'p Path,
    played: Cell<usize>,
}

impl<'p> Pods<'p> {
    /// A bridge without pods. What is played is written into the folder.
    pub(crate) fn new(podman: &'p Podman, folder: &'p Path) -> Self {
        let subnet = ["--subnet=10.89.77.0/24", "--gateway=10.89.77.1", "--disable-dns"];
        podman.run(&[&["network", "create"], &subnet[..], &[NETWORK]].concat()).unwrap();
        Self { podman, folder, played: Cell::new(0) }
    }

    /// The address of this machine, as pods see it.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 89, 77, 1)
    }

    /// Plays a Deployment and waits until its probes pass in every pod; where they are.
    pub(crate) async fn play(&self, played: &Played) -> Vec<Ipv4Addr> {
        let number = self.played.replace(self.played.get() + 1);
        let file = self.folder.join(format!("play-{number}.yaml"));
        std::fs::write(&file, played.yaml()).unwrap();
        self.podman.run(&["kube", "play", "--network", NETWORK, &file.display().to_string()]).unwrap();
        let name = played.deployment["metadata"]["name"].as_str().unwrap();
        let addresses = self.addresses(name);
        for address in &addresses {
            for (port, path) in &played.probes {
                let passes = async {
                    while !matches!(page(address, *port, path).await, Ok((200, _))) {
                        tokio::time::sleep(BETWEEN_LOOKS).await;
                    }
                };
                let in_time = tokio::time::timeout(PATIENCE, passes).await;
                assert!(in_time.is_ok(), "http://{address}:{port}{path} does not pass:\n{}", self.logs());
            }
        }
        addresses
    }

    /// The addresses of the pods of a Deployment.
    fn addresses(&self, deployment: &str) -> Vec<Ipv4Addr> {
        let prefix = format!("{deployment}-pod");
        let pods: Value =
            serde_json::from_str(&self.podman.run(&["pod", "ps", "--format=json"]).unwrap()).unwrap();
        let of_deployment =
            pods.as_array().unwrap().iter().filter(|pod| pod["Name"].as_str().unwrap().starts_with(&prefix));
        let address = |pod: &Value| {
            let infra = self.podman.inspect(pod["InfraId"].as_str().unwrap()).unwrap();
            infra["NetworkSettings"]["Networks"][NETWORK]["IPAddress"].as_str().unwrap().parse().unwrap()
        };
        of_deployment.map(address).collect()
    }

    /// Names of all containers that run programs of ours.
    fn containers(&self) -> Vec<String> {
        let all = self.podman.run(&["ps", "--all", "--format={{.Names}} {{.Pod}} {{.IsInfra}}"]).unwrap();
        let ours = all.lines().filter(|line| !line.ends_with("true"));
        ours.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    /// Asks all to stop, as a cluster does; each ends in time and by itself.
    pub(crate) fn stop(&self) {
        let containers = self.containers();
        assert_eq!(containers.len(), 4, "{containers:?}");
        for name in &containers {
            self.podman.run(&["stop", "--time=60", name]).unwrap();
            let state = self.podman.inspect(name).unwrap();
            assert_eq!(state["State"]["ExitCode"], 0, "{name}:\n{}", self.podman.logs(name).unwrap());
        }
    }

    /// What all of them have printed.
    pub(crate) fn logs(&self) -> String {
        let of = |name: &String| format!("== {name}\n{}", self.podman.logs(name).unwrap());
        self.containers().iter().map(of).collect::<Vec<_>>().join("\n")
    }
}

/// Status and body of a page of a pod.
pub(crate) async fn page(address: &Ipv4Addr, port: u16, path: &str) -> Result<(u16, String), String> {
    let request = hyper::Request::get(format!("http://{address}:{port}{path}")).body(Empty::new());
    let response = client().request(request.unwrap()).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
