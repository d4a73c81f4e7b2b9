//! The server may do what docs/kubernetes.md says that it needs, and nothing else.

use std::collections::BTreeSet;
use std::fs;

use mixer_adapters::Options;
use mixer_config::{KindClass, class_of};
use mixer_deploy_tests::render::root;
use serde_json::{Value, json};

use crate::chart::{MIXER, helms, object};

/// A right: where (empty: in the cluster), API group, resource, the one object's name (empty: all), verb.
type Right = (String, String, String, String, String);

/// Plurals by which the original's definitions of kinds of adapters and templates go.
const LEGACY: [(&str, &str); 20] = [
    ("apikey", "apikeys"),
    ("authorization", "authorizations"),
    ("checknothing", "checknothings"),
    ("denier", "deniers"),
    ("dogstatsd", "dogstatsds"),
    ("edge", "edges"),
    ("kubernetes", "kuberneteses"),
    ("listchecker", "listcheckers"),
    ("listentry", "listentries"),
    ("logentry", "logentries"),
    ("memquota", "memquotas"),
    ("metric", "metrics"),
    ("noop", "noops"),
    ("prometheus", "prometheuses"),
    ("quota", "quotas"),
    ("reportnothing", "reportnothings"),
    ("stackdriver", "stackdrivers"),
    ("statsd", "statsds"),
    ("stdio", "stdios"),
    ("tracespan", "tracespans"),
];

/// Words in backticks.
fn words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What a table's rows say that is needed: rows for some purposes, with objects' names of a release, in places.
fn needed(purposes: &[&str], reading: &[&str]) -> BTreeSet<Right> {
    let manual = fs::read_to_string(root().join("docs/kubernetes.md")).unwrap();
    let section = manual.split("## What the service account needs").nth(1).unwrap();
    let rows =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let (mut rights, mut six, mut seen) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    for row in rows.skip(2) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, purpose, group, resources, verbs, place, _] = cells[..] else { panic!("{row}") };
        let group = if group == "(core)" { String::new() } else { words(group).remove(0) };
        if six.is_empty() {
            six = words(resources);
            assert_eq!(six.len(), 6, "{row}");
        }
        let (resources, name) = match resources {
            _ if resources.starts_with("the same six, each with") => {
                (six.iter().map(|kind| format!("{kind}/status")).collect(), String::new())
            }
            "the same six" => (six.clone(), String::new()),
            _ if resources.contains("` named `") => {
                let mut words = words(resources);
                (vec![words.remove(0)], words.remove(0))
            }
            _ => (words(resources), String::new()),
        };
        // In the words of the manual the release is called `mixs`; what belongs to no namespace also says its own.
        let name = match name.as_str() {
            "" => String::new(),
            "mixs" => "m-mixs-mesh".to_owned(),
            other => other.replacen("mixs", "m-mixs", 1),
        };
        let places: Vec<&str> = match place {
            "the pod's namespace" => vec!["mesh"],
            "cluster" => vec![""],
            _ => reading.to_vec(),
        };
        // The chart makes the Secret.
        if verbs.contains("not needed when the chart makes an empty Secret") {
            continue;
        }
        seen.insert(purpose.to_owned());
        if !purposes.contains(&purpose) {
            continue;
        }
        for resource in resources {
            for verb in words(verbs) {
                for place in &places {
                    let right = [place, group.as_str(), &resource, &name, &verb].map(str::to_owned);
                    rights.insert(right.into());
                }
            }
        }
    }
    assert!(purposes.iter().all(|purpose| seen.contains(*purpose)), "{seen:?}");
    rights
}

