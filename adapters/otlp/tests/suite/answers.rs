//! What answers of collectors mean: OTLP's tables, one row each.

use std::time::Duration;

use mixer_adapter_sdk::delivery::DeliveryMetrics;
use mixer_testkit::{OtlpReply, OtlpSeen};
use serde_json::{Value as Json, json};

use crate::flat;
use crate::protocols::PROTOCOLS;
use crate::support::{Rig, entry};

/// What becomes of two log records when the first request is answered like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The request is sent again and taken.
    Again,
    /// It is dropped.
    Dropped,
    /// It is taken.
    Taken,
    /// Each half is sent alone.
    Split,
}

async fn rig(protocol: &str) -> Rig {
    Rig::new(json!({"exporter": {"protocol": protocol}})).await
}

async fn check(protocol: &str, reply: OtlpReply, wanted: Fate) -> OtlpSeen {
    let rig = rig(protocol).await;
    rig.fake.script(reply.clone());
    for number in 0..2 {
        rig.log(&entry(&format!("{number}"), &[])).await;
    }
    let seen = rig.close().await;
    let fate = match (seen.requests.len(), flat::logs(&seen).len()) {
        (2, 2) => Fate::Again,
        (1, 0) => Fate::Dropped,
        (1, 2) => Fate::Taken,
        (3, 2) => Fate::Split,
        other => panic!("{protocol} {reply:?}: {other:?} requests and records"),
    };
    assert_eq!(fate, wanted, "{protocol} {reply:?}");
    seen
}

fn code(code: i32) -> OtlpReply {
    OtlpReply::Grpc { code, message: "scripted".to_owned(), retry_info: None }
}

#[tokio::test]
async fn codes_of_grpc() {
    // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
    let retryable = [1, 4, 10, 11, 14, 15];
    let checks = (1..17).map(|number| {
        let wanted = if retryable.contains(&number) { Fate::Again } else { Fate::Dropped };
        async move { drop(check("GRPC", code(number), wanted).await) }
    });
    futures_of(checks).await;
}

/// All at the same time: each waits for its retry.
async fn futures_of(all: impl Iterator<Item = impl Future<Output = ()> + Send + 'static>) {
    let mut running = tokio::task::JoinSet::new();
    all.for_each(|future| drop(running.spawn(future)));
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn an_exhausted_collector_that_says_when_is_asked_again_then() {
    let retry_info = Some(Duration::from_millis(1500));
    let reply = OtlpReply::Grpc { code: 8, message: "busy".to_owned(), retry_info };
    let began = std::time::Instant::now();
    check("GRPC", reply, Fate::Again).await;
    assert!(began.elapsed() >= Duration::from_millis(1500));
    let large = "grpc: received message larger than max (5 vs. 4)".to_owned();
    check("GRPC", OtlpReply::Grpc { code: 8, message: large, retry_info: None }, Fate::Split).await;
}

#[tokio::test]
async fn statuses_of_http() {
    let statuses = [
        400, 401, 402, 403, 404, 405, 408, 409, 410, 411, 413, 414, 415, 422, 429, 431, 301, 302, 307, 500,
        501, 502, 503, 504, 505, 507,
    ];
    let of = |protocol: &'static str| {
        statuses.into_iter().map(move |status| async move {
            let wanted = match status {
                429 | 502 | 503 | 504 => Fate::Again,
                413 => Fate::Split,
                _ => Fate::Dropped,
            };
            check(protocol, OtlpReply::Http { status, retry_after: None }, wanted).await;
        })
    };
    futures_of(of("HTTP_PROTOBUF")).await;
    futures_of(of("HTTP_JSON")).await;
}

#[tokio::test]
async fn a_pause_is_kept() {
    for retry_after in ["2", "date"] {
        let text = match retry_after {
            "date" => httpdate(Duration::from_secs(3)),
            seconds => seconds.to_owned(),
        };
        let began = std::time::Instant::now();
        check("HTTP_PROTOBUF", OtlpReply::Http { status: 503, retry_after: Some(text) }, Fate::Again).await;
        assert!(began.elapsed() >= Duration::from_millis(1900), "{retry_after}");
    }
}

/// The time from now as HTTP has dates (RFC 9110).
fn httpdate(from_now: Duration) -> String {
    let now = std::time::SystemTime::now() + from_now;
    let seconds = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date of a day (Howard Hinnant's algorithm).
    let z = days + 719_468;
    let (era, day) = (z / 146_097, z % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) =
        (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    format!(
        "{weekday}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        months[month as usize - 1],
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[tokio::test]
async fn a_broken_connection_is_no_answer() {
    for (protocol, _) in PROTOCOLS {
        check(protocol, OtlpReply::Cut, Fate::Again).await;
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_is_asked_again() {
    for (protocol, _) in PROTOCOLS {
        let rig = Rig::new(json!({"exporter": {"protocol": protocol, "request_timeout": "1s"}})).await;
        rig.fake.script(OtlpReply::Hang);
        rig.log(&entry("info", &[])).await;
        let seen = rig.close().await;
        assert_eq!((seen.requests.len(), flat::logs(&seen).len()), (2, 1), "{protocol}");
    }
}

#[tokio::test]
async fn a_proxy_that_answers_for_a_collector_of_grpc() {
    check("GRPC", OtlpReply::Http { status: 503, retry_after: None }, Fate::Again).await;
    check("GRPC", OtlpReply::Http { status: 403, retry_after: None }, Fate::Dropped).await;
}

#[tokio::test]
async fn what_is_rejected_is_counted_and_never_sent_again() {
    let counter = DeliveryMetrics::shared().unwrap().of("otlp-logs");
    for (protocol, _) in PROTOCOLS {
        let before = counter.dropped_so_far("partial_success");
        let reply = OtlpReply::Partial { rejected: 1, message: "too old".to_owned() };
        check(protocol, reply, Fate::Taken).await;
        // Other tests of this process reject nothing.
        assert_eq!(counter.dropped_so_far("partial_success"), before + 1, "{protocol}");
        let warning = OtlpReply::Partial { rejected: 0, message: "slow down".to_owned() };
        check(protocol, warning, Fate::Taken).await;
        assert_eq!(counter.dropped_so_far("partial_success"), before + 1, "a warning rejects nothing");
    }
}

#[tokio::test]
async fn an_item_that_is_too_large_alone_is_dropped_and_the_others_are_not() {
    for (protocol, _) in &PROTOCOLS[1..] {
        let rig = rig(protocol).await;
        // Two records, then each half: the first is too large again.
        let large = OtlpReply::Http { status: 413, retry_after: None };
        rig.fake.script(large.clone());
        rig.fake.script(large);
        for number in 0..2 {
            rig.log(&entry(&format!("{number}"), &[])).await;
        }
        let seen = rig.close().await;
        let found: Vec<Json> = flat::logs(&seen).iter().map(|record| record["text"].clone()).collect();
        assert_eq!((seen.requests.len(), found), (3, vec![json!("1")]));
    }
}
