//! Objects in a form in which only what they mean is left, so that two ways to write them can be compared.

use std::collections::{BTreeMap, BTreeSet};

use mixer_deploy_tests::render::is_mixer;
use serde_json::{Map, Value, json};

/// By kind, and name where the name means something.
pub(crate) type Objects = BTreeMap<String, Value>;

/// Flags that a chart says although they are the program's own defaults.
const DEFAULTS: [&str; 3] = ["--log-level=info", "--logFormat=text", "--harvest-period=5s"];

/// Labels of a tool rather than of the object.
const OF_TOOLS: [&str; 2] = ["app.kubernetes.io/managed-by", "helm.sh/chart"];

/// The values of all fields that name a port.
pub(crate) fn names_of_ports(object: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    match object {
        Value::Object(map) => {
            for (key, value) in map {
                let names = ["port", "targetPort"].contains(&key.as_str()) && value.is_string();
                found.extend(names.then_some(value));
                found.extend(names_of_ports(value));
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(names_of_ports)),
        _ => {}
    }
    found
}

/// The objects of the chart, without those of `helm test`.
pub(crate) fn chart(objects: &[Value]) -> Objects {
    let tests = |object: &&Value| object.pointer("/metadata/annotations/helm.sh~1hook").is_none();
    all(objects.iter().filter(tests))
}

/// The objects of the base.
pub(crate) fn base(objects: &[Value]) -> Objects {
    all(objects.iter())
}

fn all<'a>(objects: impl Iterator<Item = &'a Value>) -> Objects {
    let mut normal = Objects::new();
    for object in objects {
        let (key, value) = if is_mixer(object) { configuration(object) } else { native(object) };
        assert!(normal.insert(key.clone(), value).is_none(), "{key} comes twice");
    }
    normal
}

/// Handlers, adapters and rules are called differently; what they say counts.
fn configuration(object: &Value) -> (String, Value) {
    let kind = object["kind"].as_str().unwrap();
    let name = object["metadata"]["name"].as_str().unwrap();
    let mut spec = object["spec"].clone();
    let key = match kind {
        "adapter" => {
            let map = spec.as_object_mut().unwrap();
            let session = map.remove("session_based").or_else(|| map.remove("sessionBased"));
            assert_eq!(session, Some(Value::Bool(false)));
            kind.to_owned()
        }
        "handler" => {
            spec.as_object_mut().unwrap().remove("adapter").unwrap();
            kind.to_owned()
        }
        "rule" => {
            let action = &mut spec["actions"][0];
            action.as_object_mut().unwrap().remove("handler").unwrap();
            format!("{kind} with {}", action["instances"])
        }
        _ => {
            let params = spec["params"].as_object_mut().unwrap();
            *params = std::mem::take(params)
                .into_iter()
                .map(|(field, value)| (camel_case(&field), value))
                .collect();
            format!("{kind} {name}")
        }
    };
    (key, json!({"namespace": object["metadata"]["namespace"], "spec": spec}))
}

/// Fields are taken in both spellings.
fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}

fn native(object: &Value) -> (String, Value) {
    let mut object = object.clone();
    let kind = object["kind"].as_str().unwrap().to_owned();
    labels(&mut object["metadata"]);
    match kind.as_str() {
        "Deployment" => workload(&mut object["spec"]["template"]),
        "NetworkPolicy" => policy(&mut object["spec"]),
        // That no token is mounted is said by the pod.
        "ServiceAccount" => drop(object.as_object_mut().unwrap().remove("automountServiceAccountToken")),
        _ => {}
    }
    (kind, object)
}

fn labels(metadata: &mut Value) {
    let Some(labels) = metadata["labels"].as_object_mut() else { return };
    labels.retain(|label, _| !OF_TOOLS.contains(&label.as_str()));
}

fn workload(template: &mut Value) {
    labels(&mut template["metadata"]);
    let pod = &mut template["spec"];
    // Volumes by where they are mounted: their names mean nothing.
    let volumes: Map<String, Value> = pod["volumes"].as_array().unwrap().iter().map(named).collect();
    pod.as_object_mut().unwrap().remove("volumes");
    let container = &mut pod["containers"][0];
    let args = container["args"].as_array_mut().unwrap();
    args.retain(|arg| !DEFAULTS.contains(&arg.as_str().unwrap()));
    args.sort_by_key(ToString::to_string);
    for mount in container["volumeMounts"].as_array_mut().unwrap() {
        let name = mount["name"].as_str().unwrap();
        mount["name"] = volumes[name].clone();
    }
}

/// A volume's name, and the rest of it.
fn named(volume: &Value) -> (String, Value) {
    let mut rest = volume.clone();
    let name = rest.as_object_mut().unwrap().remove("name").unwrap();
    (name.as_str().unwrap().to_owned(), rest)
}

/// A policy as the set of who, which protocol and which port.
fn policy(spec: &mut Value) {
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        let mut open = BTreeSet::new();
        for rule in spec[direction].as_array().unwrap() {
            let anybody = vec![json!("anybody")];
            for peer in rule[peers].as_array().unwrap_or(&anybody).iter().filter(|peer| is_common(peer)) {
                for port in rule["ports"].as_array().unwrap() {
                    open.insert(format!("{peer} {} {}", port["protocol"], port["port"]));
                }
            }
        }
        assert!(!open.is_empty(), "{direction}");
        spec[direction] = json!(open);
    }
}

/// Whether a peer is none that one of the two has for itself: the pod of `helm test`.
fn is_common(peer: &Value) -> bool {
    let text = peer.to_string();
    !text.contains("mixer-newrelic-adapter-test")
}
