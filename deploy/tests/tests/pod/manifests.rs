//! The Deployments of the manifests, changed only where Podman or this network differ from a cluster: the images, ConfigMaps in
//! the place of Secrets, names from the hosts file, the namespace by value, no published ports, and no probes, which are tried by an HTTP client.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::backend::{Backend, HOSTS, KEY};

/// The port of the adapter's probes and metrics.
pub(crate) const ADAPTER_MONITORING: u16 = 56012;

/// The name of the adapter's headless Service.
const SERVICE: &str = "mixer-newrelic-adapter.istio-system.svc.cluster.local";

/// Where the adapter finds the authority of its backend.
const AUTHORITY: &str = "/var/run/secrets/backend";

/// What is played.
pub(crate) struct Played {
    pub(crate) deployment: Value,
    pub(crate) config_maps: Vec<Value>,
    /// Paths and ports of its probes.
    pub(crate) probes: Vec<(u16, String)>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The objects of a file of the project.
fn objects(path: &str) -> Vec<Value> {
    let path = root().join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn deployment(path: &str) -> Value {
    objects(path).into_iter().find(|object| object["kind"] == "Deployment").expect("it has a Deployment")
}

/// The adapter, with a backend at the address of the pods' gateway.
pub(crate) fn adapter(image: &str, backend: &Backend, gateway: Ipv4Addr) -> Played {
    let deployment = deployment("deploy/kustomize/mixer-newrelic-adapter/deployment.yaml");
    let mut played = Played::new(deployment, image);
    played.knows(&HOSTS, &[gateway]);
    played.config_map("mixer-newrelic-adapter", &[("NEW_RELIC_API_KEY", KEY)]);
    let volumes = played.pod()["volumes"].as_array_mut().unwrap();
    for volume in volumes.iter_mut().filter(|volume| volume["name"] == "secrets") {
        let secret = volume["secret"].take();
        *volume = json!({ "name": "secrets", "configMap": { "name": secret["secretName"], "items": secret["items"] } });
    }
    played.mount("backend", AUTHORITY, &[("ca.pem", &backend.authority())]);
    played
}

/// The server, with its configuration in a ConfigMap, and adapters at these addresses.
pub(crate) fn mixs(image: &str, adapters: &[Ipv4Addr]) -> Played {
    let mut played = Played::new(deployment("deploy/kustomize/mixer/deployment.yaml"), image);
    played.knows(&[SERVICE], adapters);
    let mut resources = objects("deploy/kustomize/mixer-newrelic-adapter/adapter.yaml");
    for mut handler in objects("deploy/kustomize/mixer-newrelic-adapter/handler.yaml") {
        assert!(handler["spec"]["connection"]["address"].as_str().unwrap().contains(SERVICE));
        handler["spec"]["params"]["ca_file"] = json!(format!("{AUTHORITY}/ca.pem"));
        handler["spec"]["params"]["harvest_period"] = json!("0.5s");
        resources.push(handler);
    }
    resources.extend(objects("adapters/newrelic/mesh.yaml"));
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": resources });
    played.mount("config", "/etc/mixs/config", &[("resources.json", &list.to_string())]);
    for argument in played.container()["args"].as_array_mut().unwrap() {
        if argument.as_str().is_some_and(|text| text.starts_with("--configStoreURL=")) {
            *argument = json!("--configStoreURL=fs:///etc/mixs/config");
        }
    }
    played
}

impl Played {
    fn new(mut deployment: Value, image: &str) -> Self {
        let namespace = deployment["metadata"]["namespace"].clone();
        let pod = &mut deployment["spec"]["template"]["spec"];
        // There is no API server that knows it.
        pod.as_object_mut().unwrap().remove("serviceAccountName");
        let container = pod["containers"][0].as_object_mut().unwrap();
        container.insert("image".to_owned(), json!(image));
        container.insert("imagePullPolicy".to_owned(), json!("Never"));
        // Podman would publish them, for both replicas.
        let ports = container.remove("ports").expect("it has ports");
        for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
            if variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace" {
                *variable = json!({ "name": variable["name"], "value": namespace });
            }
        }
        let probes = ["startupProbe", "readinessProbe", "livenessProbe"].map(|name| {
            let probe = container.remove(name).unwrap_or_else(|| panic!("no {name}"));
            let port = ports.as_array().unwrap().iter().find(|port| port["name"] == probe["httpGet"]["port"]);
            let port = port.unwrap_or_else(|| panic!("{probe:#} asks a port that is none"))["containerPort"]
                .as_u64();
            (u16::try_from(port.unwrap()).unwrap(), probe["httpGet"]["path"].as_str().unwrap().to_owned())
        });
        Self { deployment, config_maps: Vec::new(), probes: probes.to_vec() }
    }

    fn pod(&mut self) -> &mut Value {
        &mut self.deployment["spec"]["template"]["spec"]
    }

    fn container(&mut self) -> &mut Value {
        &mut self.pod()["containers"][0]
    }

    /// Names for the hosts file of the pods.
    fn knows(&mut self, names: &[&str], addresses: &[Ipv4Addr]) {
        let aliases =
            addresses.iter().map(|address| json!({ "ip": address.to_string(), "hostnames": names }));
        self.pod()["hostAliases"] = aliases.collect();
    }

    fn config_map(&mut self, name: &str, files: &[(&str, &str)]) {
        let data: serde_json::Map<String, Value> =
            files.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
        let metadata = json!({ "name": name });
        self.config_maps
            .push(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data }));
    }

    /// Files at a path of the container.
    fn mount(&mut self, name: &str, path: &str, files: &[(&str, &str)]) {
        self.config_map(name, files);
        push(&mut self.pod()["volumes"], json!({ "name": name, "configMap": { "name": name } }));
        push(
            &mut self.container()["volumeMounts"],
            json!({ "name": name, "mountPath": path, "readOnly": true }),
        );
    }

    /// As one file for Podman.
    pub(crate) fn yaml(&self) -> String {
        let objects: Vec<String> =
            self.config_maps.iter().chain([&self.deployment]).map(Value::to_string).collect();
        objects.join("\n---\n")
    }
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(items) => items.push(item),
        None => *list = json!([item]),
    }
}
