//! Whose rules a request is subject to: those of the default namespace and those of its own, nothing else.

use crate::support::World;

/// Three rules of the default namespace and one in each of three others, as where the original mixed them up.
const LEAKY: &str = "
    handler istio-system/d1 {compiledAdapter: recording}
    handler istio-system/d2 {compiledAdapter: recording}
    handler istio-system/d3 {compiledAdapter: recording}
    instance istio-system/n {compiledTemplate: checknothing}
    rule istio-system/1 {actions: [{handler: d1, instances: [n]}]}
    rule istio-system/2 {actions: [{handler: d2, instances: [n]}]}
    rule istio-system/3 {actions: [{handler: d3, instances: [n]}]}
    handler a/own {compiledAdapter: recording}
    instance a/n {compiledTemplate: checknothing}
    rule a/r {actions: [{handler: own, instances: [n]}], requestHeaderOperations: [{name: x-a, values: ['\"a\"']}]}
    handler b/own {compiledAdapter: recording}
    instance b/n {compiledTemplate: checknothing}
    rule b/r {actions: [{handler: own, instances: [n]}]}
    handler c/own {compiledAdapter: recording}
    instance c/n {compiledTemplate: checknothing}
    rule c/r {actions: [{handler: own, instances: [n]}]}
    rule istio-system/mesh-wide {requestHeaderOperations: [{name: x-mesh, values: ['\"m\"']}]}
";

#[tokio::test]
async fn each_sees_its_own_and_the_default_ones() {
    let cases: [(&str, &[&str]); 8] = [
        ("destination.namespace=a", &["own.a"]),
        ("destination.namespace=b", &["own.b"]),
        ("destination.namespace=c source.namespace=a", &["own.c"]),
        ("destination.namespace=elsewhere", &[]),
        ("destination.namespace=istio-system", &[]),
        ("context.reporter.kind=inbound destination.namespace=b source.namespace=a", &["own.b"]),
        ("context.reporter.kind=outbound destination.namespace=b source.namespace=a", &["own.a"]),
        ("context.reporter.kind=sideways destination.namespace=b source.namespace=a", &[]),
    ];
    for compat in [false, true] {
        let world = if compat { World::compat(LEAKY).await } else { World::new(LEAKY).await };
        for (bag, own) in cases {
            let outcome = world.check(bag).await.unwrap();
            let called: Vec<_> = world.recorder.take_calls().into_iter().map(|call| call.handler).collect();
            let mut expected = vec!["d1.istio-system", "d2.istio-system", "d3.istio-system"];
            expected.extend(own);
            assert_eq!(called, expected, "{bag}");
            let headers = outcome.route_directive.unwrap().request_headers;
            let headers: Vec<_> = headers.iter().map(|header| &*header.name).collect();
            let expected = if own == ["own.a"] { vec!["x-mesh", "x-a"] } else { vec!["x-mesh"] };
            assert_eq!(headers, expected, "{bag}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_work_is_scoped() {
    let world = World::new(
        "
        handler a/h {compiledAdapter: recording}
        instance a/m {compiledTemplate: metric, params: {value: '1'}}
        instance a/q {compiledTemplate: quota}
        instance a/k {compiledTemplate: kubernetes}
        rule a/r {actions: [{handler: h, instances: [m, q, k]}]}
        ",
    )
    .await;
    let quota = mixer_dispatch::QuotaRequest { name: "q", amount: 1, best_effort: false };
    for (namespace, methods) in [("a", vec!["generate", "quota", "generate", "report"]), ("b", vec![])] {
        let bag = format!("destination.namespace={namespace}");
        world.check_with(&bag, &[quota], "").await.unwrap();
        world.report(&[&bag]).await;
        let called: Vec<_> = world.recorder.take_calls().into_iter().map(|call| call.method).collect();
        assert_eq!(called, methods, "{namespace}");
    }
}
