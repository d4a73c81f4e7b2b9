//! Many calls, many connections, calls that are given up, and deadlines.

use std::time::Duration;

use futures::future::join_all;
use mixer_template::Template;

use crate::conform::frame::HandleRequest;
use crate::conform::suite::{Outcome, Suite, fail, skip};

/// How long a call runs before it is given up.
const GIVE_UP: Duration = Duration::from_millis(5);

/// A call like no other before it.
fn plain(suite: &Suite, service: &Template) -> HandleRequest {
    suite.request(service, &suite.plain(service, &suite.mark()))
}

pub(crate) async fn deadline(suite: &Suite, service: &Template) -> Outcome {
    let request = plain(suite, service).encode();
    let deadline = suite.options.deadline;
    let answer = suite.shared().await?.call_within(service.grpc_path(), &request, deadline).await?;
    match answer.took <= deadline + suite.options.slack {
        true => Ok(()),
        false => fail(format!("the deadline was {deadline:?} and the answer took {:?}", answer.took)),
    }
}

pub(crate) async fn concurrent(suite: &Suite) -> Outcome {
    if suite.services.is_empty() {
        return skip("there is no service to call");
    }
    let services = suite.services.iter().cycle().take(suite.options.calls);
    let calls = services.map(|service| async move { suite.call_ok(service, &plain(suite, service)).await });
    join_all(calls).await.into_iter().try_for_each(|answer| answer.map(drop))
}

pub(crate) async fn given_up(suite: &Suite) -> Outcome {
    let Some(service) = suite.services.first() else { return skip("there is no service to call") };
    let request = plain(suite, service);
    let (connection, message) = (suite.shared().await?, request.encode());
    let calls = (0..suite.options.calls).map(|_| connection.give_up(service.grpc_path(), &message, GIVE_UP));
    join_all(calls).await.into_iter().collect::<Result<(), String>>()?;
    suite.call_ok(service, &plain(suite, service)).await.map(drop)
}

pub(crate) async fn churn(suite: &Suite) -> Outcome {
    let Some(service) = suite.services.first() else { return skip("there is no service to call") };
    for number in 0..suite.options.calls {
        let connection =
            suite.connect().await.or_else(|error| fail(format!("connection {number}: {error}")))?;
        let message = plain(suite, service).encode();
        match number % 2 {
            0 => {
                let answer = connection.call(service.grpc_path(), &message).await?;
                if !answer.is_ok() {
                    return fail(format!("on connection {number} it answered {}", answer.status()));
                }
            }
            _ => connection.give_up(service.grpc_path(), &message, GIVE_UP).await?,
        }
    }
    suite.call_ok(service, &plain(suite, service)).await.map(drop)
}

pub(crate) async fn survives(suite: &Suite) -> Outcome {
    suite.forget_connection().await;
    for service in &suite.services {
        suite.call_ok(service, &plain(suite, service)).await?;
    }
    Ok(())
}
