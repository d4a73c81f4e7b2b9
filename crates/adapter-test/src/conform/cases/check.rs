//! Answers of checks and of attribute generators.

use mixer_proto::adapter::v1beta1 as model;
use mixer_template::{Template, Variety, split_check_output};
use prost::Message as _;
use prost_reflect::DynamicMessage;

use crate::conform::suite::{Outcome, Suite, fail};

pub(crate) async fn cache(suite: &Suite, service: &Template) -> Outcome {
    let sample = suite.plain(service, &suite.mark());
    let mut body = suite.call_ok(service, &suite.request(service, &sample)).await?;
    if service.variety() == Variety::CheckWithOutput {
        let (result, _) = split_check_output(&body).map_err(|error| error.to_string())?;
        body = result.into_owned().into();
    }
    let result = model::CheckResult::decode(body).map_err(|error| format!("no CheckResult: {error}"))?;
    let duration = result.valid_duration.unwrap_or_default();
    if duration.seconds < 0 || !(0..1_000_000_000).contains(&duration.nanos) {
        return fail(format!("valid_duration is {} s and {} ns", duration.seconds, duration.nanos));
    }
    match result.valid_use_count {
        ..-1 => fail(format!("valid_use_count is {}", result.valid_use_count)),
        _ => Ok(()),
    }
}

pub(crate) async fn output(suite: &Suite, service: &Template) -> Outcome {
    let sample = suite.plain(service, &suite.mark());
    let body = suite.call_ok(service, &suite.request(service, &sample)).await?;
    let output = match service.variety() {
        Variety::CheckWithOutput => {
            let (_, output) = split_check_output(&body).map_err(|error| error.to_string())?;
            output.into_owned().into()
        }
        _ => body,
    };
    let Some(message) = service.output_message() else { return Ok(()) };
    match DynamicMessage::decode(message.clone(), output) {
        Ok(_) => Ok(()),
        Err(error) => fail(format!("it cannot be decoded: {error}")),
    }
}
