//! `mixgen conform` as its manual shows it, and what the command line of it can be.

use std::net::SocketAddr;
use std::path::Path;

use mixer_adapter_sdk::{AuthArgs, ServeArgs, Server, TlsArgs};
use mixer_adapter_test::{Program, Running};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::runtime::Runtime;

use crate::program::{Folder, Run, workspace};

/// Where the adapters of the manual are.
const ADDRESS: &str = "127.0.0.1:9080";

/// Executes the commands of the manual.
struct Shell {
    runtime: Runtime,
    folder: Folder,
    adapter: Program,
    running: Option<Running>,
}

impl Shell {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let adapter = runtime.block_on(Program::of_package("mixer-list-adapter")).unwrap();
        Self { runtime, folder: Folder::new(), adapter, running: None }
    }

    fn execute(&mut self, command: &str) -> String {
        let words = shlex::split(command).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match &words[..] {
            ["mixgen", arguments @ ..] => {
                let address = self.running.as_ref().map(|running| running.address().to_owned());
                let address = address.unwrap_or_default();
                let arguments: Vec<String> =
                    arguments.iter().map(|word| word.replace(ADDRESS, &address)).collect();
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let Run { out, err, .. } = self.folder.run(&arguments);
                let told = format!("{out}{err}");
                if address.is_empty() { told } else { told.replace(&address, ADDRESS) }
            }
            ["mixer-list-adapter", arguments @ .., ">", file] => {
                let output = std::process::Command::new(self.adapter.path()).args(arguments).output();
                self.folder.write(file, output.unwrap().stdout);
                String::new()
            }
            ["mixer-list-adapter", "--address=127.0.0.1:9080", arguments @ .., "&"] => {
                let adapter = arguments.iter().fold(self.adapter.clone(), |adapter, argument| {
                    let folder = self.folder.path().display();
                    adapter.argument(argument.replace("--dryRun=", &format!("--dryRun={folder}/")))
                });
                self.running = Some(self.runtime.block_on(adapter.start()).unwrap());
                String::new()
            }
            ["kill", "%1"] => {
                assert!(self.running.take().is_some(), "nothing runs");
                String::new()
            }
            other => panic!("the manual has a command that the test does not know: {other:?}"),
        }
    }
}

/// Every command of the manual gives the output that stands below it; `UPDATE_GOLDENS=1` writes it there.
#[test]
fn the_manual_is_true() {
    let file = workspace().join("docs/conformance.md");
    let manual = std::fs::read_to_string(&file).unwrap();
    let mut shell = Shell::new();
    let mut commands = 0;
    let mut made = String::new();
    // Every second part of the text between fences is a block.
    for (index, part) in manual.split("\n```").enumerate() {
        let separator = if index == 0 { "" } else { "\n```" };
        made.push_str(separator);
        let Some(content) = part.strip_prefix("console\n") else {
            made.push_str(part);
            continue;
        };
        made.push_str("console");
        for step in format!("\n{content}").split("\n$ ").skip(1) {
            let command = step.lines().next().unwrap();
            let output = shell.execute(command);
            made.push_str(&format!("\n$ {command}\n{}", output.trim_end()));
            made.truncate(made.trim_end().len());
            commands += 1;
        }
    }
    assert_eq!(commands, 9);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&file, &made).unwrap();
    } else {
        assert!(made == manual, "docs/conformance.md is not what happens, which is\n{made}");
    }
}

#[test]
fn every_case_passes_that_the_manual_shows() {
    let manual = std::fs::read_to_string(workspace().join("docs/conformance.md")).unwrap();
    let told = |word: &str| manual.lines().filter(|line| line.starts_with(word)).count();
    assert!(told("pass  ") > 8 && told("skip  ") == 4 && told("FAIL  ") == 0, "{manual}");
}

/// The list adapter behind mutual TLS and a token, with the files that a caller needs in a folder.
fn secured(runtime: &Runtime, folder: &Folder) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["adapter.example.com".to_owned()]).unwrap();
    folder.write("ca.pem", authority.pem());
    folder.write("cert.pem", params.signed_by(&key, &authority).unwrap().pem());
    folder.write("key.pem", key.serialize_pem());
    folder.write("token", "s3cret\n");
    let path = |name: &str| Some(Path::join(folder.path(), name));
    let tls = TlsArgs {
        tls_certificate: path("cert.pem"),
        tls_key: path("key.pem"),
        tls_client_ca: path("ca.pem"),
        ..TlsArgs::default()
    };
    let auth = AuthArgs { auth_token_file: path("token"), auth_header: None };
    let args = ServeArgs { tls, auth, no_monitoring: true, ..ServeArgs::default() };
    let server = runtime.block_on(Server::of(mixer_list_adapter::process(), args)).unwrap();
    let address = server.address().to_string();
    runtime.spawn(server.run(std::future::pending()));
    address
}

