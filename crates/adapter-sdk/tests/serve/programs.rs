//! What an adapter's program does beside answering calls: dry run, self-test, manifest, the level of its log, and the
//! manual of its flags and metrics.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args as _;
use mixer_adapter_sdk::templates::TemplateService;
use mixer_adapter_sdk::{AdapterArgs, AdapterCommand, ManifestArgs, Process, ServeArgs};
use mixer_proto::adapter::v1beta1 as model;
use mixer_proto::policy::v1beta1::{self as policy, value};
use mixer_proto::template::metric::{HandleMetricRequest, InstanceMsg};
use mixer_rpc::template::metric::handle_metric_service_client::HandleMetricServiceClient;
use mixer_rpc::template::quota::handle_quota_service_client::HandleQuotaServiceClient;

use super::toy::{KEYVAL, Toy, adapter, check, get, mode, quick, request, run, run_with};

const MANUAL: &str = include_str!("../../docs/configuration.md");

fn value(value: value::Value) -> policy::Value {
    policy::Value { value: Some(value) }
}

#[tokio::test]
async fn a_dry_run_prints_instances_and_calls_no_handler() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("instances");
    let running = run_with(ServeArgs { dry_run: Some(Some(file.clone())), ..quick() }).await;
    let time = prost_types::Timestamp { seconds: 1, nanos: 1 };
    let metric = InstanceMsg {
        name: "m.instance.ns".into(),
        value: Some(value(value::Value::DurationValue(policy::Duration {
            value: Some(prost_types::Duration { seconds: 1, nanos: 1 }),
        }))),
        dimensions: [
            ("code".to_owned(), value(value::Value::Int64Value(i64::MAX))),
            ("at".to_owned(), value(value::Value::TimestampValue(policy::TimeStamp { value: Some(time) }))),
            (
                "ip".to_owned(),
                value(value::Value::IpAddressValue(policy::IpAddress { value: vec![10, 0, 0, 1].into() })),
            ),
        ]
        .into(),
        ..Default::default()
    };
    let mut client = HandleMetricServiceClient::new(running.channel.clone());
    client
        .handle_metric(HandleMetricRequest { instances: vec![metric], ..Default::default() })
        .await
        .unwrap();
    let result = check(&running.channel, "deny.instance.ns", None).await.unwrap();
    assert_eq!((result.status.unwrap().code, result.valid_use_count), (0, 0));
    let params = model::quota_request::QuotaParams { amount: 5, best_effort: true };
    let quota = mixer_proto::template::quota::HandleQuotaRequest {
        dedup_id: "d".into(),
        quota_request: Some(model::QuotaRequest { quotas: [("q".to_owned(), params)].into() }),
        ..Default::default()
    };
    let mut client = HandleQuotaServiceClient::new(running.channel.clone());
    assert_eq!(client.handle_quota(quota).await.unwrap().into_inner().quotas["q"].granted_amount, 5);

    // A configuration that is not valid is refused all the same.
    check(&running.channel, "x", mode("invalid")).await.unwrap_err();
    assert_eq!(running.toy.builds.load(std::sync::atomic::Ordering::SeqCst), 0);
    let lines = [
        r#"{"template":"metric","name":"m.instance.ns","instance":{"value":"1.000000001s","dimensions":{"at":"1970-01-01T00:00:01.000000001Z","code":9223372036854775807,"ip":"10.0.0.1"}}"#,
        r#"{"template":"listentry","name":"deny.instance.ns","instance":{}"#,
        r#"{"template":"quota","name":"","instance":{},"amount":5,"bestEffort":true,"dedupId":"d""#,
    ];
    // The calls brought no configuration: it is the sum of nothing.
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let expected = lines.map(|line| format!("{line},\"handler_config_sha256\":\"{sum}\"}}"));
    // Another thread writes the lines.
    loop {
        let lines = std::fs::read_to_string(&file).unwrap();
        if lines.lines().count() == expected.len() && lines.ends_with('\n') {
            assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_self_test_says_what_is_wrong() {
    let test = async |params: Option<&str>| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), params.unwrap_or_default()).unwrap();
        let params = params.map(|_| file.path().to_owned());
        let serve = ServeArgs { self_test: true, params, ..quick() };
        let toy = Arc::new(Toy::default());
        let process = Process::new(adapter(&toy)).template(KEYVAL);
        let ran = process.run(AdapterArgs { serve, command: None }).await;
        (ran.map_err(|error| error.to_string()), toy.closes.load(std::sync::atomic::Ordering::SeqCst))
    };
    assert_eq!(test(None).await, (Ok(()), 1), "the handler is closed");
    let (error, closes) = test(Some("a: [")).await;
    assert!(error.unwrap_err().contains("neither YAML nor JSON"));
    assert_eq!(closes, 0);
    let (error, _) = test(Some("value: x")).await;
    let error = error.unwrap_err();
    assert!(error.contains("self-test failed") && error.contains("toy.Params"), "{error}");
}

