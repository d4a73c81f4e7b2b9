//! Matches: what absence and errors mean, and that an index changes nothing but the cost.

use mixer_adapter_api::ErrorKind;
use mixer_dispatch::Stage;

use crate::support::{World, bag_of, read};

const HANDLERS: &str = "
    handler istio-system/fail {compiledAdapter: recording}
    handler istio-system/ignore {compiledAdapter: recording, failurePolicy: Ignore}
    instance istio-system/n {compiledTemplate: checknothing}
    instance istio-system/m {compiledTemplate: metric, params: {value: '1'}}
";

#[tokio::test]
async fn an_absent_attribute_means_does_not_apply_and_is_counted() {
    let world = World::new(&format!(
        "{HANDLERS}
        rule istio-system/r {{match: source.user == \"bob\", actions: [{{handler: fail, instances: [n, m]}}]}}
        rule istio-system/s {{match: source.user == \"bob\", actions: [{{handler: ignore, instances: [n]}}]}}"
    ))
    .await;
    for (bag, calls) in [("", 0), ("source.user=eve", 0), ("source.user=bob", 2)] {
        assert!(world.check(bag).await.unwrap().status.is_ok());
        assert_eq!(world.calls().len(), calls, "{bag}");
    }
    world.report(&["", "source.user=bob"]).await;
    let count =
        |rule| world.metric("mixer_dispatcher_match_errors_total", &[("rule", rule), ("reason", "absent")]);
    assert_eq!(count("r.rule.istio-system"), 2.0, "one check and one bag");
    assert_eq!(count("s.rule.istio-system"), 1.0, "every rule with the condition counts");
}

#[tokio::test]
async fn any_other_error_is_for_the_failure_policy() {
    let bad = "ip(source.user) == source.ip";
    let config = |handler: &str| {
        format!(
            "{HANDLERS}
            rule istio-system/r {{match: {bad}, actions: [{{handler: {handler}, instances: [n, m]}}]}}"
        )
    };
    let bag = "source.user=nobody source.ip=1.2.3.4";
    let world = World::new(&config("fail")).await;
    let error = world.check(bag).await.unwrap_err();
    assert_eq!((error.stage, error.kind()), (Stage::Check, ErrorKind::Evaluation));
    assert_eq!(&*error.failures[0].0, "fail.istio-system");
    let text = error.to_string();
    assert!(text.contains("rule r.rule.istio-system: match \"ip(source.user) == source.ip\""), "{text}");
    let summary = world.report(&[bag, "source.user=1.2.3.4 source.ip=1.2.3.4"]).await;
    assert_eq!((summary.errors, summary.dispatched), (1, 1));
    let dropped = [("handler", "fail.istio-system"), ("reason", "evaluation")];
    assert_eq!(world.metric("mixer_dispatcher_dropped_instances_total", &dropped), 1.0);
    let counted = [("rule", "r.rule.istio-system"), ("reason", "failed")];
    assert_eq!(world.metric("mixer_dispatcher_match_errors_total", &counted), 2.0);

    let world = World::new(&config("ignore")).await;
    assert!(world.check(bag).await.unwrap().status.is_ok());
    let ignored = [("handler", "ignore.istio-system"), ("reason", "evaluation")];
    assert_eq!(world.metric("mixer_dispatcher_ignored_failures_total", &ignored), 1.0);

    let world = World::compat(&config("fail")).await;
    assert!(world.check(bag).await.unwrap().status.is_ok());
    assert_eq!(world.metric("mixer_dispatcher_match_errors_total", &counted), 1.0);
    assert_eq!(world.calls(), [""; 0]);
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_also_behind_an_index() {
    for rules in [1, 50] {
        let mut config = HANDLERS.to_owned();
        for rule in 0..rules {
            config += &format!(
                "rule istio-system/r{rule} {{match: destination.port == {rule}, actions: [{{handler: fail, instances: [n]}}]}}\n"
            );
        }
        let world = World::new(&config).await;
        let error = world.check("destination.port=\"80\"").await.unwrap_err();
        assert_eq!(error.failures.len(), rules);
        assert_eq!(error.kind(), ErrorKind::Evaluation);
    }
}

#[tokio::test]
async fn many_rules_behave_as_few() {
    let mut config = HANDLERS.to_owned();
    for rule in 0..300 {
        let other = ["", " && destination.port == 80", " && (source.name | \"x\") != \"y\""][rule % 3];
        config += &format!(
            "handler istio-system/h{rule:03} {{compiledAdapter: recording}}
            rule istio-system/r{rule:03} {{match: request.host == \"svc{}\"{other}, actions: [{{handler: h{rule:03}, instances: [n]}}]}}\n",
            rule / 3
        );
    }
    config += "rule istio-system/always {actions: [{handler: ignore, instances: [n]}]}\n";
    config += "rule istio-system/z {match: 'request.host.startsWith(\"svc\")', actions: [{handler: fail, instances: [n]}]}\n";
    let world = World::new(&config).await;
    let cases: [(&str, &[&str], &[&str]); 4] = [
        ("request.host=other", &["ignore"], &["request.host"]),
        ("", &["ignore"], &["request.host!"]),
        (
            "request.host=svc7 destination.port=80",
            &["ignore", "h021", "h022", "h023", "fail"],
            &["destination.port", "request.host", "source.name!"],
        ),
        (
            "request.host=svc7 destination.port=81 source.name=y",
            &["ignore", "h021", "fail"],
            &["destination.port", "request.host", "source.name"],
        ),
    ];
    for (bag, handlers, attributes) in cases {
        let runtime = world.engine.current();
        let mut attributes_of_bag = bag_of(&runtime, bag);
        let outcome = runtime.check(&mut attributes_of_bag, &[], "", None).await.unwrap();
        let called: Vec<_> =
            outcome.calls.iter().map(|call| runtime.names(call).1.replace(".istio-system", "")).collect();
        assert_eq!(called, handlers, "{bag}");
        let mut expected = vec!["context.reporter.kind!".to_owned(), "destination.namespace!".to_owned()];
        expected.extend(attributes.iter().map(|word| (*word).to_owned()));
        expected.sort();
        let mut found = read(&outcome.referenced, &attributes_of_bag);
        found.sort();
        assert_eq!(found, expected, "{bag}");
    }
    let passed_over = [("rule", "*"), ("reason", "absent")];
    assert_eq!(world.metric("mixer_dispatcher_match_errors_total", &passed_over), 1.0);
}
