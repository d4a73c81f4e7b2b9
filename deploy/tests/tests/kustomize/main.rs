//! Kustomize bases and the output of `mixgen deploy`: Kubernetes, our definitions and the server take every object, programs take
//! their flags, the server has the rights that the manual lists, and the base of the New Relic adapter says what its chart says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod normal;
mod rights;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mixer_deploy_tests::kustomize::Kubectl;
use mixer_deploy_tests::render::{Helm, Release, documents, id, is_mixer, program, root, run};
use mixer_deploy_tests::schema::{kubernetes_validate, misfits};
use serde_json::{Value, json};

const EVERYTHING: &str = "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: elsewhere
resources: [ROOT/deploy/kustomize/mixer]
components:
- ROOT/deploy/kustomize/mixer/webhook
- ROOT/deploy/kustomize/mixer/adapter-certificates
- ROOT/deploy/kustomize/mixer/istio-aliases
- ROOT/deploy/kustomize/mixer/autoscaling
- ROOT/deploy/kustomize/mixer/service-monitor
";

const NEW_RELIC: &str = "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [ROOT/deploy/kustomize/mixer-newrelic-adapter]
components: [ROOT/deploy/kustomize/mixer-newrelic-adapter/tracing]
";

/// A tool, unless it is not there and nobody asked for real counterparts.
macro_rules! needed {
    ($found:expr) => {
        match $found {
            Some(found) => found,
            None => {
                println!("skipped: run `cargo xtask test`");
                return;
            }
        }
    };
}

fn kubectl() -> Option<Kubectl> {
    Kubectl::find().unwrap()
}

/// A program of the workspace; a plain `cargo test -p` does not build those of other packages.
fn built(name: &str) -> Option<PathBuf> {
    let required = std::env::var_os(mixer_harness::REAL).is_some() || std::env::var_os("CI").is_some();
    match program(name) {
        Ok(path) => Some(path),
        Err(error) if required => panic!("{error}"),
        Err(_) => None,
    }
}

fn bases() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("deploy/kustomize")).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() > 4, "{folders:?}");
    folders
}

/// Names of adapters that have a base.
fn adapters() -> Vec<String> {
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        Some(name.strip_prefix("mixer-")?.strip_suffix("-adapter")?.to_owned())
    };
    bases().iter().filter_map(name).collect()
}

