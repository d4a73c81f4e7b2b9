//! What instances are about: labels of the cluster are filled in where they are empty, by configuration or the metadata server.

use mixer_adapter_sdk::value::Value;
use serde_json::{Value as Json, json};

use crate::support::{Rig, text};

#[tokio::test]
async fn empty_labels_are_filled_in() {
    let check = async |kind: &str, labels: &[(&str, &str)], wanted: Result<Json, &str>| {
        let rig = Rig::new(json!({"mesh_uid": "mesh"})).await;
        let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, text(value))).collect();
        let reason = rig.metric_of("count", Value::Int64(1), &[], (kind, &labels)).await;
        let seen = rig.close().await;
        let found = seen.series.first().map(|series| series["resource"].clone());
        assert_eq!(found.ok_or(reason.unwrap_or_default()), wanted, "{kind} {labels:?}");
    };
    let of = |kind: &str, labels: Json| Ok(json!({"type": kind, "labels": labels}));
    check("", &[], of("global", json!({"project_id": "my-project"}))).await;
    let pod = [
        ("project_id", ""),
        ("location", ""),
        ("cluster_name", "east"),
        ("namespace_name", "ns"),
        ("pod_name", "p"),
    ];
    let container = json!({
        "project_id": "my-project", "location": "us-west1", "cluster_name": "east", "namespace_name": "ns",
        "pod_name": "p", "container_name": "c",
    });
    check(
        "k8s_container",
        &[&pod[..], &[("container_name", "c")]].concat(),
        of("k8s_container", container.clone()),
    )
    .await;
    let mut own = container.clone();
    own.as_object_mut().unwrap().shift_remove("container_name");
    check("k8s_pod", &pod, of("k8s_pod", own)).await;
    let cluster = json!({"project_id": "my-project", "location": "us-west1", "cluster_name": "west"});
    check("k8s_cluster", &[], of("k8s_cluster", cluster.clone())).await;
    let mut node = cluster;
    node.as_object_mut().unwrap().insert("node_name".to_owned(), "n".into());
    check("k8s_node", &[("node_name", "n")], of("k8s_node", node)).await;
    let service = json!({
        "project_id": "my-project", "location": "us-west1", "mesh_uid": "mesh", "namespace_name": "ns",
        "canonical_service_name": "reviews",
    });
    let labels = [("namespace_name", "ns"), ("canonical_service_name", "reviews")];
    check("istio_canonical_service", &labels, of("istio_canonical_service", service)).await;
    let task = json!({"project_id": "my-project", "location": "here", "namespace": "ns", "job": "j", "task_id": "t"});
    let labels = [("location", "here"), ("namespace", "ns"), ("job", "j"), ("task_id", "t")];
    check("generic_task", &labels, of("generic_task", task)).await;
    check("k8s_pod", &[("pod", "p")], Err("resource_label")).await;
}

#[tokio::test]
async fn what_the_configuration_leaves_open_comes_from_the_metadata_server() {
    let rig = Rig::new(json!({})).await;
    let more = json!({
        "project_id": "", "location": "", "cluster_name": "", "service_account_path": null, "app_credentials": true,
    });
    let rig = rig.beside(&more, "pod-1").await;
    rig.metric_of("count", Value::Int64(1), &[], ("k8s_cluster", &[])).await;
    let seen = rig.close().await;
    let wanted = json!({"project_id": "my-project", "location": "us-west1", "cluster_name": "west"});
    assert_eq!(seen.series[0]["resource"]["labels"], wanted);
    for path in ["project/project-id", "cluster-name", "cluster-location", "default/token"] {
        assert_eq!(seen.answers_of(path), 1, "{path}");
    }
}
