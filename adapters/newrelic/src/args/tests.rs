//! The flags and variables of the original mean what they meant.

use mixer_adapter_sdk::ListenAddress;

use super::*;

fn resolve(flags: &[&str], environment: &[(&str, &str)]) -> Result<(AdapterArgs, Defaults), ArgsError> {
    let args = Args::try_parse_from(["adapter"].iter().chain(flags)).unwrap();
    args.resolve(|name| environment.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned()))
}

#[test]
fn nothing_said_is_the_default() {
    let (args, defaults) = resolve(&[], &[("NEW_RELIC_PORT", "")]).unwrap();
    assert_eq!(args.serve.address, None);
    assert_eq!(args.serve.log_level, "info");
    assert!(args.serve.tls.tls_certificate.is_none());
    assert!(defaults.api_key.is_none() && defaults.cluster_name.is_none());
    assert!(defaults.harvest_period.is_none() && defaults.metrics_url.is_none());
}

/// Every flag beside its variable, and what both mean.
#[test]
fn flags_and_variables_say_the_same() {
    let check = |flag: &[&str], variable: (&str, &str), look: fn(&AdapterArgs, &Defaults) -> String| {
        let (by_flag, of_flag) = resolve(flag, &[(variable.0, "overruled")]).unwrap_or_else(|_| {
            panic!("{flag:?}");
        });
        let by_flag = look(&by_flag, &of_flag);
        let (args, defaults) = resolve(&[], &[variable]).unwrap();
        assert_eq!(look(&args, &defaults), by_flag, "{variable:?}");
        by_flag
    };
    let port = check(&["-p", "1234"], ("NEW_RELIC_PORT", "1234"), |args, _| {
        format!("{:?} {:?}", args.serve.address, args.serve.monitoring_address)
    });
    assert_eq!(port, "Some(AnyHost(1234)) Some(AnyHost(1334))");
    check(&["--port=1234"], ("NEW_RELIC_PORT", "1234"), |args, _| format!("{:?}", args.serve.address));
    let name = check(&["--cluster-name=west"], ("NEW_RELIC_CLUSTER_NAME", "west"), |_, defaults| {
        format!("{:?}", defaults.cluster_name)
    });
    assert_eq!(name, "Some(\"west\")");
    let period =
        check(&["--harvest-period=1m2.5s"], ("NEW_RELIC_HARVEST_PERIOD", "1m2.5s"), |_, defaults| {
            format!("{:?}", defaults.harvest_period)
        });
    assert_eq!(period, "Some(62.5s)");
    let url = check(
        &["--metrics-host=https://metric-api.eu.newrelic.com/metric/v1"],
        ("NEW_RELIC_METRICS_HOST", "https://metric-api.eu.newrelic.com"),
        |_, defaults| defaults.metrics_url.clone().unwrap().to_string(),
    );
    assert_eq!(url, "https://metric-api.eu.newrelic.com/metric/v1");
    let url = check(
        &["--spans-host=https://observer.example.com/trace/v1"],
        ("NEW_RELIC_SPANS_HOST", "https://observer.example.com/trace/v1"),
        |_, defaults| defaults.spans_url.clone().unwrap().to_string(),
    );
    assert_eq!(url, "https://observer.example.com/trace/v1");
}

#[test]
fn the_words_of_the_log_level_are_known() {
    let words = [
        ("debug", "debug"),
        ("info", "info"),
        ("warn", "warn"),
        ("error", "error"),
        ("fatal", "error"),
        ("none", "off"),
    ];
    for (word, level) in words {
        let (args, _) = resolve(&[&format!("--log-level={word}")], &[]).unwrap();
        assert_eq!(args.serve.log_level, level, "{word}");
        let (args, _) = resolve(&[], &[("NEW_RELIC_LOG_LEVEL", word)]).unwrap();
        assert_eq!(args.serve.log_level, level, "{word}");
    }
}

#[test]
fn certificates_of_clients_are_asked_for() {
    let tls = |flags: &[&str], environment: &[(&str, &str)]| {
        let tls = resolve(flags, environment).unwrap().0.serve.tls;
        [tls.tls_certificate, tls.tls_key, tls.tls_client_ca]
            .map(|file| file.map(|file| file.display().to_string()))
    };
    let all = [Some("c".to_owned()), Some("k".to_owned()), Some("a".to_owned())];
    assert_eq!(tls(&["--cert=c", "--key=k", "--ca=a"], &[]), all);
    let variables = [("NEW_RELIC_MTLS_CERT", "c"), ("NEW_RELIC_MTLS_KEY", "k"), ("NEW_RELIC_MTLS_CA", "a")];
    assert_eq!(tls(&[], &variables), all);
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let by_system = tls(&["--cert=c", "--key=k"], &[("SSL_CERT_FILE", own)]);
    assert_eq!(by_system[2].as_deref(), Some(own), "never without an authority");
    assert_eq!(resolve(&["--cert=c"], &[]).unwrap_err(), ArgsError::HalfTls);
    assert_eq!(resolve(&[], &[("NEW_RELIC_MTLS_KEY", "k")]).unwrap_err(), ArgsError::HalfTls);
}

#[test]
fn a_key_on_the_command_line_is_taken_and_not_shown() {
    let (_, defaults) = resolve(&["0123456789secret"], &[]).unwrap();
    assert_eq!(defaults.api_key.as_ref().unwrap().expose(), "0123456789secret");
    assert!(!format!("{defaults:?}").contains("secret"));
}

#[test]
fn what_is_wrong_is_named() {
    let check = |flags: &[&str], environment: &[(&str, &str)], wanted: &str| {
        let text = resolve(flags, environment).unwrap_err().to_string();
        assert!(text.contains(wanted), "{text}");
    };
    check(&[], &[("NEW_RELIC_PORT", "http")], "NEW_RELIC_PORT");
    check(&["--harvest-period=5"], &[], "--harvest-period");
    check(&["--harvest-period=1ms"], &[], "100ms");
    check(&["--metrics-host=metric-api.newrelic.com"], &[], "--metrics-host");
    check(&[], &[("NEW_RELIC_SPANS_HOST", "x")], "NEW_RELIC_SPANS_HOST");
}

#[test]
fn the_flags_of_every_adapter_stand_beside() {
    let (args, _) = resolve(&["--address=127.0.0.1:9", "-p", "1", "--logLevel=warn"], &[]).unwrap();
    assert_eq!(args.serve.address, Some(ListenAddress::Tcp("127.0.0.1:9".to_owned())));
    assert_eq!(args.serve.log_level, "warn");
    let (args, defaults) = resolve(&["manifest"], &[("NEW_RELIC_PORT", "1")]).unwrap();
    assert!(args.command.is_some() && defaults.api_key.is_none());
}
