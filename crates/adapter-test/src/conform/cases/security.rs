//! Who is let in: nobody without what the suite itself was given.

use http::HeaderValue;

use crate::conform::client::{Connection, Way};
use crate::conform::suite::{Outcome, Suite, fail, skip};

const PERMISSION_DENIED: i32 = 7;
const UNAUTHENTICATED: i32 = 16;

/// Nothing but a broken connection is an answer to whoever comes this way.
async fn closed(suite: &Suite, way: &Way) -> Outcome {
    let Ok(connection) = Connection::open(way, suite.options.patience).await else { return Ok(()) };
    match connection.call("/conform.Nobody/Nothing", &[]).await {
        Err(_) => Ok(()),
        Ok(answer) => fail(format!("it answered {}", answer.status())),
    }
}

pub(crate) async fn plaintext(suite: &Suite) -> Outcome {
    if suite.way.tls.is_none() {
        return skip("the suite was given no authorities: it speaks plaintext itself");
    }
    closed(suite, &Way { tls: None, ..suite.way.clone() }).await
}

pub(crate) async fn anonymous(suite: &Suite) -> Outcome {
    let tls = suite.way.tls.clone();
    let anonymous = tls.and_then(|tls| Some((tls.anonymous.clone()?, tls)));
    let Some((config, tls)) = anonymous else {
        return skip("the suite was given no certificate of a client");
    };
    let tls = crate::conform::security::Tls { config, ..tls };
    closed(suite, &Way { tls: Some(tls), ..suite.way.clone() }).await
}

/// A call of a handler service that comes this way has to be refused for want of a token.
async fn refused(suite: &Suite, way: &Way) -> Outcome {
    let Some(service) = suite.services.first() else { return skip("there is no service to call") };
    let request = suite.request(service, &suite.plain(service, &suite.mark())).encode();
    let connection = Connection::open(way, suite.options.patience).await?;
    let answer = connection.call(service.grpc_path(), &request).await?;
    match answer.code {
        UNAUTHENTICATED | PERMISSION_DENIED => Ok(()),
        _ => fail(format!("it answered {}", answer.status())),
    }
}

pub(crate) async fn no_token(suite: &Suite) -> Outcome {
    let mut way = suite.way.clone();
    if way.headers.drain().count() == 0 {
        return skip("the suite was given no token");
    }
    refused(suite, &way).await
}

pub(crate) async fn wrong_token(suite: &Suite) -> Outcome {
    let mut way = suite.way.clone();
    if way.headers.is_empty() {
        return skip("the suite was given no token");
    }
    for value in way.headers.values_mut() {
        let mut bytes = value.as_bytes().to_vec();
        bytes.extend_from_slice(b"x");
        *value = HeaderValue::from_bytes(&bytes).map_err(|error| error.to_string())?;
    }
    refused(suite, &way).await
}
