//! The shipped adapters, each as the program that cargo builds.

use mixer_adapter_sdk::Adapter;
use mixer_adapter_test::conform::{Observe, Options, Report, Target, Verdict, run};
use mixer_adapter_test::{Program, Subject, check};
use mixer_testkit::FakeNewRelic;

async fn program(name: &str) -> Program {
    let program = Program::of_package(&format!("mixer-{name}-adapter")).await.unwrap();
    program.argument("--logLevel=warn")
}

async fn examine(program: &Program, adapter: &dyn Adapter, params: &str, observe: &Observe) -> Report {
    let running = program.start().await.unwrap();
    let target = Target::new(running.address()).info(adapter.info()).unwrap();
    let report = run(target.params(params).unwrap(), observe, Options::default()).await;
    assert!(report.is_good(), "{report}\n{}", running.output());
    report
}

/// Once at its work, and once with `--dryRun`, which shows what arrives.
async fn pass(name: &str, adapter: &dyn Adapter, params: &str) {
    let program = program(name).await;
    examine(&program, adapter, params, &Observe::Nothing).await;
    dry(program, adapter, params).await;
}

/// With `--dryRun` every template's instances are seen, and everything that can be observed is.
async fn dry(program: Program, adapter: &dyn Adapter, params: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seen.json");
    let program = program.argument(format!("--dryRun={}", file.display()));
    let report = examine(&program, adapter, params, &Observe::DryRun(file)).await;
    for template in adapter.info().templates {
        let observed = |id: &str| {
            let case =
                report.cases.iter().find(|case| case.id == id && case.template.as_deref() == Some(template));
            case.map(|case| (case.observed, case.verdict.clone()))
        };
        assert_eq!(observed("config.change"), Some((true, Verdict::Pass)), "{template}\n{report}");
        let takes_values = !matches!(*template, "checknothing" | "reportnothing");
        let values = observed("instance.value-types");
        // A template without values has nothing to show.
        assert_eq!(values.is_some_and(|(observed, _)| observed), takes_values, "{template}\n{report}");
        if let Some(large) = observed("report.large") {
            assert_eq!(large, (true, Verdict::Pass), "{template}\n{report}");
        }
    }
}

#[tokio::test]
async fn denier() {
    pass("denier", &*mixer_denier_adapter::adapter(), "status: {code: 7}").await;
}

#[tokio::test]
async fn dogstatsd() {
    let params = "{address: 'unix:///nobody/is/here', metrics: {conform.instance.conform: {name: c, type: COUNTER}}, \
                  events: {conform.instance.conform: {title: t}}}";
    pass("dogstatsd", &*mixer_dogstatsd_adapter::adapter(), params).await;
}

#[tokio::test]
async fn list() {
    pass("list", &*mixer_list_adapter::adapter(), "overrides: [conform]").await;
}

#[tokio::test]
async fn memquota() {
    let params = "quotas: [{name: conform.instance.conform, max_amount: 50}]";
    pass("memquota", &*mixer_memquota_adapter::adapter(), params).await;
}

