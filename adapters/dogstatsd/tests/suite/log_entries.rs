//! Log entries become events and service checks.

use mixer_adapter_sdk::Timestamp;
use mixer_adapter_sdk::value::Value;
use serde_json::{Value as Json, json};

use super::setup::*;

async fn check(
    more: Json,
    (severity, time, variables): (&str, Option<Timestamp>, Values<'_>),
    wanted: Result<&[&str], &str>,
) {
    let agent = Agent::new();
    let handler = build(&agent.params(more.clone())).await;
    let entry = log_entry(severity, time, variables);
    let outcome = report(&*handler, "logentry", vec![("log.instance.ns", entry)]).await;
    handler.close().await;
    let refused: Vec<_> = outcome.dropped.iter().map(|dropped| dropped.reason).collect();
    let wanted = match wanted {
        Ok(lines) => (lines.iter().map(|line| (*line).to_owned()).collect(), vec![]),
        Err(reason) => (vec![], vec![reason]),
    };
    assert_eq!((agent.lines(), refused), wanted, "{more}");
}

fn event(fields: Json) -> Json {
    json!({"events": {"log.instance.ns": fields}})
}

fn service(fields: Json) -> Json {
    json!({"service_checks": {"log.instance.ns": fields}})
}

#[tokio::test]
async fn events() {
    let variables = [("code", Value::Int64(503)), ("user", text("größe"))];
    let entry = ("error", Timestamp::from_proto(1_600_000_000, 5), &variables[..]);
    check(
        event(json!({"title": "Failed"})),
        entry,
        Ok(&["_e{6,24}:Failed|code: 503\\nuser: größe|d:1600000000|t:error"]),
    )
    .await;
    let full = event(json!({
        "title": "{{.user}} got {{.code}}",
        "text": "line\n{{.code}}|x",
        "alert_types": {"error": "SUCCESS"},
        "aggregation_key": "k-{{.code}}",
        "priority": "LOW_PRIORITY",
        "source_type_name": "mixer",
        "hostname": "h|{{.code}}",
        "tags": {"a": "b"},
        "tag_variables": ["code"],
    }));
    let wanted = "_e{15,11}:größe got 503|line\\n503|x|d:1600000000|h:h_503|k:k-503|p:low|s:mixer|t:success|#code:503,a:b";
    check(full, entry, Ok(&[wanted])).await;
    check(event(json!({"title": "{{.gone}}"})), entry, Err("missing_variable")).await;
    check(event(json!({"title": "{{.user}}"})), ("", None, &[("user", text(""))]), Err("no_title")).await;
    check(json!({}), entry, Err("unknown_instance")).await;
}

#[tokio::test]
async fn severities_are_known() {
    for (severity, alert, status) in [
        ("", "info", 0),
        ("Default", "info", 0),
        ("Warning", "warning", 1),
        ("ERROR", "error", 2),
        ("critical", "error", 2),
    ] {
        let entry = (severity, None, &[][..]);
        let more = event(json!({"title": "a", "text": "b"}));
        check(more, entry, Ok(&[&format!("_e{{1,1}}:a|b|t:{alert}")])).await;
        check(service(json!({"name": "a"})), entry, Ok(&[&format!("_sc|a|{status}")])).await;
    }
}

#[tokio::test]
async fn service_checks() {
    let variables = [("text", text("m: 1\n2|3")), ("host", text("h")), ("zone", text("z"))];
    let entry = ("odd", Timestamp::from_proto(1_600_000_000, 0), &variables[..]);
    let mut params = service(json!({
        "name": "mesh|up",
        "statuses": {"odd": "UNKNOWN"},
        "message": "{{.text}}",
        "hostname": "{{.host}}",
        "tags": {"a": "b"},
        "tag_variables": ["zone"],
    }));
    let more = json!({"container_id": "in-1", "external_data": "x", "cardinality": "LOW", "global_tags": {"g": "h"}});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let wanted = "_sc|mesh_up|3|d:1600000000|h:h|#zone:z,a:b,g:h|m:m\\: 1\\n2_3|c:in-1|card:low";
    check(params, entry, Ok(&[wanted])).await;
}

#[tokio::test]
async fn one_entry_may_be_both() {
    let mut params = event(json!({"title": "t", "text": "x"}));
    let more = service(json!({"name": "s"}));
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    check(params, ("", None, &[]), Ok(&["_e{1,1}:t|x|t:info", "_sc|s|0"])).await;
}
