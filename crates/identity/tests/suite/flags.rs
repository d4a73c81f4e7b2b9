//! What the flags of TLS mean together.

use std::time::Duration;

use clap::{Args as _, FromArgMatches as _};
use mixer_identity::{Authorities, ClientPolicy, ServerOptions, Source, TlsArgs};

use crate::support::{MIXER, ids};

fn plan(args: &[&str]) -> Result<Option<(Source, ServerOptions)>, String> {
    let command = TlsArgs::augment_args(clap::Command::new("test").no_binary_name(true));
    let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
    let args = TlsArgs::from_arg_matches(&matches).map_err(|error| error.to_string())?;
    args.plan(Duration::from_secs(10)).map_err(|error| error.to_string())
}

fn clients(args: &[&str]) -> ClientPolicy {
    plan(args).unwrap().unwrap().1.clients
}

#[test]
fn nothing_means_plaintext_and_everything_else_is_what_it_says() {
    assert_eq!(plan(&[]), Ok(None));
    let (source, options) = plan(&["--tlsCertificate=c", "--tlsKey=k"]).unwrap().unwrap();
    assert_eq!((options.clients, options.permissive), (ClientPolicy::Anybody, false));
    assert!(matches!(source, Source::Files(files) if files.authorities == Authorities::None));
    let files = ["--tlsCertificate=c", "--tlsKey=k", "--tlsClientCa=a"];
    assert_eq!(clients(&files), ClientPolicy::Certificate(Vec::new()));
    let allowed = ["--tlsSds=unix:///s", &format!("--tlsAllowedClient={MIXER},a.example.com")];
    assert_eq!(clients(&allowed), ClientPolicy::Certificate(ids(&[MIXER, "a.example.com"])));
    let (source, _) = plan(&["--tlsSds=unix:///s"]).unwrap().unwrap();
    let Source::Sds(sds) = source else { panic!("{source:?}") };
    assert_eq!((sds.certificate.as_deref(), sds.authorities.as_deref()), (Some("default"), Some("ROOTCA")));
    let (source, _) =
        plan(&["--tlsSds=/s", "--tlsSdsCertificate=a", "--tlsSdsAuthorities=b"]).unwrap().unwrap();
    let Source::Sds(sds) = source else { panic!("{source:?}") };
    assert_eq!((sds.certificate.as_deref(), sds.authorities.as_deref()), (Some("a"), Some("b")));
    assert_eq!(clients(&["--tlsWorkloadApi=unix:///s"]), ClientPolicy::Certificate(Vec::new()));
    assert_eq!(clients(&["--tlsWorkloadApi=unix:///s", "--tlsAnyClient"]), ClientPolicy::Anybody);
    assert!(plan(&["--tlsWorkloadApi=/s", "--tlsPermissive"]).unwrap().unwrap().1.permissive);
}

#[test]
fn flags_that_would_protect_nothing_are_refused() {
    for (args, part) in [
        (&["--tlsKey=k"][..], "--tlsCertificate"),
        (&["--tlsCertificate=c"], "--tlsKey"),
        (&["--tlsAllowedClient=a.example.com"], "needs a certificate"),
        (&["--tlsPermissive"], "needs a certificate"),
        (&["--tlsAnyClient"], "needs a certificate"),
        (&["--tlsCertificate=c", "--tlsKey=k", "--tlsAllowedClient=a.example.com"], "--tlsClientCa"),
        (&["--tlsSds=/s", "--tlsWorkloadApi=/s"], "cannot be used with"),
        (&["--tlsSds=/s", "--tlsCertificate=c", "--tlsKey=k"], "cannot be used with"),
        (&["--tlsSds=tcp://1.2.3.4:5"], "no socket file"),
        (&["--tlsSds=/s", "--tlsAnyClient", "--tlsAllowedClient=a.b"], "cannot be used with"),
        (&["--tlsSds=/s", "--tlsAllowedClient=*"], "neither a SPIFFE id"),
    ] {
        let error = plan(args).unwrap_err();
        assert!(error.contains(part), "{args:?}: {error}");
    }
}
