//! The adapter's chart: what goes to New Relic, by which names, and that values of the original's chart keep their meaning.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use mixer_deploy_tests::render::{documents, is_mixer, program, root};
use serde_json::{Map, Value, json};

use crate::chart::{NEWRELIC, helms, merged, object};

/// Fields in the spelling of the specification, values as texts: what Mixer makes of both spellings.
fn plain(params: &Value) -> BTreeMap<String, Value> {
    let snake = |key: &str| {
        key.chars().fold(String::new(), |text, c| {
            if c.is_uppercase() { format!("{text}_{}", c.to_lowercase()) } else { format!("{text}{c}") }
        })
    };
    params.as_object().unwrap().iter().map(|(key, value)| (snake(key), value.clone())).collect()
}

/// The instances and rules of a rendering or a file: template and params by name, match and instances by name.
type Telemetry = (BTreeMap<String, (Value, BTreeMap<String, Value>)>, BTreeMap<String, Vec<Value>>);

fn telemetry(documents: &[Value]) -> Telemetry {
    let mut telemetry = Telemetry::default();
    for document in documents.iter().filter(|document| is_mixer(document)) {
        let (name, spec) = (document["metadata"]["name"].as_str().unwrap().to_owned(), &document["spec"]);
        match document["kind"].as_str().unwrap() {
            "instance" => drop(telemetry.0.insert(name, (spec["template"].clone(), plain(&spec["params"])))),
            "rule" => {
                let instances = spec["actions"][0]["instances"].as_array().unwrap().clone();
                telemetry.1.insert(spec["match"].as_str().unwrap().to_owned(), instances);
            }
            _ => {}
        }
    }
    telemetry
}

#[test]
fn the_chart_sends_what_the_adapter_s_example_sends() {
    let Some([_, helm]) = helms() else { return };
    let values = json!({"telemetry": {"tracing": {"enabled": true}, "errorLog": {"enabled": true}}});
    let rendered = NEWRELIC.render(&helm, &values).unwrap();
    let folder = root().join("adapters/newrelic");
    let mesh = documents(&fs::read_to_string(folder.join("mesh.yaml")).unwrap()).unwrap();
    assert_eq!(telemetry(&rendered), telemetry(&mesh));
    let example: Value =
        serde_saphyr::from_str(&fs::read_to_string(folder.join("example.yaml")).unwrap()).unwrap();
    let params = &object(&rendered, "handler").unwrap()["spec"]["params"];
    let mut metrics = example["metrics"].as_object().unwrap().clone();
    metrics.retain(|name, _| !name.starts_with("{{"));
    for (name, metric) in &metrics {
        assert_eq!(&params["metrics"][name], metric, "{name}");
    }
    assert_eq!(params["metrics"].as_object().unwrap().len(), metrics.len());
    assert_eq!((&params["logs"], &params["namespace"]), (&example["logs"], &example["namespace"]));
}

#[test]
fn the_original_s_names_and_types_are_there() {
    let Some([_, helm]) = helms() else { return };
    let values = json!({"compatibility": "original"});
    let rendered = NEWRELIC.render(&helm, &values).unwrap();
    let handler = object(&rendered, "handler").unwrap();
    assert_eq!(
        (&handler["spec"]["adapter"], &handler["spec"]["params"]["namespace"]),
        (&json!("newrelic"), &json!("istio"))
    );
    let expected = [
        ("newrelic-request-count", "request.total", "COUNT"),
        ("newrelic-request-size", "request.bytes", "GAUGE"),
        ("newrelic-request-duration", "request.duration.milliseconds", "SUMMARY"),
        ("newrelic-response-size", "response.bytes", "GAUGE"),
        ("newrelic-bytes-sent", "tcp.sent.bytes", "COUNT"),
        ("newrelic-bytes-received", "tcp.received.bytes", "COUNT"),
        ("newrelic-connections-opened", "tcp.connections.opened", "COUNT"),
        ("newrelic-connections-closed", "tcp.connections.closed", "COUNT"),
    ];
    let metrics: Map<String, Value> = expected
        .iter()
        .map(|(instance, name, kind)| {
            (format!("{instance}.instance.istio-system"), json!({"name": name, "type": kind}))
        })
        .collect();
    assert_eq!(handler["spec"]["params"]["metrics"], Value::Object(metrics));
    let names = |kind: &str| -> Vec<&str> {
        let found = rendered.iter().filter(|document| document["kind"] == kind);
        found.map(|document| document["metadata"]["name"].as_str().unwrap()).collect()
    };
    let mut instances: Vec<&str> =
        expected.iter().map(|(instance, ..)| *instance).chain(["newrelic-span"]).collect();
    instances.sort_unstable();
    assert_eq!(names("instance"), instances);
    let rules = [
        "newrelic-http-connection",
        "newrelic-tcp-connection",
        "newrelic-tcp-connection-closed",
        "newrelic-tcp-connection-open",
    ];
    assert_eq!(names("rule"), rules);
    // Dimensions: 19 of requests, 17 of connections, 15 tags of spans.
    let count = |name: &str, field: &str| {
        let instance = object(&rendered, &format!("instance/{name}")).unwrap();
        instance["spec"]["params"][field].as_object().unwrap().len()
    };
    assert_eq!(
        (count("newrelic-request-size", "dimensions"), count("newrelic-bytes-sent", "dimensions")),
        (19, 17)
    );
    assert_eq!(count("newrelic-span", "spanTags"), 15);
    // Its templates and its attributes are Istio's, or the server's.
    assert_eq!((names("template"), names("attributemanifest")), (vec![], vec![]));
}

