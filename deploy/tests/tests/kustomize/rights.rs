//! Rights as the manual lists them, and as roles give them, one by one.

use std::collections::BTreeSet;

use serde_json::Value;

/// One right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right {
    /// In all namespaces, or in that of the pod.
    pub(crate) cluster: bool,
    pub(crate) group: String,
    pub(crate) resource: String,
    /// Names of objects; all of them when there are none.
    pub(crate) names: Vec<String>,
    pub(crate) verb: String,
}

const SIX: [&str; 6] = ["attributemanifests", "templates", "adapters", "handlers", "instances", "rules"];

pub(crate) fn is_of_the_six(resource: &str) -> bool {
    SIX.contains(&resource.split('/').next().unwrap())
}

/// What is between backticks.
fn words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The table of the manual: what for, and which right. Rows that are not needed with our definitions and manifests say so.
pub(crate) fn of_manual(manual: &str) -> Vec<(String, Right)> {
    let table =
        manual.split("## What the service account needs").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut rights = Vec::new();
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        rows += 1;
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [what, group, resources, verbs, place] = cells[..] else { panic!("{row}") };
        if place.contains("leave it out with our definitions") || verbs.contains("not needed when") {
            continue;
        }
        let (listed, named) = match resources.split_once(" named ") {
            Some((listed, named)) => (listed, words(named)),
            None => (resources, Vec::new()),
        };
        let resources = match listed.strip_prefix("the same six") {
            Some(rest) => SIX.map(|resource| format!("{resource}{}", words(rest).concat())).to_vec(),
            None => words(listed),
        };
        assert!(!resources.is_empty(), "{row}");
        for resource in resources {
            for verb in words(verbs) {
                let right = Right {
                    cluster: place != "the pod's namespace",
                    group: words(group).concat(),
                    resource: resource.clone(),
                    names: named.clone(),
                    verb,
                };
                rights.push((what.to_owned(), right));
            }
        }
    }
    assert!(rows > 7, "{table}");
    rights
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What roles give. Every role is bound to the server's account, and to nobody else.
pub(crate) fn of_roles(objects: &[Value]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    let accounts: Vec<&Value> = objects.iter().filter(|one| one["kind"] == "ServiceAccount").collect();
    let [account] = accounts[..] else { panic!("{accounts:?}") };
    for role in objects.iter().filter(|one| one["kind"] == "Role" || one["kind"] == "ClusterRole") {
        let (kind, name) = (role["kind"].as_str().unwrap(), &role["metadata"]["name"]);
        let binding = objects.iter().find(|one| {
            one["kind"] == format!("{kind}Binding")
                && &one["roleRef"]["name"] == name
                && one["roleRef"]["kind"] == kind
        });
        let subjects = binding.unwrap()["subjects"].as_array().unwrap();
        assert_eq!(subjects.len(), 1);
        for key in ["name", "namespace"] {
            assert_eq!(subjects[0][key], account["metadata"][key], "{name}");
        }
        for rule in role["rules"].as_array().unwrap() {
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    for verb in texts(&rule["verbs"]) {
                        let (group, resource) = (group.clone(), resource.clone());
                        let names = texts(&rule["resourceNames"]);
                        rights.insert(Right { cluster: kind == "ClusterRole", group, resource, names, verb });
                    }
                }
            }
        }
    }
    rights
}