/// The backend is a strict fake, so nothing that the suite sends makes the adapter break a rule.
#[tokio::test]
async fn newrelic() {
    let fake = FakeNewRelic::start("0123456789").await.unwrap();
    let program = program("newrelic").await.environment("NEW_RELIC_API_KEY", "0123456789");
    let adapter = mixer_newrelic_adapter::adapter();
    let params = format!(
        "{{metrics: {{conform.instance.conform: {{name: conform, type: SUMMARY}}}}, harvest_period: 0.1s, \
         metrics_url: 'http://{0}', spans_url: 'http://{0}', logs_url: 'http://{0}'}}",
        fake.address()
    );
    examine(&program, &*adapter, &params, &Observe::Nothing).await;
    dry(program, &*adapter, &params).await;
    let seen = fake.seen();
    assert_eq!(seen.faults, [] as [String; 0]);
    assert!(!seen.metrics.is_empty() && !seen.logs.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn noop() {
    pass("noop", &*mixer_noop_adapter::adapter(), "{}").await;
}

#[tokio::test]
async fn otlp() {
    let fake = mixer_testkit::FakeCollector::start(None).await.unwrap();
    let params = format!(
        "{{exporter: {{endpoint: '{}'}}, metrics_period: 0.1s, harvest_period: 0.1s, \
         metrics: {{conform.instance.conform: {{name: conform, type: EXPONENTIAL_HISTOGRAM, unit: s}}}}}}",
        fake.endpoint()
    );
    pass("otlp", &*mixer_otlp_adapter::adapter(), &params).await;
    let seen = fake.seen();
    assert_eq!(seen.faults, [] as [String; 0]);
    assert!(!seen.metrics.is_empty() && !seen.logs.is_empty(), "{:?}", seen.requests.len());
}

#[tokio::test]
async fn statsd() {
    let params =
        "{address: 'unixgram:///nobody/is/here', metrics: {conform.instance.conform: {type: COUNTER}}}";
    pass("statsd", &*mixer_statsd_adapter::adapter(), params).await;
}

#[tokio::test]
async fn stdio() {
    pass("stdio", &*mixer_stdio_adapter::adapter(), "{log_stream: STDERR}").await;
}

/// With a fake of its own, as it delivers what it takes before it ends.
#[tokio::test]
async fn stackdriver() {
    let fake = mixer_testkit::FakeGoogle::start("conform").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    std::fs::write(&key, fake.service_account("key-1")).unwrap();
    let params = format!(
        "{{endpoint: '{}', project_id: conform, location: l, cluster_name: c, service_account_path: '{}', \
         metric_info: {{conform.instance.conform: {{}}}}, log_info: {{conform.instance.conform: {{}}}}, trace: {{sample_probability: 1}}}}",
        fake.endpoint(),
        key.display()
    );
    pass("stackdriver", &*mixer_stackdriver_adapter::adapter(), &params).await;
}

#[tokio::test]
async fn prometheus() {
    let [port] = mixer_harness::free_ports().unwrap();
    let program = program("prometheus").await.argument(format!("--prometheusAddress=127.0.0.1:{port}"));
    let adapter = mixer_prometheus_adapter::PrometheusAdapter::new("127.0.0.1:0".parse().unwrap());
    let params = "metrics: [{name: c, instance_name: conform.instance.conform, kind: COUNTER, label_names: [conform]}]";
    let observe = Observe::parse(&format!("http://127.0.0.1:{port}/metrics"));
    dry(program.clone(), &adapter, params).await;
    let report = examine(&program, &adapter, params, &observe).await;
    let observed: Vec<String> =
        report.cases.iter().filter(|case| case.observed).map(|case| case.key()).collect();
    assert_eq!(
        observed,
        ["report.large[metric]", "instance.value-types[metric]", "instance.duration-fraction[metric]"]
    );
}

/// What an operator applies for an adapter that runs elsewhere, in a file of its own beside the scenario.
#[tokio::test]
async fn a_program_in_a_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let adapter = mixer_list_adapter::adapter();
    let config = base64::engine::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        adapter.info().config_descriptor,
    );
    let envelope = "apiVersion: config.istio.io/v1alpha2";
    let resource = format!(
        "{envelope}\nkind: adapter\nmetadata: {{name: far}}\nspec: {{templates: [listentry], session_based: false, config: {config}}}\n"
    );
    std::fs::write(folder.path().join("adapter.yaml"), resource).unwrap();
    let handler = |connection| format!("{{adapter: far, params: {{overrides: [alice]}}{connection}}}");
    for spec in [handler(""), handler(", connection: {address: \"${ADDRESS}\"}")] {
        let scenario = format!(
            "{envelope}\nkind: handler\nmetadata: {{name: staff}}\nspec: {spec}\n---\n\
             {envelope}\nkind: instance\nmetadata: {{name: user}}\nspec: {{template: listentry, params: {{value: source.user}}}}\n---\n\
             {envelope}\nkind: rule\nmetadata: {{name: all}}\nspec: {{actions: [{{handler: staff, instances: [user]}}]}}\n---\n\
             include: [adapter.yaml]\nsteps:\n- check: {{source.user: eve}}\nwant: |\n  \
             1 check: PERMISSION_DENIED \"staff.istio-system:eve is not whitelisted\", valid for 5m0s and 10000 uses\n    \
             rule all.rule.istio-system: staff.istio-system did not allow\n"
        );
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, scenario).unwrap();
        check(&file, &Subject::program(program("list").await)).await.unwrap();
    }
}
