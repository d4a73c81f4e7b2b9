//! Single instances: plain ones, empty ones, ones with everything.

use mixer_proto::adapter::v1beta1 as model;
use mixer_template::{Template, Variety};
use prost::Message as _;

use crate::conform::frame::unknown_fields;
use crate::conform::observe::Channel;
use crate::conform::sample::{DURATION, Sent, TIMESTAMP};
use crate::conform::suite::{Outcome, Stop, Suite, fail, skip};

pub(crate) async fn plain(suite: &Suite, service: &Template) -> Outcome {
    let sample = suite.plain(service, &suite.mark());
    let body = suite.call_ok(service, &suite.request(service, &sample)).await?;
    let decoded = match service.variety() {
        Variety::Check => model::CheckResult::decode(body).map(drop),
        Variety::Report => model::ReportResult::decode(body).map(drop),
        Variety::Quota => model::QuotaResult::decode(body).map(drop),
        // The case about output looks at these.
        Variety::AttributeGenerator | Variety::CheckWithOutput => Ok(()),
    };
    decoded.or_else(|error| fail(format!("the answer cannot be decoded: {error}")))
}

pub(crate) async fn repeated(suite: &Suite, service: &Template) -> Outcome {
    let request = suite.request(service, &suite.plain(service, &suite.mark()));
    suite.call_ok(service, &request).await?;
    suite.call_ok(service, &request).await.map(drop)
}

pub(crate) async fn empty(suite: &Suite, service: &Template) -> Outcome {
    let answer = suite.call(service, &suite.request(service, &suite.empty(service))).await?;
    // A refusal of the instance is an answer too; a failure of the adapter is not.
    match answer.code {
        0 | 3 | 9 => Ok(()),
        _ => fail(format!("it answered {}", answer.status())),
    }
}

pub(crate) async fn unknown(suite: &Suite, service: &Template) -> Result<(), Stop> {
    let mut instance = suite.plain(service, &suite.mark()).encode();
    instance.extend(unknown_fields());
    let mut request = suite.request_of(service, vec![instance]);
    request.tail = unknown_fields();
    suite.call_ok(service, &request).await.map(drop)
}

pub(crate) async fn padded(suite: &Suite, service: &Template) -> Outcome {
    let mut request = suite.request(service, &suite.plain(service, &suite.mark()));
    request.padded = true;
    suite.call_ok(service, &request).await.map(drop)
}

pub(crate) async fn value_types(suite: &Suite, service: &Template) -> Outcome {
    let values = [
        ("string", Sent::Text("grüße, 世界".to_owned())),
        ("int64", Sent::Int(-9_007_199_254_740_993)),
        ("double", Sent::Double(-1.5e-7)),
        ("bool", Sent::Bool(true)),
        ("ip", Sent::Ip([192, 0, 2, 1])),
        ("timestamp", Sent::Timestamp(TIMESTAMP.0, 0)),
        ("duration", Sent::Duration(90, 0)),
    ];
    let mut sent = false;
    let mut seen = Ok(());
    // Each once as the single value of a template that has one.
    for first in 0..values.len() {
        let mut values = values.clone();
        values.rotate_left(first);
        let mark = suite.mark();
        let sample = suite.plain(service, &mark).with(&values, maps(suite));
        if sample.sent.is_empty() {
            break;
        }
        sent = true;
        match suite.send_and_see(service, &sample, &mark).await {
            // What cannot be seen is claimed as far as the protocol goes.
            Err(Stop::Skip(_)) => {}
            other => seen = seen.and(other),
        }
    }
    if !sent {
        return skip("the template takes no values");
    }
    seen
}

pub(crate) async fn durations(suite: &Suite, service: &Template) -> Outcome {
    see(suite, service, Sent::Duration(DURATION.0, DURATION.1)).await
}

pub(crate) async fn timestamps(suite: &Suite, service: &Template) -> Outcome {
    see(suite, service, Sent::Timestamp(TIMESTAMP.0, TIMESTAMP.1)).await
}

async fn see(suite: &Suite, service: &Template, sent: Sent) -> Outcome {
    let mark = suite.mark();
    let sample = suite.plain(service, &mark).with(&[("conform_exact", sent)], maps(suite));
    if sample.sent.is_empty() {
        return skip("the template takes no such value");
    }
    suite.send_and_see(service, &sample, &mark).await
}

/// A metric that is scraped has just the labels that its handler knows.
fn maps(suite: &Suite) -> bool {
    !matches!(suite.channel, Channel::Prometheus { .. })
}
