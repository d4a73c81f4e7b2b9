//! Every flag of the original by its name, with its default, and how ours read.

use clap::{CommandFactory, FromArgMatches};

use super::*;

fn parse(args: &[&str]) -> Result<ServerFlags, clap::Error> {
    let command = ServerFlags::augment_args(clap::Command::new("mixs").no_binary_name(true));
    ServerFlags::from_arg_matches(&command.try_get_matches_from(args)?)
}

/// The flags of `mixs server` in 1.3 and 1.7 with a value that each of them takes.
const ORIGINAL: [(&str, &str); 38] = [
    ("adapterWorkerPoolSize", "1024"),
    ("address", "tcp://127.0.0.1:9092"),
    ("apiWorkerPoolSize", "1024"),
    ("averageLatencyThreshold", "300ms"),
    ("burstSize", "10"),
    ("caCertFile", "/etc/certs/root-cert.pem"),
    ("certFile", "/etc/certs/cert-chain.pem"),
    ("configDefaultNamespace", "istio-system"),
    ("configStoreURL", "fs:///etc/mixer"),
    ("configWaitTimeout", "2m0s"),
    ("ctrlz_address", "localhost"),
    ("ctrlz_port", "9876"),
    ("keyFile", "/etc/certs/key.pem"),
    ("latencyEnforcementThreshold", "100"),
    ("latencySampleHalflife", "1s"),
    ("latencySamplesPerSecond", "1.7976931348623157e+308"),
    ("livenessProbeInterval", "1s"),
    ("livenessProbePath", "/tmp/live"),
    ("loadsheddingMode", "logonly"),
    ("maxConcurrentStreams", "1024"),
    ("maxMessageSize", "1048576"),
    ("maxRequestsPerSecond", "1e3"),
    ("monitoringPort", "15014"),
    ("namespaces", "a,b"),
    ("numCheckCacheEntries", "1500000"),
    ("port", "9091"),
    ("profile", "false"),
    ("readinessProbeInterval", "1s"),
    ("readinessProbePath", "/tmp/ready"),
    ("singleThreaded", "true"),
    ("trace_jaeger_url", "http://jaeger:14268/api/traces?format=jaeger.thrift"),
    ("trace_log_spans", "true"),
    ("trace_sampling_rate", "0.5"),
    ("trace_zipkin_url", "http://zipkin:9411/api/v1/spans"),
    ("useAdapterCRDs", "false"),
    ("useTemplateCRDs", "false"),
    ("latencySampleHalflife", "0"),
    ("burstSize", "0"),
];

#[test]
fn every_flag_of_the_original_is_taken() {
    for (name, value) in ORIGINAL {
        parse(&[&format!("--{name}={value}")]).unwrap_or_else(|error| panic!("--{name}: {error}"));
    }
}

#[test]
fn defaults_are_the_original_s() {
    let flags = parse(&[]).unwrap();
    assert_eq!((flags.port, flags.monitoring_port), (9091, 15014));
    assert_eq!((flags.max_message_size, flags.max_concurrent_streams), (1_048_576, 1024));
    assert_eq!(flags.config.config_store_url, "");
    assert_eq!(flags.config.config_default_namespace, "istio-system");
    assert_eq!(flags.config.config_wait_timeout, Duration::from_secs(120));
    assert!(flags.config.use_adapter_crds && flags.config.use_template_crds);
    assert_eq!(flags.shedding.mode, SheddingMode::Disabled);
    assert_eq!(flags.shedding.average_latency_threshold, Duration::ZERO);
    assert_eq!(flags.shedding.latency_samples_per_second, f64::MAX);
    assert_eq!(flags.shedding.latency_sample_half_life, Duration::from_secs(1));
    assert_eq!(flags.shedding.latency_enforcement_threshold, 100.0);
    assert_eq!((flags.shedding.max_requests_per_second, flags.shedding.burst_size), (0.0, 0));
    assert_eq!(flags.config.compat, None);
    assert!(!flags.single_threaded && !flags.config.strict_quota);
    assert!(flags.ignored.given().is_empty());
}

