//! Every value of values.yaml is set to something else once, under Helm 3 and 4: what has to change changes, both make
//! the same of it, neither finds a fault, and Kubernetes and Mixer take what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mixer_deploy_tests::render::Helm;
use serde_json::{Map, Value, json};

use crate::chart::{Chart, MIXER, NEWRELIC, helms, merged, object};
use crate::taken::Taken;

/// A line of the table.
struct Flip {
    /// What is set, by its path.
    flip: Map<String, Value>,
    /// What has to be set, too.
    with: Value,
    /// What is then so.
    see: Map<String, Value>,
}

impl Flip {
    fn table(chart: &Chart) -> Vec<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/charts")
            .join(format!("{}.flips.yaml", chart.name));
        let lines: Vec<Value> = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let line = |line: Value| {
            let known = ["flip", "with", "see"];
            for key in line.as_object().unwrap().keys() {
                assert!(known.contains(&key.as_str()), "{key} in {line}");
            }
            let map = |key: &str| line[key].as_object().unwrap_or_else(|| panic!("{key} in {line}")).clone();
            let with = line.get("with").cloned().unwrap_or_else(|| json!({}));
            Self { flip: map("flip"), with, see: map("see") }
        };
        lines.into_iter().map(line).collect()
    }

    fn values(&self) -> Value {
        self.flip.iter().fold(self.with.clone(), |values, (path, value)| {
            let nested = path.rsplit('.').fold(value.clone(), |inner, key| json!({key: inner}));
            merged(values, &nested)
        })
    }
}

/// Values that can be set, by the schema.
fn leaves(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (key, inner) in schema["properties"].as_object().unwrap() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if inner["additionalProperties"] == false {
            leaves(inner, &path, found);
        } else if path != "global" {
            found.insert(path);
        }
    }
}

/// What of `see` is not so.
fn unseen(documents: &[Value], see: &Map<String, Value>) -> Vec<String> {
    let holds = |what: &str, expected: &Value| {
        let (wanted, pointer) = what.split_once(' ').unwrap_or((what, ""));
        let found = object(documents, wanted);
        if pointer.is_empty() {
            return *expected == Value::Bool(found.is_some());
        }
        let pointer = pointer.replace("~pod", "/spec/template/spec");
        let pointer = pointer.replace("~container", "/spec/template/spec/containers/0");
        let at = |pointer: &str| found.and_then(|object| object.pointer(pointer)).unwrap_or(&Value::Null);
        match pointer.strip_suffix("/+") {
            Some(list) => at(list).as_array().is_some_and(|items| items.contains(expected)),
            None => found.is_some() && at(&pointer) == expected,
        }
    };
    see.iter()
        .filter(|(what, expected)| !holds(what, expected))
        .map(|(what, value)| format!("{what}: {value}"))
        .collect()
}

/// What is wrong with one line of the table.
fn look(
    chart: &Chart,
    helms: &[Helm; 2],
    line: &Flip,
    befores: &BTreeMap<String, Vec<Value>>,
    taken: &Mutex<Taken>,
) -> Result<(), String> {
    let [three, four] = helms;
    let values = line.values();
    let text = |error: anyhow::Error| format!("{error:#}");
    let before = befores.get(&line.with.to_string()).ok_or("nothing to compare with")?;
    let after = chart.render(four, &values).map_err(text)?;
    if chart.render(three, &values).map_err(text)? != after {
        return Err("Helm 3 makes something else of it than Helm 4".to_owned());
    }
    for helm in helms {
        helm.lint(&chart.path(), &merged(chart.needed(), &values)).map_err(text)?;
    }
    let missing = unseen(&after, &line.see);
    if !missing.is_empty() {
        return Err(format!("not so: {}", missing.join("; ")));
    }
    let already = line.see.len() - unseen(before, &line.see).len();
    if already > 0 {
        return Err(format!("{already} of what is to be seen was so before"));
    }
    taken.lock().unwrap().add(&after);
    Ok(())
}

