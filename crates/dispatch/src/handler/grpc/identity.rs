//! Who is at both ends of a handler's connections: from its configuration to TLS and tokens that renew themselves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mixer_config::snapshot::{Authentication, Certificates, ExpectedServer};
use mixer_identity::{
    Authorities, ClientTls, Credentials, Expected, Files, KeyPair, Refused, Sds, ServerName, SocketPath,
    Source, Update,
};

use super::target::Target;
use super::token::Tokens;
use crate::metrics::IdentityCounters;

/// What becomes of one handler's certificates, tokens and handshakes is counted here.
#[derive(Clone, Debug)]
pub(crate) struct IdentityMetrics {
    /// Handler, adapter and address, for messages.
    pub(super) who: String,
    handler: Arc<str>,
    counters: IdentityCounters,
}

impl IdentityMetrics {
    /// For a handler.
    pub(crate) fn new(who: String, handler: Arc<str>, counters: IdentityCounters) -> Self {
        Self { who, handler, counters }
    }

    /// A handshake failed.
    pub(super) fn refused(&self, refused: &Refused) {
        self.counters.refused.with_label_values(&[&*self.handler, refused.reason.label()]).inc();
    }

    /// There is another token, or there should have been one.
    pub(super) fn token_updated(&self, is_ok: bool) {
        self.counters.tokens.with_label_values(&[&*self.handler, result(is_ok)]).inc();
    }

    fn certificates_updated(&self, update: &Update) {
        let is_ok = matches!(update, Update::Loaded(_));
        self.counters.certificates.with_label_values(&[&*self.handler, result(is_ok)]).inc();
        if let Update::Loaded(material) = update
            && let Some(until) = material.not_after()
        {
            self.counters.expiry.with_label_values(&[&*self.handler]).set(until);
        }
    }
}

fn result(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "failed" }
}

/// How identity is established.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdentityOptions {
    /// How often files are looked at.
    pub(crate) reload_interval: Duration,
    /// Whether the original's comparison of SPIFFE ids is left out, as its environment variable says.
    pub(crate) ids_unchecked: bool,
    /// Whether there have to be certificates and a token now; else they are waited for by the calls.
    pub(crate) strict: bool,
    /// The longest wait for them.
    pub(crate) timeout: Duration,
}

/// Both ends of a handler's connections.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) tls: ClientTls,
    pub(super) tokens: Option<Tokens>,
}

impl Identity {
    /// Begins to follow certificates and tokens.
    ///
    /// # Errors
    /// The server has no name that could be checked, or there is nothing to show although there should be.
    pub(super) async fn start(
        config: &Authentication,
        target: &Target,
        metrics: &IdentityMetrics,
        options: IdentityOptions,
    ) -> Result<Self, String> {
        let name = config.server_name.clone().unwrap_or_else(|| target.host());
        let name = ServerName::try_from(name.trim_end_matches('.').to_owned())
            .map_err(|_| format!("connection: {name:?} is no host name; set authentication's serverName"))?;
        let expected = match &config.expected {
            ExpectedServer::Ids(ids) => Expected::Ids(ids.clone()),
            ExpectedServer::Host => Expected::Host(name.clone()),
            ExpectedServer::OwnId if options.ids_unchecked => Expected::Anybody,
            ExpectedServer::OwnId => Expected::OwnId,
            ExpectedServer::OwnIdOrHost => Expected::OwnIdOrHost(name.clone()),
        };
        let source = source(&config.certificates, options.reload_interval)?;
        let noting = metrics.clone();
        let on_update = Box::new(move |update: &Update| noting.certificates_updated(update));
        let credentials = Credentials::start(source, metrics.who.clone(), on_update).await;
        let tokens = match &config.token {
            None => None,
            Some(token) => {
                let authorities = authorities(&config.certificates).map(Path::new);
                Some(Tokens::start(token, authorities, options.reload_interval, metrics.clone())?)
            }
        };
        if options.strict {
            let late =
                |what: &str| format!("connection.authentication: no {what} within {:?}", options.timeout);
            let settled = tokio::time::timeout(options.timeout, credentials.settled()).await;
            settled
                .map_err(|_| late("certificates"))?
                .map_err(|reason| format!("connection.authentication: {reason}"))?;
            if let Some(tokens) = &tokens {
                let got = tokio::time::timeout(options.timeout, tokens.get()).await;
                got.map_err(|_| late("token"))?
                    .map_err(|reason| format!("connection.authentication: {reason}"))?;
            }
        }
        Ok(Self { tls: ClientTls::new(credentials, name, expected), tokens })
    }
}

fn authorities(certificates: &Certificates) -> Option<&str> {
    match certificates {
        Certificates::Files { authorities, .. } => authorities.as_deref(),
        Certificates::Sds { .. } | Certificates::WorkloadApi { .. } => None,
    }
}

fn source(certificates: &Certificates, every: Duration) -> Result<Source, String> {
    let socket = |text: &str| {
        text.parse::<SocketPath>().map_err(|error| format!("connection.authentication: {error}"))
    };
    Ok(match certificates {
        Certificates::Files { own, authorities, with_system } => Source::Files(Files {
            own: own
                .as_ref()
                .map(|own| KeyPair { certificate: (&own.certificate).into(), key: (&own.key).into() }),
            authorities: match authorities {
                None => Authorities::System,
                Some(file) if *with_system => Authorities::FileAndSystem(file.into()),
                Some(file) => Authorities::File(file.into()),
            },
            every,
        }),
        Certificates::Sds { socket: path, certificate, authorities } => Source::Sds(Sds {
            socket: socket(path)?,
            certificate: Some(certificate.clone()),
            authorities: Some(authorities.clone()),
        }),
        Certificates::WorkloadApi { socket: path } => Source::WorkloadApi(socket(path)?),
    })
}
