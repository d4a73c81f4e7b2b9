//! `mixgen conform`: the conformance suite, against an adapter that runs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use http::HeaderName;
use mixer_adapter_test::conform::{
    self, Needs, Observe, Options, Report, Target, TlsFiles, TokenHeader, cases,
};

/// Examines an adapter, in whatever language it is written, at its gRPC address: whether it does with what Mixer sends
/// what an adapter has to.
///
/// A table tells each case: pass, FAIL with what happened instead, or skip with the reason. The exit code is 1 when a
/// case fails, or when none passes. What the adapter offers is found in its resources, by its reflection, or by trying
/// the shipped templates. Instances are called conform.instance.conform: a configuration that names instances has to
/// name that one.
#[derive(clap::Args, Debug)]
pub(crate) struct ConformArgs {
    /// Where the adapter serves gRPC: host:port or unix:///path.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "list")]
    address: Option<String>,
    /// What operators apply, as YAML: the `adapter`, its own `template` resources, and perhaps a `handler`, whose `params`
    /// the calls carry. Other kinds are passed over. `-` is standard input.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    resources: Vec<PathBuf>,
    /// The `params` of the handler, as YAML or JSON, in place of those of --resources.
    #[arg(long, value_name = "YAML")]
    params: Option<String>,
    /// Where it shows what arrived: the file to which its dry run appends, or the http:// URL of its Prometheus text
    /// endpoint. Without it nothing is claimed about values.
    #[arg(long, value_name = "FILE|URL", value_parser = observe)]
    observe: Option<Observe>,
    /// Cases to run, by id (quota.name) or by what stands before the dot (quota); separated by commas.
    #[arg(long, value_name = "CASES", value_delimiter = ',')]
    only: Vec<String>,
    /// Full name of the instances that are sent.
    #[arg(long, value_name = "NAME", default_value = "conform.instance.conform")]
    instance: String,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
    /// Prints the cases, and runs none.
    #[arg(long, conflicts_with_all = ["address", "json"])]
    list: bool,
    #[command(flatten)]
    tls: Tls,
    #[command(flatten)]
    token: Token,
}

/// TLS.
#[derive(clap::Args, Debug)]
struct Tls {
    /// Speaks TLS: certificates of the authorities of which the adapter's certificate has to be, PEM.
    #[arg(long = "tls_ca", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Mutual TLS: the certificate to show, with everything up to the authority, PEM.
    #[arg(long = "tls_cert", value_name = "FILE", requires_all = ["ca", "key"])]
    cert: Option<PathBuf>,
    /// The private key of --tls_cert, PEM.
    #[arg(long = "tls_key", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// What the adapter's certificate names when it is not the host of --address: a DNS name or a SPIFFE id.
    #[arg(long = "tls_server_name", value_name = "NAME", requires = "ca")]
    server_name: Option<String>,
}

/// Tokens.
#[derive(clap::Args, Debug)]
struct Token {
    /// Every call brings the token that this file holds, as `authorization: Bearer TOKEN`.
    #[arg(long = "token_file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// It comes as `authorization: TOKEN`, the PLAIN of Mixer.
    #[arg(long = "token_plain", requires = "file", conflicts_with = "header")]
    plain: bool,
    /// It comes alone in a header of this name, the customHeader of Mixer.
    #[arg(long = "token_header", value_name = "NAME", requires = "file")]
    header: Option<HeaderName>,
}

fn observe(text: &str) -> Result<Observe, String> {
    match text.split_once("://") {
        Some((scheme, _)) if scheme != "http" => {
            Err(format!("{scheme}:// cannot be scraped; give an http:// URL, or a file"))
        }
        _ => Ok(Observe::parse(text)),
    }
}

pub(crate) fn run(args: &ConformArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if args.list {
        return Ok(out.write_all(list(&args.only)?.as_bytes())?);
    }
    let report = examine(args)?;
    match args.json {
        true => writeln!(out, "{}", report.json())?,
        false => writeln!(out, "{report}")?,
    }
    match (report.failed, report.passed) {
        (0, 0) => bail!("no case passed, so nothing is claimed"),
        (0, _) => Ok(()),
        (failed, _) => bail!("{failed} of {} cases failed", report.cases.len()),
    }
}

/// Every case, or those that were named: id, how it is seen, sentence.
fn list(only: &[String]) -> anyhow::Result<String> {
    let only = conform::select(only)?;
    let listed = || cases().iter().filter(|case| only.is_empty() || only.contains(&case.id));
    let width = listed().map(|case| case.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for case in listed() {
        let seen = match case.needs {
            Needs::Protocol => "answer",
            Needs::ProtocolAndObservation => "answer, values",
            Needs::Observation => "values",
        };
        text.push_str(&format!("{:width$}  {seen:14}  {}\n", case.id, case.sentence));
    }
    Ok(text)
}

fn examine(args: &ConformArgs) -> anyhow::Result<Report> {
    let target = target(args)?;
    let options =
        Options { instance: args.instance.clone(), only: conform::select(&args.only)?, ..Options::default() };
    let observe = args.observe.clone().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(conform::run(target, &observe, options)))
}

/// What is known of the adapter.
fn target(args: &ConformArgs) -> anyhow::Result<Target> {
    let mut files = Vec::new();
    for path in &args.resources {
        files.push((path.display().to_string(), read(path)?));
    }
    let mut target = Target::new(args.address.clone().unwrap_or_default());
    target = target.files(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
    if let Some(params) = &args.params {
        target = target.params(params).context("--params")?;
    }
    if let Some(ca) = args.tls.ca.clone() {
        let identity = args.tls.cert.clone().zip(args.tls.key.clone());
        target = target.tls(&TlsFiles { ca, identity, server_name: args.tls.server_name.clone() })?;
    }
    if let Some(file) = &args.token.file {
        let header = match &args.token {
            Token { plain: true, .. } => TokenHeader::Plain,
            Token { header: Some(header), .. } => TokenHeader::Custom(header.clone()),
            _ => TokenHeader::Bearer,
        };
        let token = target.token(&read(file)?, &header);
        target = token.with_context(|| format!("--token_file {}", file.display()))?;
    }
    Ok(target)
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
