//! What flags mean together.

use clap::{Args, FromArgMatches};

use super::*;

fn plan_in(args: &[&str], surroundings: Surroundings) -> anyhow::Result<Plan> {
    let command = ServerFlags::augment_args(clap::Command::new("mixs").no_binary_name(true));
    let flags = ServerFlags::from_arg_matches(&command.try_get_matches_from(args)?)?;
    Plan::new(&flags, surroundings)
}

fn plan(args: &[&str]) -> Plan {
    plan_in(args, Surroundings::default()).unwrap()
}

/// The words that an error must have; `None` when it works.
fn check_store(url: &str, in_cluster: bool, expected: Option<&[&str]>) {
    let flag = format!("--configStoreURL={url}");
    let args: &[&str] = if url.is_empty() { &[] } else { &[&flag] };
    match (plan_in(args, Surroundings { in_cluster, ..Surroundings::default() }), expected) {
        (Ok(_), None) => {}
        (Ok(_), Some(_)) => panic!("{url:?} is taken"),
        (Err(error), None) => panic!("{url:?}: {error}"),
        (Err(error), Some(words)) => {
            let text = error.to_string();
            assert!(words.iter().all(|word| text.contains(word)), "{url:?}: {text}");
        }
    }
}

#[test]
fn stores() {
    check_store("", false, None);
    check_store("builtin://", false, None);
    check_store("builtin://", true, None);
    check_store("fs:///etc/mixer", true, None);
    check_store("", true, None);
    for kubernetes in ["k8s://", "kube://?ns=a", "kubernetes:///root/.kube/config"] {
        check_store(kubernetes, false, None);
    }
    check_store("k8s://config", false, Some(&["three slashes"]));
    check_store("mcp://galley:9901", false, Some(&["Mesh Configuration Protocol", "fs:///"]));
    check_store("mcps://galley:9901", false, Some(&["Mesh Configuration Protocol"]));
    check_store("http://x", false, Some(&["unknown config URL"]));
    check_store("fs://etc/mixer", false, Some(&["fs:///etc/mixer"]));
}

#[test]
fn metrics_and_access_log_are_built_in_only_without_a_store() {
    assert_eq!(plan(&[]).app.compile.builtin, Builtin::Full);
    let files = plan(&["--configStoreURL=fs:///etc/mixer"]);
    assert_eq!(files.app.compile.builtin, Builtin::TemplatesAndManifests);
}

#[test]
fn an_address_goes_before_a_port() {
    assert_eq!(plan(&["-p", "1"]).app.grpc_address, ListenAddress::AnyHost(1));
    let both = plan(&["-p", "1", "--address=127.0.0.1:2", "--monitoringAddress=127.0.0.1:3"]);
    assert_eq!(both.app.grpc_address, ListenAddress::Tcp("127.0.0.1:2".to_owned()));
    assert_eq!(both.app.admin_address, ListenAddress::Tcp("127.0.0.1:3".to_owned()));
}

#[test]
fn compat_reaches_every_part() {
    let app = plan(&["--compat=istio-1.3", "--strictQuota"]).app;
    assert!(app.compat && app.compile.compat && app.engine.compat && app.engine.strict_quota);
    let app = plan(&[]).app;
    assert!(!app.compat && !app.compile.compat && !app.engine.compat && !app.engine.strict_quota);
}

#[test]
fn a_probe_file_needs_path_and_interval() {
    let both = plan(&["--livenessProbePath=/l", "--livenessProbeInterval=2s"]);
    let expected = ProbeFile { path: "/l".into(), interval: Duration::from_secs(2) };
    assert_eq!((both.app.liveness_file, both.app.readiness_file), (Some(expected), None));
    assert!(both.warnings.is_empty());
    for half in ["--readinessProbePath=/r", "--readinessProbeInterval=2s"] {
        let half = plan(&[half]);
        assert_eq!(half.app.readiness_file, None);
        assert!(half.warnings[0].contains("--readinessProbePath"), "{:?}", half.warnings);
    }
}

#[test]
fn rates_are_checked() {
    for flag in
        ["--maxRequestsPerSecond=-1", "--latencySamplesPerSecond=NaN", "--latencyEnforcementThreshold=-0.5"]
    {
        let name = flag.split('=').next().unwrap();
        let error = plan_in(&[flag], Surroundings::default()).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
    assert_eq!(plan(&["--singleThreaded"]).app.request_threads.get(), 1);
}

fn cluster(args: &[&str]) -> anyhow::Result<KubePlan> {
    match plan_in(args, Surroundings { in_cluster: true, bypass_ids: false })?.store {
        Store::Kubernetes(plan) => Ok(*plan),
        other => panic!("{other:?}"),
    }
}

#[test]
fn status_is_written_unless_it_is_not_wanted() {
    assert_eq!(cluster(&[]).unwrap().lease, Some((None, "mixs-status".to_owned())));
    assert_eq!(
        cluster(&["--configStatusLease=a/b"]).unwrap().lease,
        Some((Some("a".to_owned()), "b".to_owned()))
    );
    assert_eq!(cluster(&["--configStatus=false"]).unwrap().lease, None);
    for wrong in ["", "/", "a/", "/b", "a/b/c"] {
        let error = cluster(&[&format!("--configStatusLease={wrong}")]).unwrap_err().to_string();
        assert!(error.contains("NAMESPACE/NAME"), "{wrong}: {error}");
    }
}

#[test]
fn the_url_of_a_cluster_can_say_how_long_to_wait() {
    let wait = |url: &str| plan(&[url, "--configWaitTimeout=10s"]).app.timing.config_wait.as_secs();
    assert_eq!(wait("--configStoreURL=k8s://?retry-timeout=3s"), 3);
    assert_eq!(wait("--configStoreURL=k8s://"), 10);
}

#[test]
fn a_webhook_needs_a_cluster() {
    assert!(cluster(&[]).unwrap().webhook.is_none());
    let webhook = cluster(&["--webhookAddress=0.0.0.0:9443"]).unwrap().webhook.unwrap();
    assert_eq!(
        (&*webhook.service, &*webhook.secret, &*webhook.configuration),
        ("mixs", "mixs-webhook-ca", "mixs")
    );
    let error = plan_in(&["--webhookAddress=0.0.0.0:9443"], Surroundings::default()).unwrap_err().to_string();
    assert!(error.contains("--configStoreURL=k8s://"), "{error}");
}