#[test]
fn a_manifest_names_everything_that_an_operator_needs() {
    let own = TemplateService { descriptor: &[1, 2, 3], ..KEYVAL };
    let process = Process::new(adapter(&Arc::new(Toy::default())))
        .template(own)
        .default_port(7)
        .example_params("name: \"{{metric}}\"\n")
        .example_instance("keyval", "key: '\"k\"'\n");
    let text = process.manifest(&ManifestArgs { namespace: "ns".into(), ..Default::default() }).unwrap();
    for part in [
        "kind: adapter\nmetadata:\n  name: toy\n  namespace: ns\n",
        "session_based: false",
        "kind: template\nmetadata:\n  name: keyval\n  namespace: ns\nspec:\n  descriptor: AQID\n",
        "address: \"dns:///mixer-toy-adapter.ns.svc.cluster.local:7\"",
        "params:\n    name: \"toy-metric.instance.ns\"\n",
        "params:\n    key: '\"k\"'\n",
        "kind: rule",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let bare = ManifestArgs { no_examples: true, ..Default::default() };
    assert!(!process.manifest(&bare).unwrap().contains("kind: handler"));
    let elsewhere = ManifestArgs { service_namespace: Some("pods".into()), ..Default::default() };
    let text = process.manifest(&elsewhere).unwrap();
    assert!(text.contains("kind: handler\nmetadata:\n  name: toy\n  namespace: istio-system\n"), "{text}");
    assert!(text.contains("address: \"dns:///mixer-toy-adapter.pods.svc.cluster.local:7\""), "{text}");
}

#[test]
fn a_manifest_takes_the_configuration_of_an_operator() {
    let process =
        Process::new(adapter(&Arc::new(Toy::default()))).template(KEYVAL).example_params("name: x\n");
    let directory = tempfile::tempdir().unwrap();
    let params = directory.path().join("params.yaml");
    let args = ManifestArgs { params: Some(params.clone()), ..Default::default() };
    let error = process.manifest(&args).unwrap_err().to_string();
    assert!(error.starts_with(&format!("--params {} cannot be read: ", params.display())), "{error}");
    std::fs::write(&params, "name: \"{{metric}}\"\nmore: 1\n").unwrap();
    let text = process.manifest(&args).unwrap();
    let expected = "  params:\n    name: \"toy-metric.instance.istio-system\"\n    more: 1\n---\n";
    assert!(text.contains(expected), "{text}");
    let command = AdapterArgs::augment_args(clap::Command::new("x"));
    let parse = |arguments: &[&str]| {
        let matches = command.clone().try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        <AdapterArgs as clap::FromArgMatches>::from_arg_matches(&matches).map_err(|error| error.to_string())
    };
    for flag in ["--address", "--target"] {
        let parsed = parse(&["x", "manifest", flag, "dns:///a:1"]).unwrap().command;
        let Some(AdapterCommand::Manifest(args)) = parsed else { panic!("{parsed:?}") };
        assert_eq!(args.target.as_deref(), Some("dns:///a:1"));
    }
    parse(&["x", "manifest", "--address=a:1", "--serviceNamespace=b"]).unwrap_err();
}

#[tokio::test]
async fn the_level_of_the_log_can_be_changed() {
    mixer_adapter_sdk::init_logs("info", mixer_adapter_sdk::LogFormat::Json).unwrap();
    let running = run().await;
    assert_eq!(get(running.monitoring, "/logging").await, (200, "info\n".to_owned()));
    let put = async |path| request(running.monitoring, "PUT", path).await;
    assert_eq!(put("/logging?level=warn,h2=error").await.0, 200);
    assert!(get(running.monitoring, "/logging").await.1.contains("h2=error"));
    assert_eq!(put("/logging").await.0, 400);
    assert_eq!(put("/logging?level=h2=nonsense").await.0, 400);
    assert_eq!(put("/metrics").await.0, 405);
}

#[test]
fn the_manual_names_every_flag() {
    let command = AdapterArgs::augment_args(clap::Command::new("x"));
    for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
        assert!(MANUAL.contains(&format!("--{flag}")), "--{flag} is not in the manual");
    }
    let parsed = |arguments: &[&str]| {
        let matches = command.clone().try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        <AdapterArgs as clap::FromArgMatches>::from_arg_matches(&matches).map_err(|error| error.to_string())
    };
    assert_eq!(parsed(&["x", "--dry-run"]).unwrap().serve.dry_run, Some(None));
    assert_eq!(parsed(&["x", "--dryRun=f"]).unwrap().serve.dry_run, Some(Some("f".into())));
    assert!(parsed(&["x", "--self-test"]).unwrap().serve.self_test);
    assert!(matches!(parsed(&["x", "manifest"]).unwrap().command, Some(AdapterCommand::Manifest(_))));
    parsed(&["x", "--tlsCertificate=a"]).unwrap_err();
    // What no flags mean is said in two places.
    let flags = format!("{:?}", ServeArgs { address: None, monitoring_address: None, ..Default::default() });
    assert_eq!(format!("{:?}", parsed(&["x"]).unwrap().serve), flags);
}

#[tokio::test]
async fn the_manual_names_every_metric() {
    let running = run().await;
    check(&running.channel, "ok", None).await.unwrap();
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names: BTreeSet<_> = types.filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(name.starts_with("mixer_adapter_"), "{name}");
        assert!(MANUAL.contains(&format!("`{name}")), "{name} is not in the manual");
    }
}
