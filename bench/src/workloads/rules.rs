//! Many rules: what a request costs when 10,000 rules might apply instead of ten, and how long they take to load.

use crate::bench::Bench;
use crate::comparison::Comparison;
use crate::configuration::{host, rules};
use crate::deployment::{Deployment, Server};
use crate::outcome::{Figure, Outcome};
use crate::traffic::Traffic;

const MANY: usize = 10_000;
/// The few rules are every thousandth of the many, so that both answer the same requests.
const STEP: usize = 1_000;

/// Many rules beside few.
pub(super) async fn run(bench: &Bench, outcome: &mut Outcome) -> anyhow::Result<()> {
    let hosts: Vec<String> = (0..MANY).step_by(STEP).map(host).collect();
    let traffic = Traffic::check_of_hosts(&hosts);
    let few = start(bench, &bench.ours(), STEP, "rules-10").await?;
    let many = start(bench, &bench.ours(), 1, "rules-10000").await?;
    let loading = many.ready_after.saturating_sub(few.ready_after);
    let original = match bench.original() {
        Some(server) => {
            let deployment = start(bench, &server, 1, "rules-10000-original").await?;
            Some(bench.subject(deployment, traffic.clone()).await?)
        }
        None => None,
    };
    let comparison = Comparison {
        name: format!("check, {MANY} rules"),
        reference: "check, ten rules".to_owned(),
        references: vec![bench.subject(few, traffic.clone()).await?],
        ours: bench.subject(many, traffic).await?,
        original,
        target: Some(1.2),
        counts: false,
    };
    outcome.rows.push(comparison.run(bench.options.rounds, bench.options.time()).await?);
    outcome.figures.push(Figure {
        name: format!("loading {MANY} rules (ready later than with ten)"),
        value: loading.as_secs_f64(),
        unit: "s",
        target: Some(1.0),
    });
    Ok(())
}

async fn start(bench: &Bench, server: &Server, step: usize, folder: &str) -> anyhow::Result<Deployment> {
    let resources = rules((0..MANY).step_by(step));
    Deployment::start(server, &resources, None, &bench.path(folder)).await
}
