//! Changes of the configuration directory.

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