#[track_caller]
fn of<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = documents.iter().filter(|document| document["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "objects of kind {kind}");
    found[0]
}

/// What the server says against resources, by its own command.
fn validate(documents: &[Value]) -> String {
    let Some(mixs) = built("mixs") else { return String::new() };
    let text: String =
        documents.iter().filter(|one| is_mixer(one)).map(|one| format!("---\n{one}\n")).collect();
    let output = run(Command::new(mixs).args(["validate", "-"]), &text).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let sound = output.status.success() && said.trim_end().ends_with("0 errors, 0 warnings, 0 notes");
    if sound { String::new() } else { said }
}

/// Everybody takes these objects.
fn check(what: &str, documents: &[Value]) {
    assert_eq!(kubernetes_validate(documents).unwrap().unwrap_or_default(), Vec::<String>::new(), "{what}");
    assert_eq!(misfits(documents).unwrap(), Vec::<String>::new(), "{what}");
    if documents.iter().any(is_mixer) {
        assert_eq!(validate(documents), "", "{what}");
    }
    // A second object of a name would take the place of the first.
    let ids: BTreeSet<String> = documents.iter().map(id).collect();
    assert_eq!(ids.len(), documents.len(), "{what}: {ids:?}");
}

#[test]
fn everybody_takes_every_base() {
    let kubectl = needed!(kubectl());
    for base in bases() {
        check(&base.display().to_string(), &kubectl.kustomize(&base).unwrap());
    }
    for overlay in [EVERYTHING, NEW_RELIC] {
        check(overlay, &kubectl.overlay(overlay).unwrap());
    }
    let definitions = kubectl.kustomize(&root().join("deploy/kustomize/mixer/crds")).unwrap();
    assert_eq!(definitions.len(), 6);
}

#[test]
fn everybody_takes_what_mixgen_makes() {
    let mixgen = needed!(built("mixgen"));
    needed!(kubernetes_validate(&[]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("params.yaml"), "metrics: []\n").unwrap();
    for flags in [
        &[][..],
        &[
            "--secret=a:K",
            "--secret=b:L",
            "--arg=--tlsSds=unix:///s",
            "--egress=10.0.0.0/8:1,2/udp,x.y:3",
            "--priorityClass=p",
        ],
        &[
            "--secret=a:K",
            "--tlsSecret=t",
            "--persistence=2Gi:fast",
            "--namespace=pods",
            "--params=params.yaml",
            "--configNamespace=cfg",
        ],
        &[
            "--maxReplicas=5",
            "--pendingReports=9",
            "--serviceMonitor",
            "--egress=none",
            "--replicas=1",
            "--port=1024",
        ],
        &["--maxReplicas=5", "--persistence=2Gi"],
    ] {
        let package = root().canonicalize().unwrap().join("adapters/statsd");
        let mut command = Command::new(&mixgen);
        command.arg("deploy").args(flags).arg("--package").arg(package).current_dir(folder.path());
        let output = run(&mut command, "").unwrap();
        assert!(output.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&output.stderr));
        let found = documents(&String::from_utf8(output.stdout).unwrap()).unwrap();
        assert!(found.len() > 4, "{found:?}");
        let problems = kubernetes_validate(&found).unwrap().unwrap();
        assert_eq!(problems, Vec::<String>::new(), "{flags:?}");
        assert_eq!(misfits(&found).unwrap(), Vec::<String>::new(), "{flags:?}");
    }
}

fn pod(workload: &Value) -> &Value {
    workload.pointer("/spec/template/spec").unwrap()
}

/// The adapter of a base is the adapter of the program, which takes the flags that it is started with, at the port that others
/// call.
#[test]
fn bases_fit_their_programs() {
    let kubectl = needed!(kubectl());
    for adapter in adapters() {
        let name = format!("mixer-{adapter}-adapter");
        let program = needed!(built(&name));
        let objects = kubectl.kustomize(&root().join("deploy/kustomize").join(&name)).unwrap();
        let text = |arguments: &[&str]| {
            let output = run(Command::new(&program).args(arguments), "").unwrap();
            assert!(
                output.status.success(),
                "{name} {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout).unwrap()
        };
        let manifest = documents(&text(&["manifest"])).unwrap();
        let spec = |objects: &[Value]| of(objects, "adapter")["spec"].clone();
        let session = |mut spec: Value| {
            // Both spellings are taken.
            let given = spec.as_object_mut().unwrap().remove("session_based");
            spec["sessionBased"] = given.or(spec["sessionBased"].as_bool().map(Value::Bool)).unwrap();
            spec
        };
        assert_eq!(session(spec(&objects)), session(spec(&manifest)), "{name}");
        let container = &pod(of(&objects, "Deployment"))["containers"][0];
        let args: Vec<&str> =
            container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
        text(&[&args[..], &["--help"]].concat());
        let port = container["ports"][0]["containerPort"].as_u64().unwrap();
        let address = of(&manifest, "handler").pointer("/spec/connection/address").unwrap();
        assert_eq!(address, &json!(format!("dns:///{name}.istio-system.svc.cluster.local:{port}")));
        assert_eq!(of(&objects, "Service")["spec"]["ports"][0]["port"], port);
    }
}

#[test]
fn mixs_takes_its_flags() {
    let kubectl = needed!(kubectl());
    let mixs = needed!(built("mixs"));
    let objects = kubectl.overlay(EVERYTHING).unwrap();
    let container = &pod(of(&objects, "Deployment"))["containers"][0];
    let args = container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    let output = run(Command::new(mixs).args(args).arg("--help"), "").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Names of ports that Services, probes and policies use are ports of the container.
#[test]
fn names_of_ports_are_known() {
    let kubectl = needed!(kubectl());
    let mut rendered: Vec<Vec<Value>> = bases().iter().map(|base| kubectl.kustomize(base).unwrap()).collect();
    rendered.push(kubectl.overlay(EVERYTHING).unwrap());
    for objects in rendered {
        let ports = &pod(of(&objects, "Deployment"))["containers"][0]["ports"];
        let known: BTreeSet<&str> =
            ports.as_array().unwrap().iter().map(|port| port["name"].as_str().unwrap()).collect();
        let used: Vec<&Value> = objects.iter().flat_map(|object| normal::names_of_ports(object)).collect();
        assert!(used.len() > 4, "{used:?}");
        for name in used {
            assert!(known.contains(name.as_str().unwrap()), "{name} is none of {known:?}");
        }
    }
}

/// A base goes to another namespace as a whole.
#[test]
fn nothing_stays_behind() {
    let kubectl = needed!(kubectl());
    let mut objects = kubectl.overlay(EVERYTHING).unwrap();
    for object in &mut objects {
        let args = object.pointer_mut("/spec/template/spec/containers/0/args");
        // Whose rules hold for all is another question than where pods are.
        if let Some(Value::Array(args)) = args {
            args.retain(|arg| arg != "--configDefaultNamespace=istio-system");
        }
        assert!(!object.to_string().contains("istio-system"), "{object}");
    }
    assert_eq!(of(&objects, "Deployment")["spec"]["replicas"], Value::Null);
}

#[test]
fn the_server_has_the_rights_that_the_manual_lists() {
    let kubectl = needed!(kubectl());
    let manual = rights::of_manual(&fs::read_to_string(root().join("docs/kubernetes.md")).unwrap());
    let plain = kubectl.kustomize(&root().join("deploy/kustomize/mixer")).unwrap();
    let all = kubectl.overlay(EVERYTHING).unwrap();
    let expected = |webhook: bool| -> BTreeSet<_> {
        manual
            .iter()
            .filter(|(what, _)| webhook || what != "webhook")
            .map(|(_, right)| right.clone())
            .collect()
    };
    for (objects, webhook) in [(&plain, false), (&all, true)] {
        let (mut found, mut legacy) = (BTreeSet::new(), BTreeSet::new());
        for right in rights::of_roles(objects) {
            let is_legacy = right.group == "config.istio.io" && !rights::is_of_the_six(&right.resource);
            if is_legacy {
                legacy.insert(right)
            } else {
                found.insert(right)
            };
        }
        assert_eq!(found, expected(webhook));
        // Kinds of adapters and templates are read, and nothing else.
        assert!(legacy.len() > 30 && legacy.iter().all(|right| right.names.is_empty() && right.cluster));
        assert!(legacy.iter().all(|right| ["list", "watch"].contains(&right.verb.as_str())));
        for template in fs::read_dir(root().join("templates")).unwrap() {
            let name = template.unwrap().file_name().into_string().unwrap();
            let has = |plural: &str| legacy.iter().any(|right| right.resource == plural);
            let plurals =
                [format!("{name}s"), format!("{name}es"), format!("{}ies", name.trim_end_matches('y'))];
            assert!(plurals.iter().any(|plural| has(plural)), "{name}");
        }
    }
}

/// Helm and kustomize are two ways to the same pods and the same configuration.
#[test]
fn the_chart_and_the_base_of_new_relic_are_the_same() {
    let kubectl = needed!(kubectl());
    let chart: &Path = &root().join("deploy/helm/mixer-newrelic-adapter");
    if !chart.is_dir() {
        println!("skipped: there is no chart");
        return;
    }
    let [_, helm] = needed!(Helm::both().unwrap());
    let release = Release { name: "mixer-newrelic-adapter", namespace: "istio-system" };
    let values = json!({"authentication": {"manageSecret": false}});
    let of_chart = normal::chart(&helm.template(chart, release, &values).unwrap());
    let of_base =
        normal::base(&kubectl.kustomize(&root().join("deploy/kustomize/mixer-newrelic-adapter")).unwrap());
    let names = |objects: &normal::Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&of_base), names(&of_chart));
    for (name, object) in &of_base {
        assert_eq!(object, &of_chart[name], "{name}");
    }
}
