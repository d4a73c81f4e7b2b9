//! Lets pass only calls that bring the right token, when one is asked for. Mixer sends it as `authorization: TOKEN`
//! (PLAIN), `authorization: Bearer TOKEN` (BEARER) or in a header of a name of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use tonic::Status;

use super::error::ServeError;
use super::metrics::{Metrics, refused};
use crate::secret::Secret;

/// Probes do not know the token.
const OPEN: &str = "/grpc.health.v1.Health/";

/// The flags of the token check.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(rename_all = "camelCase")]
pub struct AuthArgs {
    /// Calls must bring the token that this file holds, as `authorization: TOKEN`, `authorization: Bearer TOKEN` or in
    /// the header of --authHeader. Of several lines each is a token, so that one can be replaced by another. The file
    /// is read again when it changes. Health checks need no token.
    #[arg(long, value_name = "FILE")]
    pub auth_token_file: Option<PathBuf>,

    /// The header that holds nothing but the token, in place of `authorization`.
    #[arg(long, value_name = "NAME", requires = "auth_token_file")]
    pub auth_header: Option<HeaderName>,
}

impl AuthArgs {
    /// The files that are watched.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.auth_token_file.iter().cloned().collect()
    }
}

/// Checks tokens.
#[derive(Debug)]
pub(super) struct Guard {
    file: PathBuf,
    header: Option<HeaderName>,
    tokens: ArcSwap<Vec<Secret>>,
    metrics: Arc<Metrics>,
}

impl Guard {
    /// The guard that the flags ask for, if any.
    pub(super) fn new(args: &AuthArgs, metrics: &Arc<Metrics>) -> Result<Option<Arc<Self>>, ServeError> {
        let Some(file) = args.auth_token_file.clone() else { return Ok(None) };
        let tokens = ArcSwap::from_pointee(read(&file)?);
        Ok(Some(Arc::new(Self { file, header: args.auth_header.clone(), tokens, metrics: metrics.clone() })))
    }

    pub(super) fn reload(&self) -> Result<(), ServeError> {
        self.tokens.store(Arc::new(read(&self.file)?));
        Ok(())
    }

    /// Why a call of this path may not pass.
    pub(super) fn refuse(&self, path: &str, headers: &HeaderMap) -> Option<Status> {
        if path.starts_with(OPEN) {
            return None;
        }
        let name = self.header.as_ref().unwrap_or(&AUTHORIZATION);
        let found = headers.get(name).map(HeaderValue::as_bytes);
        let message = match found {
            Some(value) if self.passes(value) => return None,
            Some(_) => format!("the token in the header {name} is not the right one"),
            None => format!("the call has no header {name}; it must hold the token of this adapter"),
        };
        self.metrics.refused(refused::UNAUTHENTICATED);
        Some(Status::unauthenticated(message))
    }

    fn passes(&self, value: &[u8]) -> bool {
        let bearer = match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(token),
            _ => None,
        };
        let tokens = self.tokens.load();
        tokens.iter().any(|token| {
            token.matches(value)
                || (self.header.is_none() && bearer.is_some_and(|bearer| token.matches(bearer)))
        })
    }
}

fn read(file: &Path) -> Result<Vec<Secret>, ServeError> {
    let failed = |message: String| ServeError::Token { file: file.to_owned(), message };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let tokens: Vec<Secret> = lines.map(Secret::from).collect();
    if tokens.is_empty() {
        return Err(failed("it holds no token".to_owned()));
    }
    Ok(tokens)
}