#[test]
fn flags_of_tls_and_tokens() {
    let (runtime, folder) = (Runtime::new().unwrap(), Folder::new());
    let address = secured(&runtime, &folder);
    let call = ["conform", "--address", &address, "--params", "{overrides: [conform]}"];
    let call = [&call[..], &["--resources", "adapter.yaml", "--json", "--only", "call,security"]].concat();
    folder.write("adapter.yaml", mixer_list_adapter::process().manifest(&Default::default()).unwrap());
    let tls = ["--tls_ca", "ca.pem", "--tls_server_name", "adapter.example.com"];
    let identity = ["--tls_cert", "cert.pem", "--tls_key", "key.pem"];
    for token in [&["--token_file", "token"][..], &["--token_file", "token", "--token_plain"]] {
        let out = folder.done(&[&call[..], &tls, &identity, token].concat());
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (&report["passed"], &report["failed"], &report["skipped"]),
            (&7.into(), &0.into(), &0.into())
        );
    }
    let failed = |arguments: &[&[&str]]| {
        let run = folder.run(&[&[&call[..]], arguments].concat().concat());
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        (run.code, report["failed"].as_i64().unwrap(), run.err)
    };
    // Without a token, with it in a header at which the adapter does not look, without a certificate.
    assert_eq!(failed(&[&tls, &identity]), (1, 2, "2 of 7 cases failed\n".to_owned()));
    let header = ["--token_file", "token", "--token_header", "x-token"];
    assert_eq!(failed(&[&tls, &identity, &header]).1, 2);
    assert_eq!(failed(&[&tls]), (1, 1, "1 of 8 cases failed\n".to_owned()));
}

#[test]
fn mistakes() {
    let folder = Folder::with(&[
        ("bad.yaml", "a: ["),
        (
            "two.yaml",
            "apiVersion: config.istio.io/v1alpha2\nkind: adapter\nmetadata: {name: a}\nspec: {templates: [metric]}\n---\napiVersion: config.istio.io/v1alpha2\nkind: adapter\nmetadata: {name: b}\nspec: {templates: [metric]}\n",
        ),
        ("empty", " "),
    ]);
    let at = ["conform", "--address", "127.0.0.1:1"];
    for (arguments, expected) in [
        (&["conform"][..], "--address"),
        (&["conform", "--list", "--only", "nosuch"], "no case is called \"nosuch\""),
        (&[&at[..], &["--only", "nosuch"]].concat(), "no case is called \"nosuch\""),
        (&[&at[..], &["--resources", "missing.yaml"]].concat(), "cannot read missing.yaml"),
        (&[&at[..], &["--resources", "bad.yaml"]].concat(), "bad.yaml"),
        (&[&at[..], &["--resources", "two.yaml"]].concat(), "a and b are two adapters"),
        (&[&at[..], &["--params", "a: ["]].concat(), "--params"),
        (&[&at[..], &["--observe", "https://a/metrics"]].concat(), "https:// cannot be scraped"),
        (&[&at[..], &["--tls_cert", "empty"]].concat(), "--tls_ca"),
        (&[&at[..], &["--tls_ca", "empty"]].concat(), "it holds no certificate"),
        (&[&at[..], &["--token_file", "empty"]].concat(), "the token is empty"),
        (&[&at[..], &["--token_plain"]].concat(), "--token_file"),
    ] {
        let error = folder.refused(arguments);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

/// An adapter that is not there fails, with what to look at.
#[test]
fn nobody_is_there() {
    let port = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = port.local_addr().unwrap().to_string();
    drop(port);
    let run = Folder::new().run(&["conform", "--address", &address, "--only", "call"]);
    assert_eq!((run.code, run.err.as_str()), (1, "1 of 1 cases failed\n"), "{}", run.out);
    assert!(run.out.starts_with("FAIL  reachable") && run.out.contains("Connection refused"), "{}", run.out);
}
