//! The flags and environment variables of the original adapter, beside those that every adapter has.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mixer_adapter_sdk::{AdapterArgs, Secret};

use crate::defaults::Defaults;
use crate::endpoints::{Api, parse_url};

/// Where systems keep the certificates of the authorities that they trust.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Sends metrics, spans, log entries and events to New Relic.
///
/// What the first flags say counts for handlers that do not say it themselves.
#[derive(Clone, Debug, Parser)]
#[command(version, max_term_width = 110)]
pub struct Args {
    /// Ingest license key. Everyone on the machine can read it here: better use the variable NEW_RELIC_API_KEY, or
    /// api_key_file of a handler.
    #[arg(value_name = "API-KEY", hide_short_help = true)]
    api_key: Option<String>,

    /// Port of gRPC on all interfaces; short for --address=:PORT. Variable NEW_RELIC_PORT.
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,

    /// Adds cluster.name to everything. Variable NEW_RELIC_CLUSTER_NAME.
    #[arg(long = "cluster-name", value_name = "NAME")]
    cluster_name: Option<String>,

    /// As --logLevel, with the words debug, info, warn, error, fatal and none. Variable NEW_RELIC_LOG_LEVEL.
    #[arg(long = "log-level", value_name = "LEVEL")]
    level: Option<String>,

    /// Time between two harvests. Variable NEW_RELIC_HARVEST_PERIOD.
    #[arg(long = "harvest-period", value_name = "DURATION")]
    harvest_period: Option<String>,

    /// URL of the Metric API. Variable NEW_RELIC_METRICS_HOST.
    #[arg(long = "metrics-host", value_name = "URL")]
    metrics_host: Option<String>,

    /// URL of the Trace API. Variable NEW_RELIC_SPANS_HOST.
    #[arg(long = "spans-host", value_name = "URL")]
    spans_host: Option<String>,

    /// As --tlsCertificate. With it and --key clients need a certificate. Variable NEW_RELIC_MTLS_CERT.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// As --tlsKey. Variable NEW_RELIC_MTLS_KEY.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// As --tlsClientCa; by default the authorities of the system. Variable NEW_RELIC_MTLS_CA.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    #[command(flatten)]
    adapter: AdapterArgs,
}

/// A flag or variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Its value is not one.
    #[error("{flag} (or {variable}) {problem}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// The variable that says the same.
        variable: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// TLS with half of what it needs.
    #[error(
        "--cert and --key (NEW_RELIC_MTLS_CERT and NEW_RELIC_MTLS_KEY) belong together; one of them is missing"
    )]
    HalfTls,
    /// Nobody says which clients may call.
    #[error(
        "--cert and --key ask for certificates of clients, and the system has no authorities; name them with --ca"
    )]
    NoAuthorities,
}

impl Args {
    /// The flags of this process.
    pub fn from_process() -> Self {
        Self::parse()
    }

