//! The configuration that a call carries: empty, changed, broken, missing.

use std::fmt::Write as _;

use mixer_template::Template;
use prost_types::Any;

use crate::conform::frame::{SESSION, unknown_fields};
use crate::conform::observe::Channel;
use crate::conform::suite::{Outcome, Stop, Suite, fail, refuses, skip};

/// The configuration of calls that carry one.
fn carried(suite: &Suite) -> Result<&Any, Stop> {
    match &suite.config {
        Some(any) if any.type_url != SESSION => Ok(any),
        Some(_) => skip("the adapter is session based: its calls carry no configuration"),
        None => skip("the adapter takes no configuration, or its adapter resource was not given"),
    }
}

async fn answered(suite: &Suite, service: &Template, config: Option<Any>) -> Outcome {
    let mut request = suite.request(service, &suite.plain(service, &suite.mark()));
    request.config = config;
    let answer = suite.call(service, &request).await?;
    match answer.code {
        // UNKNOWN without a text is what a crash looks like.
        2 if answer.message.is_empty() => fail("it answered UNKNOWN without a text"),
        _ => Ok(()),
    }
}

pub(crate) async fn absent(suite: &Suite, service: &Template) -> Outcome {
    answered(suite, service, None).await
}

pub(crate) async fn empty(suite: &Suite, service: &Template) -> Outcome {
    let type_url = carried(suite)?.type_url.clone();
    answered(suite, service, Some(Any { type_url, value: Vec::new() })).await
}

pub(crate) async fn garbage(suite: &Suite, service: &Template) -> Outcome {
    let type_url = carried(suite)?.type_url.clone();
    let mut request = suite.request(service, &suite.plain(service, &suite.mark()));
    request.config = Some(Any { type_url, value: vec![0xff; 7] });
    let answer = suite.call(service, &request).await?;
    match refuses(service, &answer) {
        true => Ok(()),
        false => fail("it answered OK"),
    }
}

pub(crate) async fn change(suite: &Suite, service: &Template) -> Outcome {
    let first = carried(suite)?.clone();
    if !matches!(suite.channel, Channel::DryRun { .. }) {
        return skip("only a dry run shows which configuration a call was handled by");
    }
    let mut second = first.clone();
    // Other bytes that mean the same.
    second.value.extend(unknown_fields());
    for config in [&first, &second, &first] {
        let mark = suite.mark();
        let sample = suite.plain(service, &mark);
        let mut request = suite.request(service, &sample);
        request.config = Some(config.clone());
        let position = suite.channel.position();
        suite.call_ok(service, &request).await?;
        let mark = sample.marked.then_some(&*mark);
        let lines = suite.lines(service, (position, mark), 1).await?;
        let Some(line) = lines.last() else { return fail("the dry run shows no such instance") };
        let Some(shown) = &line.handler_config_sha256 else {
            return skip("the dry run does not show handler_config_sha256");
        };
        if !shown.eq_ignore_ascii_case(&sha256(&config.value)) {
            return fail("an instance was handled by another configuration than its call carried");
        }
    }
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in ring::digest::digest(&ring::digest::SHA256, bytes).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
