//! What comes out when nothing is set, as it was looked at by eye; and what holds of every pod.

use mixer_deploy_tests::render::{documents, root};
use serde_json::{Value, json};

use crate::chart::{Chart, MIXER, NEWRELIC, helms, merged};

/// A rendering to read: descriptors, which nobody can, are left out.
fn readable(text: &str) -> String {
    let mut readable = String::new();
    for line in text.lines() {
        match line.split_once(": \"") {
            Some((key, descriptor)) if descriptor.len() > 400 => {
                readable.push_str(&format!("{key}: (descriptor)\n"))
            }
            _ => readable.push_str(&format!("{line}\n")),
        }
    }
    readable
}

fn check(name: &str, chart: &Chart, values: &Value) {
    let Some([three, four]) = helms() else { return };
    let values = merged(chart.needed(), values);
    let text = four.text(&chart.path(), chart.release, &values).unwrap();
    // Objects of one kind and name may stand in another order.
    assert_eq!(documents(&text).unwrap(), three.template(&chart.path(), chart.release, &values).unwrap());
    insta::with_settings!({ snapshot_path => "../../goldens", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, readable(&text));
    });
}

#[test]
fn the_server_by_default() {
    check("mixer", &MIXER, &json!({}));
}

#[test]
fn the_server_with_much_of_what_can_be_set() {
    let values = json!({
        "config": {"namespaces": ["shop"], "defaultNamespace": "mesh"},
        "webhook": {"enabled": true},
        "tls": {"secretName": "mixs-certificate", "allowedClients": ["spiffe://cluster.local"]},
        "adapterCertificates": {"secretName": "mixs-certificate"},
        "istioServices": {"enabled": true},
        "persistence": {"enabled": true},
        "autoscaling": {"enabled": true},
        "serviceMonitor": {"enabled": true},
    });
    check("mixer-with-much", &MIXER, &values);
}

#[test]
fn the_adapter_by_default() {
    check("mixer-newrelic-adapter", &NEWRELIC, &json!({}));
}

#[test]
fn the_adapter_with_much_of_what_can_be_set() {
    let values = json!({
        "compatibility": "original",
        "proxy": {"https": "http://proxy.example.org:3128", "none": ".svc"},
        "customCA": {"configMapName": "proxy-authorities"},
        "tls": {"workloadApi": "unix:///run/spire/sockets/agent.sock", "socketVolume": {"csi": {"driver": "csi.spiffe.io", "readOnly": true}}},
        "telemetry": {"tracing": {"enabled": true}, "errorLog": {"enabled": true}, "templates": {"create": true}},
        "persistence": {"enabled": true},
        "autoscaling": {"enabled": true, "targetPendingItems": 10000},
        "serviceMonitor": {"enabled": true},
    });
    check("mixer-newrelic-adapter-with-much", &NEWRELIC, &values);
}

#[test]
fn pods_are_restricted() {
    let Some([_, helm]) = helms() else { return };
    let mut pods = 0;
    for chart in [MIXER, NEWRELIC] {
        for document in chart.render(&helm, &json!({"spool": {"enabled": true}})).unwrap() {
            let Some(pod) = document.pointer("/spec/template/spec").or(document.get("spec")) else {
                continue;
            };
            let Some(containers) = pod["containers"].as_array() else { continue };
            pods += 1;
            let security = &pod["securityContext"];
            assert_eq!(security["runAsNonRoot"], true);
            assert_eq!(security["runAsUser"], 65532);
            assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
            // The server reads its configuration from the API server; nobody else has to do with it.
            let reads = chart.name == MIXER.name && document["kind"] == "Deployment";
            assert_eq!(pod["automountServiceAccountToken"], reads);
            for container in containers {
                let security = &container["securityContext"];
                assert_eq!(security["allowPrivilegeEscalation"], false);
                assert_eq!(security["readOnlyRootFilesystem"], true);
                assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
                assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
            }
        }
    }
    assert_eq!(pods, 5);
}

#[test]
fn charts_are_of_the_programs_version_and_bring_the_definitions() {
    for chart in [MIXER, NEWRELIC] {
        let about = std::fs::read_to_string(chart.path().join("Chart.yaml")).unwrap();
        let about = documents(&about).unwrap().remove(0);
        assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(about["appVersion"], env!("CARGO_PKG_VERSION"));
    }
    let names = |folder: &str| {
        let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries
            .map(|path| (path.file_name().unwrap().to_owned(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    };
    assert_eq!(names("deploy/helm/mixer/crds"), names("deploy/crds"));
}