/// What values of the original mean: object, place, and what is there.
fn meant() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("Deployment", "/spec/replicas", json!(4)),
        ("Deployment", "/spec/selector/matchLabels/app.kubernetes.io~1name", json!("nr-adapter")),
        ("Deployment", "/spec/template/spec/containers/0/image", json!("example.org/adapter:1.2.3")),
        ("Deployment", "/spec/template/spec/containers/0/imagePullPolicy", json!("Always")),
        ("Deployment", "/spec/template/spec/containers/0/resources/limits/cpu", json!("1")),
        ("Deployment", "/spec/template/spec/nodeSelector", json!({"disk": "fast"})),
        ("Deployment", "/spec/template/spec/tolerations/0/key", json!("dedicated")),
        (
            "Deployment",
            "/spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/weight",
            json!(1),
        ),
        ("Deployment", "/spec/template/spec/volumes/0/secret/secretName", json!("relic-key")),
        ("Service/relic", "/spec/type", json!("NodePort")),
        ("Service/relic", "/spec/ports/0/port", json!(80)),
        ("handler/relic", "/metadata/namespace", json!("istio-config")),
        ("handler/relic", "/spec/connection/address", json!("dns:///relic.mesh.svc.cluster.local:80")),
        ("handler/relic", "/spec/params/namespace", json!("mesh")),
        (
            "handler/relic",
            "/spec/params/metrics/calls.instance.istio-config",
            json!({"name": "calls", "type": "COUNT"}),
        ),
        (
            "instance/calls",
            "/spec/params",
            json!({"value": "1", "dimensions": {"code": "response.code | 0"}}),
        ),
        ("instance/calls-span", "/spec/template", json!("tracespan")),
        ("instance/calls-span", "/spec/params/traceId", json!("request.headers[\"x-b3-traceid\"] | \"\"")),
        ("rule/calls", "/spec/match", json!("request.size > 0")),
        ("rule/calls", "/spec/actions/0/instances", json!(["calls", "calls-span"])),
        ("attributemanifest/relic", "/spec/attributes/request.size/valueType", json!("INT64")),
    ]
}

#[test]
fn values_of_the_original_keep_their_meaning() {
    let Some([_, helm]) = helms() else { return };
    let values: Value = serde_saphyr::from_str(include_str!("original-values.yaml")).unwrap();
    let rendered = helm.template(&NEWRELIC.path(), NEWRELIC.release, &values).unwrap();
    let get = |wanted: &str, pointer: &str| {
        let found = object(&rendered, wanted).unwrap_or_else(|| panic!("there is no {wanted}"));
        found.pointer(pointer).cloned().unwrap_or(Value::Null)
    };
    let container = "/spec/template/spec/containers/0";
    let args = get("Deployment/relic", &format!("{container}/args"));
    for expected in [
        "--cluster-name=west",
        "--log-level=warn",
        "--metrics-host=http://metrics:8080",
        "--spans-host=http://spans:8080",
    ] {
        assert!(args.as_array().unwrap().contains(&json!(expected)), "{expected}: {args}");
    }
    let env = get("Deployment", &format!("{container}/env"));
    assert_eq!(
        env,
        json!([{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "HTTP_PROXY", "value": "http://proxy:3128"}, {"name": "NO_PROXY", "value": ".svc"}])
    );
    for (wanted, pointer, expected) in meant() {
        assert_eq!(get(wanted, pointer), expected, "{wanted} {pointer}");
    }
    // The Secret is not made here.
    assert!(object(&rendered, "Secret").is_none());
    let mut taken = crate::taken::Taken::default();
    taken.add(&rendered);
    assert_eq!(taken.problems(), Vec::<String>::new());
}

