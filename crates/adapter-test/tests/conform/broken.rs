//! Each fault fails exactly the cases that speak of it, and nothing else.

use std::time::Duration;

use mixer_adapter_test::conform::{CaseResult, Observe, Options, Report, Verdict, run};

use crate::toy::{Fault, Toy};

fn options() -> Options {
    Options {
        patience: Duration::from_secs(10),
        restart: Duration::from_millis(200),
        look: Duration::from_millis(1500),
        large: 3000,
        ..Options::default()
    }
}

async fn examine(fault: Fault) -> Report {
    let toy = Toy::start(fault).await;
    run(toy.target(), &Observe::DryRun(toy.dry_run.clone()), options()).await
}

/// `id*` means the case for each of the three templates.
fn expand(expected: &[&str]) -> Vec<String> {
    let of_all = |id: &str| ["listentry", "metric", "quota"].map(|template| format!("{id}[{template}]"));
    let mut all = Vec::new();
    for expected in expected {
        match expected.strip_suffix('*') {
            Some(id) => all.extend(of_all(id)),
            None => all.push((*expected).to_owned()),
        }
    }
    all
}

async fn check(fault: Fault, expected: &[&str]) {
    let report = examine(fault).await;
    assert_eq!(report.failures(), expand(expected), "{fault:?}\n{report}");
}

#[tokio::test]
async fn nothing_is_wrong() {
    let report = examine(Fault::Nothing).await;
    assert_eq!(report.failures(), [""; 0], "{report}");
    let skipped: Vec<String> = report
        .cases
        .iter()
        .filter(|case| matches!(case.verdict, Verdict::Skipped(_)))
        .map(CaseResult::key)
        .collect();
    // The toy has neither health nor reflection, and lets everyone in.
    let not_there = ["health.serving", "health.services", "health.unknown", "reflection.services"];
    let open = ["security.plaintext", "security.no-certificate", "security.no-token", "security.wrong-token"];
    assert_eq!(skipped, [not_there, open].concat());
    let observed = report.cases.iter().filter(|case| case.observed).count();
    assert_eq!(observed, 13, "four cases for each of three templates, and the large report\n{report}");
}

#[tokio::test]
async fn configuration() {
    check(Fault::IgnoresConfig, &["config.change*", "config.garbage*"]).await;
    check(Fault::DiesOnMissingConfig, &["config.absent[listentry]"]).await;
}

#[tokio::test]
async fn sessions() {
    check(Fault::LeaksSessions, &["session.closed"]).await;
    check(Fault::RunsOutOfSessions, &["session.many"]).await;
    check(Fault::OneSessionForAll, &["session.distinct"]).await;
    check(Fault::KnowsEverySession, &["session.unknown", "session.closed"]).await;
    check(Fault::AcceptsEveryConfigInValidate, &["session.validate-garbage"]).await;
}

#[tokio::test]
async fn values() {
    check(Fault::LosesFractions, &["instance.duration-fraction*"]).await;
    check(Fault::LosesNanos, &["instance.timestamp-nanos*"]).await;
    check(Fault::RoundsNumbers, &["instance.value-types*"]).await;
    check(Fault::RefusesUnknownFields, &["instance.unknown-fields*"]).await;
    check(Fault::RefusesPaddedLengths, &["instance.padded-lengths*"]).await;
    check(Fault::PanicsOnEmptyInstance, &["instance.empty[listentry]"]).await;
}

#[tokio::test]
async fn quotas_and_repetition() {
    check(Fault::ForgetsDedup, &["quota.dedup[quota]"]).await;
    check(Fault::WrongQuotaName, &["quota.name[quota]"]).await;
    check(Fault::GrantsTooMuch, &["quota.amounts[quota]"]).await;
    check(Fault::RefusesRepetition, &["call.repeated*", "quota.dedup[quota]"]).await;
}

#[tokio::test]
async fn reports_and_checks() {
    check(Fault::RefusesEmptyReport, &["report.empty[metric]"]).await;
    check(Fault::DropsInstances, &["report.large[metric]"]).await;
    check(Fault::NegativeCaching, &["check.cache[listentry]"]).await;
}

#[tokio::test]
async fn the_wire() {
    check(Fault::AcceptsTruncated, &["wire.truncated-message*"]).await;
    check(Fault::AnswersUnknownMethod, &["method.unknown"]).await;
    check(Fault::AnswersLate, &["call.deadline*"]).await;
}

#[tokio::test]
async fn a_scrape_shows_what_metrics_became() {
    for (fault, expected) in [
        (Fault::Nothing, &[][..]),
        (Fault::LosesFractions, &["instance.duration-fraction[metric]"]),
        (Fault::DropsInstances, &["report.large[metric]"]),
    ] {
        let toy = Toy::start(fault).await;
        let observe = Observe::parse(&format!("http://{}/metrics", toy.scrape));
        let report = run(toy.target(), &observe, options()).await;
        assert_eq!(report.failures(), expected, "{report}");
        assert_eq!(report.cases.iter().filter(|case| case.observed).count(), 3, "{report}");
    }
}

#[tokio::test]
async fn without_a_channel_nothing_is_said_about_values() {
    for fault in [Fault::LosesFractions, Fault::LosesNanos, Fault::RoundsNumbers, Fault::DropsInstances] {
        let toy = Toy::start(fault).await;
        let report = run(toy.target(), &Observe::Nothing, options()).await;
        assert_eq!(report.failures(), [""; 0], "{fault:?}\n{report}");
        assert!(report.cases.iter().all(|case| !case.observed));
        let values =
            report.cases.iter().find(|case| case.key() == "instance.duration-fraction[metric]").unwrap();
        let why = "no observation channel: whether the values arrive cannot be seen";
        assert_eq!(values.verdict, Verdict::Skipped(why.to_owned()));
    }
}
