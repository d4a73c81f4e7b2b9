//! Changes of the configuration directory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mixer_proto::mixer::v1::{CheckRequest, CompressedAttributes, ReportRequest};
use mixer_rpc::mixer::v1::mixer_client::MixerClient;

use crate::program::{ConfigDir, Program};

const GOOD: &str = "
    handler none {compiledAdapter: noop}
    instance all {compiledTemplate: reportnothing, params: {}}
    rule one {actions: [{handler: none, instances: [all]}]}
";

#[test]
fn a_change_takes_effect_and_problems_are_said_once() {
    let directory = ConfigDir::new(GOOD);
    let mut program = Program::start(&[&directory.flag()]).ready();
    let rules = |count: usize| format!("\nmixer_config_rule_configs_total {count}\n");
    program.until("/metrics", |_, text| text.contains(&rules(1)));
    let broken = "rule two {match: nonsense(, actions: [{handler: none, instances: [all]}]}";
    directory.write(&format!("{GOOD}{broken}"));
    let line = program.wait_for("config.yaml:");
    assert!(line.contains(" ERROR "), "{line}");
    program.wait_for("configuration in force");
    program.forget();
    // The same problem again, further down, is not said again.
    let more = "rule three {actions: [{handler: none, instances: [all]}]}";
    directory.write(&format!("{GOOD}{more}\n{broken}"));
    program.until("/metrics", |_, text| text.contains(&rules(2)));
    program.wait_for("configuration in force");
    assert!(!program.log.iter().any(|line| line.contains(" ERROR ")), "{:#?}", program.log);
    directory.write(GOOD);
    program.wait_for("resolved: ");
}

#[test]
fn a_directory_that_goes_away_leaves_the_last_good_configuration_in_force() {
    let directory = ConfigDir::new(GOOD);
    let mut program = Program::start(&[&directory.flag()]).ready();
    let aside = format!("{}-aside", directory.path().display());
    std::fs::rename(directory.path(), &aside).unwrap();
    program.wait_for("the last good one stays in force");
    assert_eq!(program.get("/readyz").0, 200);
    assert!(program.get("/metrics").1.contains("\nmixer_config_rule_configs_total 1\n"));
    std::fs::rename(&aside, directory.path()).unwrap();
    program.wait_for("configuration can be read again");
}

#[test]
fn no_request_is_lost_while_files_change() {
    let directory = ConfigDir::new(GOOD);
    let mut program = Program::start(&[&directory.flag()]).ready();
    let url = format!("http://{}", program.grpc());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let until = done.clone();
    let load = runtime.spawn(async move {
        let mut client = MixerClient::connect(url).await.unwrap();
        let mut answers = 0_u64;
        while !until.load(Ordering::Relaxed) {
            let answer = client.check(CheckRequest::default()).await.unwrap().into_inner();
            assert_eq!(answer.precondition.unwrap().status.unwrap().code, 0);
            client.report(report()).await.unwrap();
            answers += 1;
        }
        answers
    });
    for number in 1..6 {
        let attribute =
            format!("attributemanifest more {{attributes: {{extra.a{number}: {{valueType: STRING}}}}}}");
        directory.write(&format!("{GOOD}{attribute}\nrule more {{match: 'extra.a{number} == \"\"'}}"));
        let applied = format!("mixer_config_updates_total{{result=\"applied\"}} {}", number + 1);
        program.until("/metrics", |_, text| text.contains(&applied));
    }
    done.store(true, Ordering::Relaxed);
    assert!(runtime.block_on(load).unwrap() > 0);
}

/// A report of one bag without attributes.
fn report() -> ReportRequest {
    ReportRequest { attributes: vec![CompressedAttributes::default()], ..ReportRequest::default() }
}
