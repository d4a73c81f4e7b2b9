//! Attribute generation before checks and reports.

use bytes::Bytes;
use mixer_adapter_api::{ErrorKind, HandlerError};
use mixer_dispatch::Stage;
use mixer_proto::policy::v1beta1::IpAddress;
use mixer_proto::template::kubernetes::OutputMsg;
use prost::Message;

use crate::support::{World, bag_of, fill, read};

const CONFIG: &str = "
    handler istio-system/env {compiledAdapter: recording}
    handler istio-system/late {compiledAdapter: recording}
    handler istio-system/list {compiledAdapter: recording}
    instance istio-system/k {compiledTemplate: kubernetes, params: {source_uid: source.uid | \"\"}, attributeBindings: {source.name: $out.source_pod_name | \"none\", source.namespace: $out.source_namespace, source.ip: $out.source_pod_ip, source.labels: $out.source_labels, source.workload.name: '$out.source_workload_name | source.user'}}
    instance istio-system/l {compiledTemplate: kubernetes, attributeBindings: {source.name: $out.source_pod_name, destination.name: $out.destination_pod_name}}
    instance istio-system/e {compiledTemplate: listentry, params: {value: source.name | \"nobody\"}}
    rule istio-system/5 {match: source.uid != \"\", actions: [{handler: env, instances: [k]}]}
";

fn output(change: impl FnOnce(&mut OutputMsg)) -> Bytes {
    let mut output = OutputMsg::default();
    change(&mut output);
    output.encode_to_vec().into()
}

fn scripted(world: &World, handler: &str, change: impl FnOnce(&mut OutputMsg)) {
    world.recorder.script(handler, |script| script.output = Ok(output(change)));
}

#[tokio::test]
async fn generated_attributes_are_there_for_rules() {
    let world = World::new(&format!(
        "{CONFIG}
        rule istio-system/1 {{match: 'source.labels[\"app\"] == \"web\" && source.ip == ip(\"10.0.0.1\")', actions: [{{handler: list, instances: [e]}}]}}"
    ))
    .await;
    scripted(&world, "env.istio-system", |output| {
        output.source_pod_name = "pod-1".to_owned();
        output.source_labels = [("app".to_owned(), "web".to_owned())].into();
        let mapped = std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().octets();
        output.source_pod_ip = Some(IpAddress { value: mapped.to_vec().into() });
    });
    let runtime = world.engine.current();
    let mut bag = bag_of(&runtime, "source.uid=u");
    let outcome = runtime.check(&mut bag, &[], "", None).await.unwrap();
    assert_eq!(
        world.calls(),
        [
            "generate env.istio-system k.instance.istio-system=u",
            "check list.istio-system e.instance.istio-system=pod-1"
        ]
    );
    let ip = bag.get(runtime.vocabulary().slot("source.ip").unwrap());
    assert!(
        matches!(ip, Some(mixer_attribute::Value::Bytes(ip)) if *ip == [10, 0, 0, 1]),
        "cut to four bytes"
    );
    // What was generated is no part of the key, what the generator and its bindings read is.
    assert_eq!(
        read(&outcome.referenced, &bag),
        ["context.reporter.kind!", "destination.namespace!", "source.uid", "source.user!"]
    );
}

#[tokio::test]
async fn what_the_caller_sent_is_never_overridden() {
    let world =
        World::new(&format!("{CONFIG} rule istio-system/1 {{actions: [{{handler: list, instances: [e]}}]}}"))
            .await;
    scripted(&world, "env.istio-system", |output| output.source_pod_name = "generated".to_owned());
    for (bag, name) in
        [("source.uid=u source.name=sent", "sent"), ("source.uid=u", "generated"), ("", "nobody")]
    {
        world.check(bag).await.unwrap();
        let calls = world.calls();
        assert_eq!(calls.last().unwrap(), &format!("check list.istio-system e.instance.istio-system={name}"));
    }
}

#[tokio::test]
async fn of_two_generators_the_first_in_rule_order_counts() {
    let world = World::new(&format!(
        "{CONFIG}
        rule istio-system/0 {{actions: [{{handler: late, instances: [l]}}]}}
        rule istio-system/1 {{actions: [{{handler: list, instances: [e]}}]}}"
    ))
    .await;
    scripted(&world, "env.istio-system", |output| output.source_pod_name = "quick".to_owned());
    scripted(&world, "late.istio-system", |output| output.source_pod_name = "first".to_owned());
    world.recorder.script("late.istio-system", |script| script.pause = std::time::Duration::from_millis(20));
    world.check("source.uid=u").await.unwrap();
    assert_eq!(world.calls().last().unwrap(), "check list.istio-system e.instance.istio-system=first");
}

#[tokio::test]
async fn generated_attributes_choose_the_rules() {
    let world = World::new(&format!(
        "{CONFIG}
        handler shop/h {{compiledAdapter: recording}}
        instance shop/e {{compiledTemplate: checknothing}}
        rule shop/r {{actions: [{{handler: h, instances: [e]}}]}}"
    ))
    .await;
    scripted(&world, "env.istio-system", |output| output.source_namespace = "shop".to_owned());
    world.check("source.uid=u context.reporter.kind=outbound").await.unwrap();
    assert_eq!(world.calls().last().unwrap(), "check h.shop e.instance.shop=");
}

#[tokio::test]
async fn a_generator_that_fails() {
    for (policy, fails) in [("Fail", true), ("Ignore", false)] {
        let config = CONFIG.replace(
            "env {compiledAdapter: recording}",
            &format!("env {{compiledAdapter: recording, failurePolicy: {policy}}}"),
        );
        let world = World::new(&format!(
            "{config}
            instance istio-system/m {{compiledTemplate: metric, params: {{value: '1'}}}}
            rule istio-system/1 {{actions: [{{handler: list, instances: [e, m]}}]}}"
        ))
        .await;
        for output in [
            Err(HandlerError::new(ErrorKind::Unavailable, "no api server")),
            Ok(Bytes::from_static(b"\xff\xff")),
        ] {
            world.recorder.script("env.istio-system", |script| script.output = output);
            let result = world.check("source.uid=u").await;
            assert_eq!(result.is_err(), fails, "{policy}");
            if let Err(error) = result {
                assert_eq!(error.stage, Stage::Preprocess);
            }
            let summary = world.report(&["source.uid=u", ""]).await;
            assert_eq!((summary.bags, summary.dispatched), (2, if fails { 1 } else { 2 }));
            assert!(!summary.nothing_dispatched());
        }
        let dropped = world.metric("mixer_dispatcher_dropped_bags_total", &[("reason", "preprocess")]);
        assert_eq!(dropped, if fails { 2.0 } else { 0.0 });
    }
}

#[tokio::test]
async fn nothing_generated_stays_for_the_next_bag_of_a_report() {
    let world = World::new(&format!(
        "{CONFIG}
        instance istio-system/m {{compiledTemplate: metric, params: {{value: 'source.name | \"nobody\"'}}}}
        rule istio-system/1 {{actions: [{{handler: list, instances: [m]}}]}}"
    ))
    .await;
    scripted(&world, "env.istio-system", |output| output.source_pod_name = "generated".to_owned());
    let runtime = world.engine.current();
    let mut reporter = runtime.reporter();
    let mut bag = bag_of(&runtime, "source.uid=u");
    reporter.add(&mut bag).await;
    fill(&mut bag, "source.uid=");
    reporter.add(&mut bag).await;
    assert!(!bag.has_derived());
    reporter.flush(None).await;
    let calls = world.recorder.take_calls();
    assert_eq!(calls.last().unwrap().texts(), ["generated", "nobody"]);
}
