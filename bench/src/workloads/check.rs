//! Checks: a list that decides, with a denier and a quota loaded.

use crate::bench::Bench;
use crate::comparison::{Comparison, Subject};
use crate::configuration::policy;
use crate::deployment::{Deployment, Server};
use crate::outcome::Row;
use crate::traffic::Traffic;

/// With or without asking for the quota, beside the echo of the same request.
pub(super) async fn run(bench: &Bench, quota: bool) -> anyhow::Result<Row> {
    let (name, traffic) =
        if quota { ("check-quota", Traffic::check_with_quota()) } else { ("check", Traffic::check()) };
    let original = match bench.original() {
        Some(server) => Some(start(bench, &server, &traffic, &format!("{name}-original")).await?),
        None => None,
    };
    let comparison = Comparison {
        name: name.to_owned(),
        reference: format!("echo of the check ({} bytes)", traffic.message_bytes()),
        references: vec![bench.echo(&traffic).await?],
        ours: start(bench, &bench.ours(), &traffic, name).await?,
        original,
        target: (!quota).then_some(1.4),
        counts: false,
    };
    comparison.run(bench.options.rounds, bench.options.time()).await
}

async fn start(bench: &Bench, server: &Server, traffic: &Traffic, folder: &str) -> anyhow::Result<Subject> {
    let deployment = Deployment::start(server, &policy(), None, &bench.path(folder)).await?;
    bench.subject(deployment, traffic.clone()).await
}
