//! Ids, sampling and limits of spans.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn span<'a>(change: impl FnOnce(&mut TraceSpanView<'a>)) -> Result<Json, String> {
    let mut view = TraceSpanView::default();
    (view.trace_id, view.span_id) = ("463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312");
    (view.parent_span_id, view.span_name) = ("0020000000000001", "reviews");
    view.start_time = Timestamp::from_proto(1_600_000_000, 0);
    view.end_time = Timestamp::from_proto(1_600_000_001, 500_000_000);
    change(&mut view);
    let spans = Spans { project_id: "p".to_owned(), sample_probability: 1.0 };
    let span = spans.span(&view).map_err(|error| error.to_string())?;
    Ok(serde_json::from_slice(&span.unwrap()).unwrap())
}

#[test]
fn ids_are_those_of_b3() {
    let check = |trace: &str, own: &str, parent: &str, wanted: Option<(&str, &str)>| {
        let made = span(|view| (view.trace_id, view.span_id, view.parent_span_id) = (trace, own, parent));
        let made = made.ok().map(|span| {
            let parent = span.get("parentSpanId").and_then(Json::as_str).unwrap_or_default().to_owned();
            (span["name"].as_str().unwrap().to_owned(), parent)
        });
        let wanted = wanted.map(|(trace, parent)| {
            (format!("projects/p/traces/{trace}/spans/{}", own.to_lowercase()), parent.to_owned())
        });
        assert_eq!(made, wanted, "{trace} {own} {parent}");
    };
    let (long, own) = ("463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312");
    check(long, own, "0020000000000001", Some((long, "0020000000000001")));
    check("48485a3953bb6124", own, "", Some(("000000000000000048485a3953bb6124", "")));
    check(&long.to_uppercase(), "A2FB4A1D1A96D312", "", Some((long, "")));
    // A bad parent is none.
    check(long, own, "xyz", Some((long, "")));
    for bad in [
        "",
        "1",
        "463ac35c9f6413ad48485a3953bb612",
        "0000000000000000",
        "+8485a3953bb6124",
        "zzzzzzzzzzzzzzzz",
    ] {
        check(bad, own, "", None);
        check(long, bad, "", None);
    }
}

#[test]
fn the_two_sides_of_a_call_are_told_apart() {
    let check = |client: bool, rewrite: bool, own: &str, parent: &str| {
        let span = span(|view| (view.client_span, view.rewrite_client_span_id) = (client, rewrite)).unwrap();
        assert_eq!((span["spanId"].as_str(), span["parentSpanId"].as_str()), (Some(own), Some(parent)));
        assert_eq!(span["spanKind"], if client { "CLIENT" } else { "SERVER" });
    };
    check(false, false, "a2fb4a1d1a96d312", "0020000000000001");
    check(true, false, "a2fb4a1d1a96d312", "0020000000000001");
    check(true, true, "9d9164ded28611b9", "0020000000000001");
    check(false, true, "a2fb4a1d1a96d312", "9d9164ded28611b9");
}

#[test]
fn fields_become_what_the_api_has() {
    let made = span(|view| {
        view.http_status_code = 404;
        view.source_name = "web";
        view.destination_ip = Some([10, 0, 0, 1].into());
        view.request_size = 7;
        view.response_total_size = 9;
        view.api_protocol = "http";
    });
    let made = made.unwrap();
    let text = |text: &str| json!({"stringValue": {"value": text}});
    assert_eq!(made["status"], json!({"code": 5, "message": "NOT_FOUND"}));
    assert_eq!(
        made["attributes"],
        json!({"attributeMap": {
            "http.status_code": {"intValue": "404"}, "source.name": text("web"),
            "destination.ip": text("10.0.0.1"), "api.protocol": text("http"),
        }})
    );
    let (start, end) = ("2020-09-13T12:26:40Z", "2020-09-13T12:26:41.5Z");
    assert_eq!((&made["startTime"], &made["endTime"]), (&json!(start), &json!(end)));
    assert_eq!(
        made["timeEvents"]["timeEvent"],
        json!([
            {"time": start, "messageEvent": {"type": "RECEIVED", "id": "1", "uncompressedSizeBytes": "7", "compressedSizeBytes": "0"}},
            {"time": end, "messageEvent": {"type": "SENT", "id": "2", "uncompressedSizeBytes": "0", "compressedSizeBytes": "9"}},
        ])
    );
}

#[test]
fn statuses_are_those_of_opencensus() {
    let code = |http: i64| status(http)["code"].as_i64().unwrap();
    let wanted = [
        (200, 0),
        (302, 0),
        (400, 3),
        (401, 16),
        (403, 7),
        (404, 5),
        (429, 8),
        (499, 1),
        (500, 2),
        (501, 12),
        (503, 14),
        (504, 4),
        (418, 2),
    ];
    for (http, grpc) in wanted {
        assert_eq!(code(http), grpc, "{http}");
    }
}

#[test]
fn limits_hold_and_times_are_put_right() {
    let long = "é".repeat(200);
    let made = span(|view| {
        view.span_name = &long;
        view.end_time = Timestamp::from_proto(1, 0);
        view.destination_name = &long;
    });
    let made = made.unwrap();
    assert_eq!(made["displayName"], json!({"value": "é".repeat(64), "truncatedByteCount": 272}));
    assert_eq!(made["endTime"], made["startTime"]);
    let name = &made["attributes"]["attributeMap"]["destination.name"]["stringValue"];
    assert_eq!(*name, json!({"value": "é".repeat(128), "truncatedByteCount": 144}));
    assert!(span(|view| view.start_time = None).unwrap_err().contains("start_time"));
    assert_eq!(span(|view| view.span_name = "").unwrap()["displayName"]["value"], "unknown");
}

proptest! {
    /// All spans of a trace fare alike, whichever form its id has, and about as many are sampled as shall be.
    #[test]
    fn sampling(ids in prop::collection::vec(any::<u64>(), 400), probability in 0.0..=1.0) {
        let chosen = ids.iter().filter(|id| sampled(u128::from(**id), probability)).count();
        for id in &ids {
            let longer = u128::from(*id) | 7 << 64;
            prop_assert_eq!(sampled(u128::from(*id), probability), sampled(longer, probability));
        }
        prop_assert!((chosen as f64 / 400.0 - probability).abs() < 0.25);
        prop_assert!(!sampled(u128::from(ids[0]), 0.0) && sampled(u128::from(ids[0]), 1.0));
    }
}