/// What roles that are bound to the server's account allow.
fn allowed(documents: &[Value]) -> BTreeSet<Right> {
    let account = object(documents, "ServiceAccount").unwrap();
    let mut rights = BTreeSet::new();
    let mut bound = 0;
    for binding in documents.iter().filter(|document| document["kind"].as_str().unwrap().ends_with("Binding"))
    {
        assert_eq!(
            binding["subjects"],
            json!([{"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": account["metadata"]["namespace"]}])
        );
        let same = |role: &&Value| {
            role["kind"] == binding["roleRef"]["kind"]
                && role["metadata"]["name"] == binding["roleRef"]["name"]
                && role["metadata"]["namespace"] == binding["metadata"]["namespace"]
        };
        let role = documents.iter().find(same).unwrap_or_else(|| panic!("{binding} binds no role"));
        bound += 1;
        let place = role["metadata"]["namespace"].as_str().unwrap_or_default();
        for rule in role["rules"].as_array().unwrap() {
            let texts = |field: &str| -> Vec<String> {
                let items = rule[field].as_array().into_iter().flatten();
                items.map(|item| item.as_str().unwrap().to_owned()).collect()
            };
            let names =
                if rule["resourceNames"].is_null() { vec![String::new()] } else { texts("resourceNames") };
            for group in texts("apiGroups") {
                for resource in texts("resources") {
                    for name in &names {
                        for verb in texts("verbs") {
                            rights.insert((
                                place.to_owned(),
                                group.clone(),
                                resource.clone(),
                                name.clone(),
                                verb,
                            ));
                        }
                    }
                }
            }
        }
    }
    let roles =
        documents.iter().filter(|document| document["kind"].as_str().unwrap().ends_with("Role")).count();
    assert_eq!(roles, bound, "roles that nobody is bound to");
    rights
}

#[test]
fn the_server_may_do_what_the_manual_says() {
    let Some([_, helm]) = helms() else { return };
    let cases: [(Value, &[&str], &[&str], bool); 6] = [
        (json!({}), &["reading", "status"], &[""], true),
        (json!({"config": {"legacyKinds": false}}), &["reading", "status"], &[""], false),
        (json!({"config": {"namespaces": ["a"]}}), &["reading", "status"], &["a", "istio-system"], true),
        (json!({"config": {"status": {"enabled": false}}}), &["reading"], &[""], true),
        (
            json!({"config": {"status": {"events": true}}}),
            &["reading", "status", "status without subresource"],
            &[""],
            true,
        ),
        (json!({"webhook": {"enabled": true}}), &["reading", "status", "webhook"], &[""], true),
    ];
    for (values, purposes, reading, legacy) in cases {
        let mut expected = needed(purposes, reading);
        for (_, plural) in LEGACY.iter().filter(|_| legacy) {
            for place in reading {
                for verb in ["list", "watch"] {
                    let right = [*place, "config.istio.io", plural, "", verb].map(str::to_owned);
                    expected.insert(right.into());
                }
            }
        }
        let found = allowed(&MIXER.render(&helm, &values).unwrap());
        assert_eq!(
            (
                found.difference(&expected).collect::<Vec<_>>(),
                expected.difference(&found).collect::<Vec<_>>()
            ),
            (vec![], vec![]),
            "{values}: rights beyond the manual, and rights that are missing"
        );
    }
}

#[test]
fn legacy_kinds_are_those_that_the_server_reads() {
    let prometheus_address = ([127, 0, 0, 1], 0).into();
    let registry = mixer_adapters::registry(Options { prometheus_address });
    for (kind, _) in LEGACY {
        let class = class_of(kind, &registry);
        assert!(matches!(class, KindClass::Adapter | KindClass::Template), "{kind}: {class:?}");
    }
    let mut kinds: Vec<String> = fs::read_dir(root().join("templates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // Adapters that the original does not have have no kind of its.
    let ours = ["newrelic", "otlp", "list"];
    kinds.extend(
        registry
            .iter()
            .map(|adapter| adapter.info().name.to_owned())
            .filter(|name| !ours.contains(&name.as_str())),
    );
    for kind in kinds {
        assert!(LEGACY.iter().any(|(known, _)| *known == kind), "{kind}");
    }
}
