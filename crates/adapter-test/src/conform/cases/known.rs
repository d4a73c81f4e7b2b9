//! What an adapter says of itself: configuration, health, reflection.

use prost::Message as _;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus};

use crate::conform::client::Answer;
use crate::conform::offer;
use crate::conform::suite::{Outcome, Stop, Suite, fail, skip};

const NOT_FOUND: i32 = 5;
const UNIMPLEMENTED: i32 = 12;

pub(crate) async fn configuration(suite: &Suite) -> Outcome {
    suite.target.config()?;
    if suite.services.is_empty() {
        return fail(
            "it has no reflection and serves none of the shipped templates; give its adapter resource",
        );
    }
    if suite.target.session_based
        && suite.config.as_ref().is_none_or(|any| any.type_url != crate::conform::frame::SESSION)
    {
        return fail("it is session based, but no session could be made");
    }
    Ok(())
}

async fn ask_health(suite: &Suite, service: &str) -> Result<Answer, Stop> {
    let request = HealthCheckRequest { service: service.to_owned() }.encode_to_vec();
    let answer = suite.call_path("/grpc.health.v1.Health/Check", &request).await?;
    match answer.code {
        UNIMPLEMENTED => skip("the adapter does not offer grpc.health.v1, which probes of Kubernetes use"),
        _ => Ok(answer),
    }
}

fn serves(answer: &Answer) -> Outcome {
    if !answer.is_ok() {
        return fail(format!("it answered {}", answer.status()));
    }
    let response = HealthCheckResponse::decode(answer.body())
        .map_err(|error| format!("the answer is no HealthCheckResponse: {error}"))?;
    match response.status() {
        ServingStatus::Serving => Ok(()),
        other => fail(format!("it says {}", other.as_str_name())),
    }
}

pub(crate) async fn health(suite: &Suite) -> Outcome {
    serves(&ask_health(suite, "").await?)
}

pub(crate) async fn health_of_services(suite: &Suite) -> Outcome {
    for service in &suite.services {
        let name = service.grpc_path().split('/').nth(1).unwrap_or_default();
        let answer = ask_health(suite, name).await?;
        if answer.code == NOT_FOUND {
            return skip("the adapter tells the health of the process alone");
        }
        serves(&answer)?;
    }
    Ok(())
}

pub(crate) async fn health_of_nobody(suite: &Suite) -> Outcome {
    let answer = ask_health(suite, "conform.Nobody").await?;
    match answer.code {
        NOT_FOUND => Ok(()),
        _ => fail(format!("it answered {}", answer.status())),
    }
}

pub(crate) async fn reflection(suite: &Suite) -> Outcome {
    let Some(listed) = offer::services(suite).await? else {
        return skip("the adapter does not offer reflection");
    };
    for service in &suite.services {
        let name = service.grpc_path().split('/').nth(1).unwrap_or_default();
        if !listed.iter().any(|listed| listed == name) {
            return fail(format!("{name} is not among {}", listed.join(", ")));
        }
    }
    Ok(())
}
