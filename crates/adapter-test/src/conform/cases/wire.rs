//! Calls that nobody should make: methods that are not there, messages that are none.

use bytes::Bytes;
use mixer_template::Template;

use crate::conform::client::{Answer, frame};
use crate::conform::suite::{Outcome, Stop, Suite, fail, skip};

const UNIMPLEMENTED: i32 = 12;

async fn unimplemented(suite: &Suite, path: &str) -> Outcome {
    let answer = suite.call_path(path, &[]).await?;
    match answer.code {
        UNIMPLEMENTED => Ok(()),
        _ => fail(format!("it answered {}", answer.status())),
    }
}

pub(crate) async fn unknown_method(suite: &Suite) -> Outcome {
    let Some(service) = suite.services.first() else { return skip("there is no service to call") };
    let name = service.grpc_path().rsplit_once('/').map_or("", |(service, _)| service);
    unimplemented(suite, &format!("{name}/HandleConformNothing")).await
}

pub(crate) async fn unknown_service(suite: &Suite) -> Outcome {
    unimplemented(suite, "/conform.HandleNothingService/HandleNothing").await
}

pub(crate) async fn truncated_message(suite: &Suite, service: &Template) -> Outcome {
    let mut request = suite.request(service, &suite.plain(service, &suite.mark()));
    request.quota = None;
    let whole = request.encode();
    // The last field is the dedup id, which loses its end.
    let cut = whole.slice(..whole.len().saturating_sub(1));
    let answer = suite.call_path(service.grpc_path(), &cut).await?;
    match answer.code {
        3 | 13 => Ok(()),
        _ => fail(format!("it answered {}", answer.status())),
    }
}

/// A frame to the first service, on a connection of its own.
async fn raw(suite: &Suite, bytes: Bytes) -> Result<Answer, Stop> {
    let Some(service) = suite.services.first() else { return skip("there is no service to call") };
    let connection = suite.connect().await?;
    Ok(connection.call_raw(service.grpc_path(), bytes).await?)
}

fn refused(answer: &Answer) -> Outcome {
    match answer.is_ok() {
        true => fail("it answered OK"),
        false => Ok(()),
    }
}

pub(crate) async fn truncated_frame(suite: &Suite) -> Outcome {
    let whole = frame(&[0x0a; 100]);
    refused(&raw(suite, whole.slice(..50)).await?)
}

pub(crate) async fn oversized(suite: &Suite) -> Outcome {
    refused(&raw(suite, Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff, 0x0a, 0x00])).await?)
}
