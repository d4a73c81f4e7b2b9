//! The bounded load: so many requests, so many at a time, each answer looked at.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use mixer_harness::{client, get};

use crate::{Args, mixer};

/// What was sent and what came back.
#[derive(Default)]
pub(crate) struct Sent {
    /// Answers by HTTP status.
    pub(crate) by_status: BTreeMap<u16, u64>,
    /// The body of one refusal.
    pub(crate) refusal: String,
    /// Requests to the denied route.
    pub(crate) denied: u64,
    /// Other requests.
    pub(crate) allowed: u64,
}

impl Sent {
    /// All requests.
    pub(crate) fn total(&self) -> u64 {
        self.denied + self.allowed
    }
}

/// Sends the requests of the arguments through Envoy.
pub(crate) async fn run(args: &Args, port: u16) -> anyhow::Result<Sent> {
    let client = client();
    let total = args.requests + args.denied;
    // Spread the denied ones over the whole run.
    let every = total.checked_div(args.denied).unwrap_or(u64::MAX).max(1);
    let mut denied_left = args.denied;
    let paths = (0..total).map(|index| {
        let deny = denied_left > 0 && (index % every == 0 || total - index <= denied_left);
        denied_left -= u64::from(deny);
        deny
    });
    let answers = futures::stream::iter(paths).map(|deny| {
        let client = &client;
        async move {
            let path = if deny { mixer::DENIED_PATH } else { "/hello?name=demo" };
            (deny, get(client, port, path).await)
        }
    });
    let mut answers = answers.buffer_unordered(args.concurrency.max(1));
    let mut sent = Sent::default();
    while let Some((deny, answer)) = answers.next().await {
        let (status, body) = answer?;
        *sent.by_status.entry(status).or_default() += 1;
        if deny {
            sent.denied += 1;
            sent.refusal = body;
        } else {
            sent.allowed += 1;
        }
    }
    Ok(sent)
}
