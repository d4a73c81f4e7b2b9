//! Every form of a line of a metric.

use mixer_adapter_sdk::value::Value;
use mixer_adapter_sdk::{Duration, Timestamp};
use serde_json::{Value as Json, json};

use super::setup::*;

async fn check(more: Json, metric: &str, value: Value, dimensions: Values<'_>, wanted: &str) {
    for aggregation in ["BASIC", "NONE", "EXTENDED"] {
        let mut more = more.clone();
        more.as_object_mut().unwrap().insert("aggregation".to_owned(), json!(aggregation));
        let (lines, refused) = lines_of(more, metric, Some(&value), dimensions).await;
        assert_eq!((lines, refused), (vec![wanted.to_owned()], vec![]), "{aggregation} {metric} {value:?}");
    }
}

fn int(number: i64) -> Value {
    Value::Int64(number)
}

fn nanos(nanos: i64) -> Value {
    Value::Duration(Duration::from_nanos(nanos))
}

#[tokio::test]
async fn kinds_and_values() {
    let none = || json!({});
    check(none(), "c", int(3), &[], "istio.c:3|c").await;
    check(none(), "c", int(-3), &[], "istio.c:-3|c").await;
    check(none(), "c", Value::Double(0.5), &[], "istio.c:0.5|c").await;
    check(none(), "c", nanos(2_500_000), &[], "istio.c:2.5|c").await;
    check(none(), "c", text("17"), &[], "istio.c:17|c").await;
    check(none(), "g", int(-5), &[], "istio.g:-5|g").await;
    check(none(), "g", Value::Double(1e-7), &[], "istio.g:0.0000001|g").await;
    check(none(), "d", int(7), &[], "istio.d:7|h").await;
    check(none(), "d", nanos(1_500_250_000), &[], "istio.d:1500.25|ms").await;
    check(none(), "s", text("a b:c|d\ne"), &[], "istio.s:a_b:c_d_e|s").await;
    check(none(), "s", Value::Ip(vec![10, 0, 0, 1].into()), &[], "istio.s:10.0.0.1|s").await;
    for (form, int_kind, duration_kind) in
        [("HISTOGRAM", "h", "h"), ("TIMING", "ms", "ms"), ("DISTRIBUTION", "d", "d")]
    {
        let more = json!({"distribution_form": form});
        check(more.clone(), "d", int(7), &[], &format!("istio.d:7|{int_kind}")).await;
        check(more, "d", nanos(7_000_000), &[], &format!("istio.d:7|{duration_kind}")).await;
    }
}

#[tokio::test]
async fn what_is_no_number_is_refused() {
    let check = async |metric: &str, value: Option<Value>, reason: &str| {
        let (lines, refused) = lines_of(json!({}), metric, value.as_ref(), &[]).await;
        assert_eq!((lines, refused), (vec![], vec![reason]), "{metric} {value:?}");
    };
    for metric in ["c", "g", "d"] {
        check(metric, None, "no_value").await;
        check(metric, Some(Value::Bool(true)), "not_a_number").await;
        check(metric, Some(text("x")), "not_a_number").await;
        check(metric, Some(Value::Timestamp(Timestamp::now())), "not_a_number").await;
        check(metric, Some(Value::Double(f64::NAN)), "not_finite").await;
        check(metric, Some(Value::Double(f64::INFINITY)), "not_finite").await;
    }
    check("s", None, "no_value").await;
    check("unknown", Some(int(1)), "unknown_instance").await;
}

#[tokio::test]
async fn tags() {
    let check = async |more: Json, dimensions: Values<'_>, tags: &str| {
        check(more, "c", int(1), dimensions, &format!("istio.c:1|c|#{tags}")).await;
    };
    let none = || json!({});
    check(none(), &[("b", text("2")), ("a", text("1"))], "a:1,b:2").await;
    check(none(), &[("code", int(200)), ("took", nanos(1_500_000_000))], "code:200,took:1.5s").await;
    check(none(), &[("a b", text("x,y|z#@\n\r\tw")), ("c:d", text("e:f"))], "a_b:x_y_z_____w,c_d:e:f").await;
    check(none(), &[("path", text("/a/b-c_d.e")), ("größe", text("日本"))], "größe:日本,path:/a/b-c_d.e")
        .await;
    check(none(), &[("a", text(""))], "a:").await;
    check(none(), &[("a", text(&"é".repeat(300)))], &format!("a:{}", "é".repeat(198))).await;
    check(none(), &[("", text("lost")), ("a", text("1"))], "a:1").await;
    let global = json!({"global_tags": {"z": "26", "a": "global", "b c": "d e"}});
    check(global.clone(), &[], "a:global,b_c:d_e,z:26").await;
    check(global.clone(), &[("a", text("own")), ("m", text("13"))], "a:own,m:13,b_c:d_e,z:26").await;
    let own =
        json!({"c.instance.ns": {"name": "c", "type": "COUNTER", "tags": {"t": "metric", "a": "metric"}}});
    let mut both = global;
    both.as_object_mut().unwrap().insert("metrics".to_owned(), own);
    check(both.clone(), &[("m", text("13"))], "m:13,a:metric,t:metric,b_c:d_e,z:26").await;
    check(both, &[("a", text("own"))], "a:own,t:metric,b_c:d_e,z:26").await;
}

#[tokio::test]
async fn names() {
    let named = |name: &str, prefix: Option<&str>| {
        let mut params = json!({"metrics": {"c.instance.ns": {"name": name, "type": "COUNTER"}}});
        if let Some(prefix) = prefix {
            params.as_object_mut().unwrap().insert("prefix".to_owned(), json!(prefix));
        }
        params
    };
    check(named("request.count", None), "c", int(1), &[], "istio.request.count:1|c").await;
    check(named("a-b c:d|e", None), "c", int(1), &[], "istio.a_b_c_d_e:1|c").await;
    check(named("a", Some("mesh")), "c", int(1), &[], "mesh.a:1|c").await;
    check(named("a", Some("mesh.")), "c", int(1), &[], "mesh.a:1|c").await;
    check(named("a", Some("")), "c", int(1), &[], "a:1|c").await;
}

#[tokio::test]
async fn fields_behind_the_tags() {
    let more = json!({
        "container_id": "ci-abc",
        "external_data": "it-false,cn-app",
        "cardinality": "ORCHESTRATOR",
        "global_tags": {"a": "b"},
    });
    let tail = "|#a:b|c:ci-abc|e:it-false,cn-app|card:orchestrator";
    check(more.clone(), "c", int(1), &[], &format!("istio.c:1|c{tail}")).await;
    check(more.clone(), "d", int(1), &[], &format!("istio.d:1|h{tail}")).await;
    check(more, "s", int(1), &[], &format!("istio.s:1|s{tail}")).await;
    for (given, written) in [("NO_TAGS", "none"), ("LOW", "low"), ("HIGH", "high")] {
        check(json!({"cardinality": given}), "g", int(1), &[], &format!("istio.g:1|g|card:{written}")).await;
    }
}