#[test]
fn the_handler_s_address_is_where_the_adapter_is() {
    let Some(helms) = helms() else { return };
    for helm in &helms {
        for (kind, port) in [
            ("Headless", 55912),
            ("Headless", 80),
            ("Headless", 6000),
            ("ClusterIP", 80),
            ("NodePort", 6000),
            ("LoadBalancer", 443),
        ] {
            for clear in ["", "example.org"] {
                let domain = if clear.is_empty() { json!({}) } else { json!({"clusterDomain": clear}) };
                let values = merged(json!({"service": {"type": kind, "port": port}}), &domain);
                let rendered = NEWRELIC.render(helm, &values).unwrap();
                let service = object(&rendered, "Service").unwrap();
                let container = object(&rendered, "Deployment")
                    .unwrap()
                    .pointer("/spec/template/spec/containers/0")
                    .unwrap();
                let listens = container["ports"][0]["containerPort"].as_u64().unwrap();
                assert!(
                    container["args"].as_array().unwrap().contains(&json!(format!("--address=:{listens}")))
                );
                let address =
                    object(&rendered, "handler").unwrap().pointer("/spec/connection/address").unwrap();
                let domain = if clear.is_empty() { "cluster.local" } else { clear };
                let name = service["metadata"]["name"].as_str().unwrap();
                assert_eq!(address, &json!(format!("dns:///{name}.mesh.svc.{domain}:{port}")));
                assert_eq!(service["spec"]["ports"][0]["port"], port);
                // Behind a headless Service nobody maps ports.
                let headless = service["spec"]["clusterIP"] == "None";
                assert_eq!(headless, kind == "Headless");
                assert_eq!(listens, if headless { port } else { 55912 });
            }
        }
    }
}

#[test]
fn the_adapter_is_described_as_it_describes_itself() {
    let Some([_, helm]) = helms() else { return };
    let rendered = NEWRELIC.render(&helm, &json!({})).unwrap();
    let output = Command::new(program("mixer-newrelic-adapter").unwrap()).arg("manifest").output().unwrap();
    let manifest = documents(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(object(&rendered, "adapter").unwrap()["spec"], object(&manifest, "adapter").unwrap()["spec"]);
}

#[test]
fn the_key_is_in_the_secret_and_nowhere_else() {
    let Some([_, helm]) = helms() else { return };
    let key = "abcdef0123456789NRAL";
    let rendered = NEWRELIC.render(&helm, &json!({"authentication": {"apiKey": key}})).unwrap();
    let secrets = rendered.iter().filter(|document| document["kind"] == "Secret").count();
    assert_eq!(secrets, 1);
    for document in &rendered {
        assert!(!document.to_string().contains(key), "{document}");
    }
    for wanted in ["Deployment", "Pod/nr-mixer-newrelic-adapter-test-backend"] {
        let text = object(&rendered, wanted).unwrap().to_string();
        assert!(!text.contains("secretKeyRef") && text.contains("/var/run/secrets/newrelic"), "{text}");
    }
}

#[test]
fn the_dashboard_is_the_adapter_s() {
    let Some([_, helm]) = helms() else { return };
    let rendered = NEWRELIC.render(&helm, &json!({"dashboard": {"create": true}})).unwrap();
    let map = object(&rendered, "ConfigMap/nr-mixer-newrelic-adapter-dashboard").unwrap();
    let dashboard: Value = serde_json::from_str(map["data"]["dashboard.json"].as_str().unwrap()).unwrap();
    let path = root().join("adapters/newrelic/dashboard.json");
    let expected: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(dashboard, expected);
}
