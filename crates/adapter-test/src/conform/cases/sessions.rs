//! The session service `InfrastructureBackend`.

use mixer_proto::adapter::v1beta1 as model;
use mixer_template::Template;
use prost::Message as _;
use prost_types::Any;

use crate::conform::client::Answer;
use crate::conform::frame::SESSION;
use crate::conform::suite::{Outcome, Stop, Suite, fail, refuses, skip};

/// Sessions of the case about many.
const MANY: usize = 300;

const UNIMPLEMENTED: i32 = 12;

/// The configuration of a session.
fn configuration(suite: &Suite) -> Option<Any> {
    suite.target.config().unwrap_or_default()
}

async fn offered(suite: &Suite) -> Outcome {
    let answer = suite.backend("Validate", &[]).await?;
    match answer.code {
        UNIMPLEMENTED if suite.target.session_based => fail("it is session based and does not serve it"),
        UNIMPLEMENTED => skip("the adapter does not offer sessions"),
        _ => Ok(()),
    }
}

/// A call in a session; the first service will do.
async fn call_in(suite: &Suite, id: &str) -> Result<(bool, Answer), Stop> {
    let Some(service) = suite.services.first() else { return skip("there is no service to call") };
    let service: &Template = service;
    let mut request = suite.request(service, &suite.plain(service, &suite.mark()));
    request.config = Some(Any { type_url: SESSION.to_owned(), value: id.as_bytes().to_vec() });
    let answer = suite.call(service, &request).await?;
    Ok((!refuses(service, &answer), answer))
}

async fn status_of_validate(suite: &Suite, config: Option<Any>) -> Result<i32, Stop> {
    let request = model::ValidateRequest { adapter_config: config, ..Default::default() };
    let answer = suite.backend("Validate", &request.encode_to_vec()).await?;
    if !answer.is_ok() {
        return Ok(answer.code);
    }
    let response = model::ValidateResponse::decode(answer.body())
        .map_err(|error| format!("the answer is no ValidateResponse: {error}"))?;
    Ok(response.status.unwrap_or_default().code)
}

pub(crate) async fn validate(suite: &Suite) -> Outcome {
    offered(suite).await?;
    match status_of_validate(suite, configuration(suite)).await? {
        0 => Ok(()),
        code => fail(format!("it answered {}", crate::code_name(code))),
    }
}

pub(crate) async fn validate_garbage(suite: &Suite) -> Outcome {
    offered(suite).await?;
    let Some(any) = configuration(suite) else {
        return skip("the adapter takes no configuration, or its adapter resource was not given");
    };
    match status_of_validate(suite, Some(Any { value: vec![0xff; 7], ..any })).await? {
        0 => fail("it answered OK"),
        _ => Ok(()),
    }
}

pub(crate) async fn used(suite: &Suite) -> Outcome {
    offered(suite).await?;
    let id = suite.create_session(configuration(suite)).await?;
    let (_, answer) = call_in(suite, &id).await?;
    suite.close_session(&id).await?;
    match answer.is_ok() {
        true => Ok(()),
        false => fail(format!("a call in the session was answered with {}", answer.status())),
    }
}

pub(crate) async fn distinct(suite: &Suite) -> Outcome {
    offered(suite).await?;
    let first = suite.create_session(configuration(suite)).await?;
    let second = suite.create_session(configuration(suite)).await?;
    if first == second {
        return fail(format!("both are called {first}"));
    }
    suite.close_session(&first).await?;
    let (_, answer) = call_in(suite, &second).await?;
    suite.close_session(&second).await?;
    match answer.is_ok() {
        true => Ok(()),
        false => fail(format!("after the first was closed the second answered {}", answer.status())),
    }
}

pub(crate) async fn unknown(suite: &Suite) -> Outcome {
    offered(suite).await?;
    let id = format!("nobody-{}", suite.mark());
    if suite.close_session(&id).await? {
        return fail("CloseSession answered OK");
    }
    match call_in(suite, &id).await? {
        (true, _) => fail("a call in it was answered with OK"),
        (false, _) => Ok(()),
    }
}

pub(crate) async fn closed(suite: &Suite) -> Outcome {
    offered(suite).await?;
    let id = suite.create_session(configuration(suite)).await?;
    if !suite.close_session(&id).await? {
        return fail("CloseSession did not answer OK");
    }
    match call_in(suite, &id).await? {
        (true, _) => fail("a call in it was answered with OK"),
        (false, _) => Ok(()),
    }
}

pub(crate) async fn many(suite: &Suite) -> Outcome {
    offered(suite).await?;
    for number in 1..=MANY {
        let id = match suite.create_session(configuration(suite)).await {
            Ok(id) => id,
            Err(Stop::Fail(why)) => return fail(format!("session {number} of {MANY}: {why}")),
            Err(skipped) => return Err(skipped),
        };
        suite.close_session(&id).await?;
    }
    Ok(())
}
