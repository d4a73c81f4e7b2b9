//! Allocations: under which name, how much, and the same one twice.

use mixer_proto::adapter::v1beta1 as model;
use mixer_template::Template;
use prost::Message as _;

use crate::conform::suite::{Outcome, Stop, Suite, fail};

/// More than any quota has.
const ALL: i64 = 1 << 40;

async fn ask(
    suite: &Suite,
    service: &Template,
    amount: i64,
    dedup_id: &str,
) -> Result<model::QuotaResult, Stop> {
    let mut request = suite.request(service, &suite.plain(service, "quota"));
    request.quota = Some((suite.options.instance.clone(), amount, true));
    request.dedup_id = dedup_id.to_owned();
    let body = suite.call_ok(service, &request).await?;
    model::QuotaResult::decode(body).or_else(|error| fail(format!("the answer is no QuotaResult: {error}")))
}

/// What was granted, whatever it is called.
fn granted(result: &model::QuotaResult) -> i64 {
    result.quotas.values().map(|quota| quota.granted_amount).next().unwrap_or_default()
}

pub(crate) async fn name(suite: &Suite, service: &Template) -> Outcome {
    let result = ask(suite, service, 1, &suite.mark()).await?;
    match result.quotas.contains_key(&suite.options.instance) {
        true => Ok(()),
        false => {
            let names: Vec<&str> = result.quotas.keys().map(String::as_str).collect();
            fail(format!(
                "{} was asked for, and the answer has [{}]",
                suite.options.instance,
                names.join(", ")
            ))
        }
    }
}

pub(crate) async fn dedup(suite: &Suite, service: &Template) -> Outcome {
    let id = suite.mark();
    let first = granted(&ask(suite, service, ALL, &id).await?);
    let again = granted(&ask(suite, service, ALL, &id).await?);
    if first != again {
        return fail(format!("{first} was granted the first time and {again} the second"));
    }
    // Gives back what was taken, so that the other cases find it.
    ask(suite, service, -first, &suite.mark()).await.map(drop)
}

pub(crate) async fn amounts(suite: &Suite, service: &Template) -> Outcome {
    for amount in [0, 1, 3] {
        let granted = granted(&ask(suite, service, amount, &suite.mark()).await?);
        if !(0..=amount).contains(&granted) {
            return fail(format!("{amount} was asked for and {granted} granted"));
        }
    }
    ask(suite, service, -4, &suite.mark()).await.map(drop)
}
