//! Reports: of nothing, and of very much.

use std::sync::atomic::Ordering;

use mixer_template::Template;

use crate::conform::observe::{self, Channel};
use crate::conform::suite::{Outcome, Suite, fail};

/// What Mixer sends at most in one call, in bytes.
const MOST: usize = 2 << 20;

pub(crate) async fn empty(suite: &Suite, service: &Template) -> Outcome {
    suite.call_ok(service, &suite.request_of(service, Vec::new())).await.map(drop)
}

pub(crate) async fn large(suite: &Suite, service: &Template) -> Outcome {
    let mark = suite.mark();
    let sample = suite.plain(service, &mark);
    let instance = sample.encode();
    let count = suite.options.large.min(MOST / (instance.len() + 4));
    let position = suite.channel.position();
    suite.call_ok(service, &suite.request_of(service, vec![instance; count])).await?;
    let arrived = match &suite.channel {
        Channel::DryRun { .. } => {
            let mark = sample.marked.then_some(&*mark);
            suite.lines(service, (position, mark), count).await?.len()
        }
        Channel::Prometheus { url, client } if &**service.name() == "metric" => {
            suite.observed.store(true, Ordering::Relaxed);
            let samples = observe::samples(client, url, &mark, suite.options.look).await?;
            // Each instance counts one.
            samples.into_iter().fold(0.0, f64::max) as usize
        }
        _ => return Ok(()),
    };
    match arrived == count {
        true => Ok(()),
        false => fail(format!("{count} instances were sent and {arrived} arrived")),
    }
}