    /// The whole `main` of the program.
    pub fn main(self) -> ExitCode {
        let exposed = self.api_key.is_some();
        match self.resolve(|name| std::env::var(name).ok()) {
            Ok((args, defaults)) => {
                let process = crate::process_with(defaults).on_start(move || async move {
                    if exposed {
                        tracing::warn!(
                            "the key is on the command line, where everyone on the machine can read it; use the variable NEW_RELIC_API_KEY or api_key_file"
                        );
                    }
                    Ok::<_, std::convert::Infallible>(())
                });
                process.main_with(args)
            }
            Err(error) => {
                // Where else could it be told?
                let _ = writeln!(std::io::stderr(), "error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    /// What the flags mean together with an environment. Flags go before variables.
    ///
    /// # Errors
    ///
    /// A value that is not one.
    pub fn resolve(
        mut self,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(AdapterArgs, Defaults), ArgsError> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        self.fill(lookup)?;
        let harvest_period = self.harvest_period.as_deref().map(parse_period).transpose()?;
        let url = |flag, variable, api, text: Option<&String>| {
            let parsed = text.map(|text| parse_url(api, text)).transpose();
            parsed.map_err(|problem| ArgsError::Value { flag, variable, problem })
        };
        let metrics = self.metrics_host.as_ref();
        let metrics_url = url("--metrics-host", "NEW_RELIC_METRICS_HOST", Api::Metric, metrics)?;
        let spans = self.spans_host.as_ref();
        let spans_url = url("--spans-host", "NEW_RELIC_SPANS_HOST", Api::Trace, spans)?;
        let defaults = Defaults {
            api_key: self.api_key.take().map(|key| Secret::from(key.trim())),
            cluster_name: self.cluster_name.take(),
            harvest_period,
            metrics_url,
            spans_url,
        };
        self.serve(lookup)?;
        Ok((self.adapter, defaults))
    }

    /// Takes from the environment what no flag says.
    fn fill(&mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<(), ArgsError> {
        if self.port.is_none()
            && let Some(port) = lookup("NEW_RELIC_PORT")
        {
            let parsed = port.trim().parse();
            self.port = Some(parsed.map_err(|_| ArgsError::Value {
                flag: "--port",
                variable: "NEW_RELIC_PORT",
                problem: format!("is {port:?}, which is no port"),
            })?);
        }
        let texts = [
            (&mut self.cluster_name, "NEW_RELIC_CLUSTER_NAME"),
            (&mut self.level, "NEW_RELIC_LOG_LEVEL"),
            (&mut self.harvest_period, "NEW_RELIC_HARVEST_PERIOD"),
            (&mut self.metrics_host, "NEW_RELIC_METRICS_HOST"),
            (&mut self.spans_host, "NEW_RELIC_SPANS_HOST"),
        ];
        for (value, name) in texts {
            *value = value.take().or_else(|| lookup(name));
        }
        let files = [
            (&mut self.cert, "NEW_RELIC_MTLS_CERT"),
            (&mut self.key, "NEW_RELIC_MTLS_KEY"),
            (&mut self.ca, "NEW_RELIC_MTLS_CA"),
        ];
        for (file, name) in files {
            *file = file.take().or_else(|| lookup(name).map(PathBuf::from));
        }
        Ok(())
    }

    /// Says the same in the flags that every adapter has.
    fn serve(&mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<(), ArgsError> {
        let serve = &mut self.adapter.serve;
        if let Some(port) = self.port {
            *serve = serve.clone().with_default_port(port);
        }
        if let Some(level) = &self.level {
            serve.log_level = filter(level.trim()).to_owned();
        }
        match (self.cert.take(), self.key.take()) {
            (None, None) => {}
            (Some(certificate), Some(key)) => {
                let system = || {
                    let named = lookup("SSL_CERT_FILE").map(PathBuf::from);
                    let known = SYSTEM_AUTHORITIES.into_iter().map(PathBuf::from);
                    named.into_iter().chain(known).find(|file| Path::is_file(file))
                };
                let ca = self.ca.take().or_else(system).ok_or(ArgsError::NoAuthorities)?;
                serve.tls.tls_certificate = Some(certificate);
                serve.tls.tls_key = Some(key);
                serve.tls.tls_client_ca = Some(ca);
            }
            _ => return Err(ArgsError::HalfTls),
        }
        Ok(())
    }
}

/// The words of the original, and any other filter as it is.
fn filter(level: &str) -> &str {
    match level {
        "fatal" => "error",
        "none" => "off",
        other => other,
    }
}

fn parse_period(text: &str) -> Result<Duration, ArgsError> {
    let parsed = text.trim().parse::<mixer_adapter_sdk::Duration>().ok().and_then(|period| period.to_std());
    let usable = parsed.filter(|period| *period >= Duration::from_millis(100));
    usable.ok_or_else(|| ArgsError::Value {
        flag: "--harvest-period",
        variable: "NEW_RELIC_HARVEST_PERIOD",
        problem: format!("is {text:?}; write a time of at least 100ms, such as 5s"),
    })
}

#[cfg(test)]
mod tests;
