//! Every form of a line.

use mixer_adapter_sdk::Duration;
use mixer_adapter_sdk::value::Value;
use serde_json::{Value as Json, json};

use super::setup::*;

async fn check(
    more: Json,
    metric: &str,
    (value, dimensions): (Option<Value>, Values<'_>),
    wanted: Result<&[&str], &str>,
) {
    let found = lines_of(more.clone(), metric, value.as_ref(), dimensions).await;
    let wanted = match wanted {
        Ok(lines) => (lines.iter().map(|line| (*line).to_owned()).collect(), vec![]),
        Err(reason) => (vec![], vec![reason]),
    };
    assert_eq!(found, wanted, "{metric} {value:?} {more}");
}

fn int(number: i64) -> Option<Value> {
    Some(Value::Int64(number))
}

fn nanos(nanos: i64) -> Option<Value> {
    Some(Value::Duration(Duration::from_nanos(nanos)))
}

#[tokio::test]
async fn kinds_and_values() {
    let check = async |metric: &str, value: Option<Value>, wanted: Result<&[&str], &str>| {
        check(json!({}), metric, (value, &[]), wanted).await;
    };
    check("c", int(3), Ok(&["c:3|c"])).await;
    check("c", int(-3), Ok(&["c:-3|c"])).await;
    check("c", Some(Value::Double(0.5)), Ok(&["c:0.5|c"])).await;
    check("g", int(5), Ok(&["g:5|g"])).await;
    check("g", int(-5), Ok(&["g:0|g", "g:-5|g"])).await;
    check("g", nanos(-1_500_000), Ok(&["g:0|g", "g:-1.5|g"])).await;
    check("d", nanos(1_500_250_000), Ok(&["d:1500.25|ms"])).await;
    check("d", nanos(-1), Err("negative_timing")).await;
    check("d", int(7), Ok(&["d:7|c"])).await;
    check("d", Some(Value::Double(7.5)), Ok(&["d:7.5|ms"])).await;
    check("s", Some(text("a b:c|d\ne")), Ok(&["s:a_b_c_d_e|s"])).await;
    check("s", Some(Value::Ip(vec![10, 0, 0, 1].into())), Ok(&["s:10.0.0.1|s"])).await;
    for metric in ["c", "g", "d"] {
        check(metric, None, Err("no_value")).await;
        check(metric, Some(Value::Bool(true)), Err("not_a_number")).await;
        check(metric, Some(text("x")), Err("not_a_number")).await;
        check(metric, Some(Value::Double(f64::NAN)), Err("not_finite")).await;
    }
    check("s", None, Err("no_value")).await;
    check("unknown", int(1), Err("unknown_instance")).await;
}

#[tokio::test]
async fn integers_of_distributions() {
    for (form, kind) in [("AS_COUNTER", "c"), ("AS_TIMING", "ms"), ("AS_HISTOGRAM", "h")] {
        let more = json!({"integer_distribution": form});
        check(more.clone(), "d", (int(7), &[]), Ok(&[&format!("d:7|{kind}")])).await;
        check(more, "d", (nanos(7_000_000), &[]), Ok(&["d:7|ms"])).await;
    }
    check(json!({"integer_distribution": "AS_TIMING"}), "d", (int(-7), &[]), Err("negative_timing")).await;
}

#[tokio::test]
async fn names() {
    let check = async |prefix: &str, template: &str, tags: Values<'_>, wanted: Result<&str, &str>| {
        let metrics = json!({"a.b.c.instance.ns": {"name_template": template, "type": "COUNTER"}});
        let more = json!({"prefix": prefix, "metrics": metrics});
        let line = wanted.map(|name| format!("{name}:1|c"));
        let wanted = line.as_ref().map(String::as_str).map_err(|reason| *reason);
        check(
            more,
            "a.b.c",
            (int(1), tags),
            wanted.map(|line| [line]).as_ref().map(|line| &line[..]).map_err(|r| *r),
        )
        .await;
    };
    let tags = [("apiMethod", text("GET /a:b|c")), ("responseCode", Value::Int64(200)), ("a.b", text("ü"))];
    check("", "", &tags, Ok("a.b.c.instance.ns")).await;
    check("mesh", "", &tags, Ok("mesh.a.b.c.instance.ns")).await;
    check("mesh.", "x", &tags, Ok("mesh.x")).await;
    check("", "{{.apiMethod}}-{{.responseCode}}", &tags, Ok("GET_/a_b_c-200")).await;
    check("m m", "x y.{{ index . \"a.b\" }}", &tags, Ok("m_m.x_y._")).await;
    check("", "{{.gone}}", &tags, Err("missing_dimension")).await;
    check("", "{{.empty}}", &[("empty", text(""))], Err("no_name")).await;
}

#[tokio::test]
async fn tags() {
    let check = async |more: Json, dimensions: Values<'_>, wanted: &str| {
        let mut params = json!({"graphite_tags": true});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        check(params, "c", (int(1), dimensions), Ok(&[&format!("{wanted}:1|c")])).await;
    };
    check(json!({}), &[], "c").await;
    check(json!({}), &[("b", text("2")), ("a", text("1"))], "c;a=1;b=2").await;
    check(json!({}), &[("a;b", text("x=y;z~ w")), ("e", text("")), ("", text("x"))], "c;a_b=x_y_z__w").await;
    let global = json!({"global_tags": {"z": "26", "a": "global"}});
    check(global.clone(), &[("a", text("own")), ("m", text("13"))], "c;m=13;a=global;z=26").await;
    let mut named = global;
    let metrics = json!({"c.instance.ns": {"name_template": "c.{{.m}}", "type": "COUNTER"}});
    named.as_object_mut().unwrap().insert("metrics".to_owned(), metrics);
    check(named, &[("m", text("13")), ("n", text("14"))], "c.13;n=14;a=global;z=26").await;
    let gauge = json!({"graphite_tags": true});
    super::lines::check(gauge, "g", (int(-1), &[("a", text("1"))]), Ok(&["g;a=1:0|g", "g;a=1:-1|g"])).await;
}