fn check(chart: &Chart) {
    let Some(helms) = helms() else { return };
    let table = Flip::table(chart);
    let schema = fs::read_to_string(chart.path().join("values.schema.json")).unwrap();
    let mut values = BTreeSet::new();
    leaves(&serde_json::from_str(&schema).unwrap(), "", &mut values);
    let flipped: BTreeSet<String> = table.iter().flat_map(|line| line.flip.keys().cloned()).collect();
    assert_eq!(flipped, values, "values that are flipped, and values that there are");

    // Many lines begin with the same values.
    let befores: BTreeMap<String, &Value> =
        table.iter().map(|line| (line.with.to_string(), &line.with)).collect();
    let render = |(key, values)| {
        (key, chart.render(&helms[1], values).unwrap_or_else(|error| panic!("{values}: {error:#}")))
    };
    let befores: BTreeMap<String, Vec<Value>> = befores.into_iter().map(render).collect();
    let (next, taken, problems) = (AtomicUsize::new(0), Mutex::new(Taken::default()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(line) = table.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(problem) = look(chart, &helms, line, &befores, &taken) {
                        let flip = Value::Object(line.flip.clone());
                        problems.lock().unwrap().push(format!("{flip} with {}: {problem}", line.with));
                    }
                }
            });
        }
    });
    let mut problems = problems.into_inner().unwrap();
    problems.extend(taken.into_inner().unwrap().problems());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_value_of_the_server_s_chart_does_something() {
    check(&MIXER);
}

#[test]
fn every_value_of_the_adapter_s_chart_does_something() {
    check(&NEWRELIC);
}

#[test]
fn what_is_not_so_is_seen() {
    let documents = [json!({"kind": "A", "metadata": {"name": "a"}, "spec": {"list": [1, 2], "text": "b"}})];
    for (see, holds) in [
        (json!({"A": true}), true),
        (json!({"A": false}), false),
        (json!({"A/b": true}), false),
        (json!({"A/a /spec/text": "b"}), true),
        (json!({"A /spec/text": "c"}), false),
        (json!({"A /spec/none": null}), true),
        (json!({"B /spec/none": null}), false),
        (json!({"A /spec/list/+": 2}), true),
        (json!({"A /spec/list/+": 3}), false),
    ] {
        assert_eq!(unseen(&documents, see.as_object().unwrap()).is_empty(), holds, "{see}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let Some(helms) = helms() else { return };
    let socket = json!({"workloadApi": "unix:///run/s"});
    let cases = [
        (NEWRELIC, json!({"authentication": {"apiKey": ""}}), "authentication.apiKey is needed"),
        (NEWRELIC, json!({"servicePort": 80}), "servicePort"),
        (NEWRELIC, json!({"logLevel": "loud"}), "logLevel"),
        (NEWRELIC, json!({"service": {"port": 56012}}), "service.port and monitoring.port"),
        (NEWRELIC, json!({"tls": {"secretName": "a", "sds": "unix:///b"}}), "give one of them"),
        (NEWRELIC, json!({"tls": socket}), "tls.socketVolume is needed"),
        (
            NEWRELIC,
            json!({"tls": {"secretName": "a", "ca": "", "allowedClients": ["x"]}}),
            "tls.allowedClients needs tls.ca",
        ),
        (
            NEWRELIC,
            json!({"autoscaling": {"enabled": true, "targetCPUUtilizationPercentage": 0}}),
            "autoscaling needs a metric",
        ),
        (
            NEWRELIC,
            json!({"telemetry": {"metrics": {"m": {"value": "1", "type": "COUNT"}}}}),
            "telemetry.metrics.m.name is needed",
        ),
        (
            NEWRELIC,
            json!({"telemetry": {"rules": {"r": {"match": "true"}}}}),
            "telemetry.rules.r.instances is needed",
        ),
        (MIXER, json!({"config": {"source": "configMap"}}), "config.source=configMap needs config.files"),
        (
            MIXER,
            json!({"config": {"source": "configMap", "configMapName": "a"}, "webhook": {"enabled": true}}),
            "webhook.enabled needs config.source",
        ),
        (
            MIXER,
            json!({"webhook": {"enabled": true}, "service": {"type": "Headless"}}),
            "service.type=ClusterIP",
        ),
        (MIXER, json!({"ports": {"grpc": 15014}}), "are the same"),
        (MIXER, json!({"tls": {"secretName": "a", "anyClient": true}}), "tls.anyClient asks nobody"),
        (
            MIXER,
            json!({"istioServices": {"enabled": true}, "ports": {"grpc": 9092}}),
            "needs ports.grpc=9091",
        ),
        (MIXER, json!({"replicas": 2}), "replicas"),
    ];
    for helm in &helms {
        for (chart, values, expected) in &cases {
            let error = chart.render(helm, values).expect_err(expected).to_string();
            assert!(error.contains(expected), "{values}: {error}");
        }
    }
}