#[test]
fn switches_are_written_as_in_go() {
    let single = |args: &[&str]| parse(args).map(|flags| flags.single_threaded).ok();
    assert_eq!(single(&["--singleThreaded"]), Some(true));
    assert_eq!(single(&["--singleThreaded=true"]), Some(true));
    assert_eq!(single(&["--singleThreaded=false"]), Some(false));
    assert_eq!(single(&["--singleThreaded=0"]), Some(false));
    assert_eq!(single(&["--singleThreaded=perhaps"]), None);
    assert_eq!(parse(&["-p", "1234"]).unwrap().port, 1234);
    assert_eq!(parse(&["--port", "1234"]).unwrap().port, 1234);
}

#[test]
fn wrong_values_are_refused() {
    let wrong = [
        "--port=70000",
        "--maxMessageSize=0",
        "--maxConcurrentStreams=0",
        "--configWaitTimeout=2",
        "--configWaitTimeout=-2s",
        "--loadsheddingMode=sometimes",
        "--compat=istio-1.2",
        "--address=udp://localhost:1",
        "--burstSize=-1",
        "--nonsense",
    ];
    for flag in wrong {
        assert!(parse(&[flag]).is_err(), "{flag}");
    }
}

#[test]
fn flags_without_effect_are_named_when_given() {
    let flags = parse(&["--profile=false", "--ctrlz_port=1", "--numCheckCacheEntries", "5"]).unwrap();
    assert_eq!(flags.ignored.given(), ["--numCheckCacheEntries", "--profile", "--ctrlz_port"]);
}

#[test]
fn ours() {
    let flags = parse(&["--compat=istio-1.3", "--strictQuota", "--drainDuration=1s"]).unwrap();
    assert_eq!(flags.config.compat, Some(Compat::Istio13));
    assert!(flags.config.strict_quota);
    assert_eq!(flags.stop.drain_duration, Duration::from_secs(1));
}

/// The flags of the log alone.
#[derive(clap::Parser, Debug)]
struct Log {
    #[command(flatten)]
    flags: LogFlags,
}

fn log(args: &[&str]) -> Result<LogFlags, clap::Error> {
    let matches = Log::command().no_binary_name(true).try_get_matches_from(args)?;
    Ok(Log::from_arg_matches(&matches)?.flags)
}

#[test]
fn log_flags() {
    let flags = log(&[]).unwrap();
    assert_eq!(flags.log_target, [LogTarget::Stderr]);
    assert_eq!(flags.log_output_level.0, [("default".to_owned(), Level::Info)]);
    assert!(!flags.log_as_json && flags.ignored().is_empty());
    let flags = log(&["--log_target=stdout", "--log_target", "/var/log/mixs", "--log_as_json"]).unwrap();
    assert_eq!(flags.log_target, [LogTarget::Stdout, LogTarget::File("/var/log/mixs".into())]);
    assert!(flags.log_as_json);
    let flags = log(&["--log_output_level=debug,api:none, mcp:fatal"]).unwrap();
    let levels = [("default", Level::Debug), ("api", Level::None), ("mcp", Level::Error)];
    assert_eq!(flags.log_output_level.0, levels.map(|(scope, level)| (scope.to_owned(), level)));
    assert!(log(&["--log_output_level=api:loud"]).is_err());
    let given = ["--log_stacktrace_level=default:none", "--log_rotate_max_age=1", "--log_rotate_max_size=2"];
    let names = ["--log_stacktrace_level", "--log_rotate_max_age", "--log_rotate_max_size"];
    assert_eq!(log(&given).unwrap().ignored(), names);
    for taken in ["--log_caller=api", "--log_rotate=/var/log/mixs", "--log_rotate_max_backups=3"] {
        log(&[taken]).unwrap_or_else(|error| panic!("{taken}: {error}"));
    }
}
