//! The token of a handler's calls: fetched before the first call needs it, renewed before it expires and when the adapter
//! refuses it. One request for all calls.

mod file;
mod oauth;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mixer_config::snapshot::{Token, TokenHeader, TokenSource};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tonic::metadata::{Ascii, AsciiMetadataKey, MetadataValue};

use super::backoff::Backoff;
use super::identity::IdentityMetrics;
use crate::RateLimitedLog;
use file::FileSource;
use oauth::OAuthSource;

/// The longest that a call whose token was refused waits for another one.
const RENEWAL: Duration = Duration::from_secs(2);

/// A token as it goes into the header. It is marked sensitive, so that it is never shown.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) value: MetadataValue<Ascii>,
    expires: Option<Instant>,
    fetched: Instant,
}

/// What a source gave.
struct Fresh {
    token: String,
    /// How the source wants it to be called: `Bearer`.
    kind: String,
    /// How long it counts; none when nobody said.
    lifetime: Option<Duration>,
    /// When to ask again.
    refresh: Duration,
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// Whether there was a fetch.
    is_settled: bool,
    /// How many requests to renew had been made before the last fetch began.
    answered: u64,
    token: Option<Issued>,
    /// Why the last fetch failed.
    trouble: Option<Arc<str>>,
}

/// The tokens of one handler.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) header: AsciiMetadataKey,
    known: watch::Receiver<Known>,
    renew: Arc<Renew>,
    /// A token that is younger than this is not worth another request.
    spacing: Duration,
    _renewing: AbortOnDropHandle<()>,
}

/// Asks for another token.
#[derive(Debug, Default)]
struct Renew {
    asked: AtomicU64,
    wake: Notify,
}

enum Source {
    File(FileSource),
    OAuth(Box<OAuthSource>),
}

impl Source {
    async fn fetch(&mut self) -> Result<Fresh, String> {
        match self {
            Self::File(source) => source.fetch().await,
            Self::OAuth(source) => source.fetch().await,
        }
    }
}

impl Tokens {
    /// Begins to fetch tokens on the current runtime. `authorities` is a file of those that the token endpoint's certificate
    /// may be of, besides those of the system.
    ///
    /// # Errors
    /// The header's name cannot be one.
    pub(super) fn start(
        config: &Token,
        authorities: Option<&Path>,
        reload: Duration,
        metrics: IdentityMetrics,
    ) -> Result<Self, String> {
        let (name, form) = match &config.header {
            TokenHeader::Plain => ("authorization", Form::Plain),
            TokenHeader::Bearer => ("authorization", Form::Bearer),
            TokenHeader::AsIssued => ("authorization", Form::AsIssued),
            TokenHeader::Custom(name) => (name.as_str(), Form::Plain),
        };
        let header = AsciiMetadataKey::from_bytes(name.as_bytes()).map_err(|error| {
            format!("connection.authentication: {name:?} is no name of a header: {error}")
        })?;
        let (source, spacing) = match &config.source {
            TokenSource::File(path) => (Source::File(FileSource::new(path, reload)), Duration::ZERO),
            TokenSource::OAuth(oauth) => {
                let source = OAuthSource::new(oauth.clone(), authorities.map(Path::to_owned));
                (Source::OAuth(Box::new(source)), Duration::from_secs(10))
            }
        };
        let (sender, known) = watch::channel(Known::default());
        let renew = Arc::<Renew>::default();
        let log = RateLimitedLog::new(Duration::from_secs(60));
        let renewer = Renewer { source, form, known: sender, renew: renew.clone(), spacing, metrics, log };
        let renewing = tokio::spawn(renewer.run());
        Ok(Self { header, known, renew, spacing, _renewing: AbortOnDropHandle::new(renewing) })
    }

    /// The token as it is now; waits for the first one.
    ///
    /// # Errors
    /// There is none, or it expired and no other came.
    pub(super) async fn get(&self) -> Result<Issued, String> {
        let mut known = self.known.clone();
        // An error: nobody fetches any more, and what is known has to do.
        let _ = known.wait_for(|known| known.is_settled).await;
        let known = known.borrow();
        let trouble = || known.trouble.as_deref().unwrap_or("nobody fetches one");
        match &known.token {
            Some(token) if token.expires.is_none_or(|expires| expires > Instant::now()) => Ok(token.clone()),
            Some(_) => Err(format!("its token expired and no other came: {}", trouble())),
            None => Err(format!("there is no token: {}", trouble())),
        }
    }

    /// Another token than this one, which was refused; none when there is no other.
    pub(super) async fn instead_of(&self, refused: &Issued) -> Option<Issued> {
        let mut known = self.known.clone();
        let current = known.borrow().token.clone()?;
        if current.value != refused.value {
            return Some(current);
        }
        if current.fetched.elapsed() < self.spacing {
            return None;
        }
        let mine = self.renew.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.renew.wake.notify_one();
        let other = |known: &Known| known.token.clone().filter(|token| token.value != refused.value);
        // A fetch that had begun before may have found what there was before, or already brought another one.
        let renewed = known.wait_for(|known| known.answered >= mine || other(known).is_some());
        other(&*tokio::time::timeout(RENEWAL, renewed).await.ok()?.ok()?)
    }
}

/// How a token is written.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    Bearer,
    AsIssued,
}

struct Renewer {
    source: Source,
    form: Form,
    known: watch::Sender<Known>,
    renew: Arc<Renew>,
    spacing: Duration,
    metrics: IdentityMetrics,
    log: RateLimitedLog,
}

impl Renewer {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let answers = self.renew.asked.load(Ordering::SeqCst);
            let fetched =
                self.source.fetch().await.and_then(|fresh| Ok((self.issue(&fresh)?, fresh.refresh)));
            let pause = match fetched {
                Ok((token, refresh)) => {
                    backoff = Backoff::default();
                    self.take(token, answers);
                    refresh
                }
                Err(reason) => {
                    self.fail(reason, answers);
                    backoff.next()
                }
            };
            let earliest = Instant::now() + pause.min(self.spacing);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.renew.wake.notified() => tokio::time::sleep_until(earliest).await,
            }
        }
    }

    fn issue(&self, fresh: &Fresh) -> Result<Issued, String> {
        let text = match self.form {
            Form::Plain => fresh.token.clone(),
            Form::Bearer => format!("Bearer {}", fresh.token),
            Form::AsIssued => format!("{} {}", fresh.kind, fresh.token),
        };
        let value = MetadataValue::try_from(text);
        let mut value = value.map_err(|_| "the token holds characters that no header may have".to_owned())?;
        value.set_sensitive(true);
        let fetched = Instant::now();
        Ok(Issued { value, expires: fresh.lifetime.map(|lifetime| fetched + lifetime), fetched })
    }

    fn take(&self, token: Issued, answered: u64) {
        let is_new = self.known.borrow().token.as_ref().is_none_or(|known| known.value != token.value);
        if is_new {
            self.metrics.token_updated(true);
        }
        self.known.send_modify(|known| {
            (known.is_settled, known.answered) = (true, answered);
            known.token = Some(token);
            known.trouble = None;
        });
    }

    fn fail(&self, reason: String, answered: u64) {
        self.metrics.token_updated(false);
        if let Some(suppressed) = self.log.permit() {
            let who = &self.metrics.who;
            tracing::error!(
                suppressed,
                "{who}: no token: {reason}; an earlier one stays in use while it is valid"
            );
        }
        self.known.send_modify(|known| {
            (known.is_settled, known.answered) = (true, answered);
            known.trouble = Some(reason.into());
        });
    }
}
