//! What dispatch says about itself, under the names of the original.

use mixer_adapter_api::{ErrorKind, HandlerError};

use crate::support::World;

const CONFIG: &str = "
    handler istio-system/h {compiledAdapter: recording}
    instance istio-system/n {compiledTemplate: checknothing}
    instance istio-system/m {compiledTemplate: metric, params: {value: '1'}}
    instance istio-system/q {compiledTemplate: quota}
    rule istio-system/a {actions: [{handler: h, instances: [n, m, q]}]}
    rule istio-system/b {match: source.user == \"x\", actions: [{handler: h, instances: [m]}]}
    handler shop/h {compiledAdapter: recording}
    instance shop/m {compiledTemplate: metric, params: {value: '1'}}
    rule shop/r {actions: [{handler: h, instances: [m]}]}
";

#[tokio::test]
async fn calls_and_their_durations() {
    let world = World::new(CONFIG).await;
    world.check("").await.unwrap();
    world
        .recorder
        .script("h.istio-system", |script| script.check = Err(HandlerError::new(ErrorKind::Failed, "no")));
    world.check("").await.unwrap_err();
    world.report(&["destination.namespace=shop"; 3]).await;
    let labels = |function, handler, error| {
        [("meshFunction", function), ("handler", handler), ("adapter", "recording"), ("error", error)]
    };
    for name in ["mixer_runtime_dispatches_total", "mixer_runtime_dispatch_duration_seconds"] {
        for (labels, count) in [
            (labels("checknothing", "h.istio-system", "false"), 1.0),
            (labels("checknothing", "h.istio-system", "true"), 1.0),
            (labels("metric", "h.istio-system", "false"), 1.0),
            (labels("metric", "h.shop", "false"), 1.0),
            (labels("metric", "h.shop", "true"), 0.0),
        ] {
            assert_eq!(world.metric(name, &labels), count, "{name} {labels:?}");
        }
    }
}

#[tokio::test]
async fn fan_out_counts_checks_and_each_bag() {
    let world = World::new(CONFIG).await;
    world.check("").await.unwrap();
    world.report(&["", "destination.namespace=shop source.user=x"]).await;
    let sum = |name: &str| {
        let families = world.metrics.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        let histogram = family.get_metric()[0].get_histogram();
        (histogram.get_sample_count(), histogram.get_sample_sum())
    };
    // A check with one instance, a bag with one and a bag with three for two handlers.
    assert_eq!(sum("mixer_dispatcher_destinations_per_request"), (3, 4.0));
    assert_eq!(sum("mixer_dispatcher_instances_per_request"), (3, 5.0));
}

#[tokio::test]
async fn configuration_in_numbers() {
    let world = World::new(&format!(
        "{CONFIG}
        rule istio-system/bad {{match: no.such == 1, actions: [{{handler: h, instances: [n]}}]}}
        problem no.such"
    ))
    .await;
    for (name, labels, value) in [
        ("mixer_config_handler_configs_total", vec![], 2.0),
        ("mixer_config_instance_configs_total", vec![], 4.0),
        ("mixer_config_rule_configs_total", vec![], 3.0),
        ("mixer_config_rule_config_match_error_total", vec![], 1.0),
        ("mixer_config_unsatisfied_action_handler_total", vec![], 0.0),
        ("mixer_handler_new_handlers_total", vec![], 2.0),
        (
            "mixer_dispatcher_destinations_per_variety_total",
            vec![("variety", "TEMPLATE_VARIETY_REPORT")],
            2.0,
        ),
        ("mixer_dispatcher_destinations_per_variety_total", vec![("variety", "TEMPLATE_VARIETY_CHECK")], 1.0),
        ("mixer_dispatcher_destinations_per_variety_total", vec![("variety", "TEMPLATE_VARIETY_QUOTA")], 1.0),
    ] {
        assert_eq!(world.metric(name, &labels), value, "{name} {labels:?}");
    }
    assert!(world.metric("mixer_config_attributes_total", &[]) > 50.0);
}

#[tokio::test]
async fn series_go_with_what_they_are_about() {
    let world = World::new(CONFIG).await;
    world.report(&["", "destination.namespace=shop"]).await;
    let count = |handler| world.metric("mixer_runtime_dispatches_total", &[("handler", handler)]);
    assert_eq!((count("h.istio-system"), count("h.shop")), (1.0, 1.0));
    let absent = |rule| world.metric("mixer_dispatcher_match_errors_total", &[("rule", rule)]);
    assert_eq!(absent("b.rule.istio-system"), 2.0);
    let without_shop: Vec<_> =
        CONFIG.lines().filter(|line| !line.contains(" shop/") && !line.contains("/b ")).collect();
    world.apply(&without_shop.join("\n")).await;
    assert_eq!((count("h.istio-system"), count("h.shop")), (1.0, 0.0));
    assert_eq!(absent("b.rule.istio-system"), 0.0);
    world.report(&[""]).await;
    assert_eq!(count("h.istio-system"), 2.0, "what stays goes on counting");
}

#[test]
fn one_registry_holds_one_engine() {
    let registry = prometheus::Registry::new();
    let adapters = mixer_testkit::Recorder::new().registry();
    let make = || mixer_dispatch::Engine::new(Default::default(), adapters.clone(), &registry);
    assert!(make().is_ok());
    assert!(make().is_err());
}
