//! Who we are: credentials by Google's rules for applications, and the tokens made of them. Nothing of them is shown.

mod exchange;
mod file;
mod jwt;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use mixer_adapter_sdk::Secret;
use mixer_adapter_sdk::delivery::http::HttpClient;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::CredentialChoice;
use crate::environment::Environment;
use crate::metadata::MetadataServer;
use file::CredentialFile;

/// The right that is asked for; IAM roles say what of it is granted.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A token is renewed so long before it ends.
const MARGIN: Duration = Duration::from_secs(225);
/// How often a file is looked at for changes while its token is good.
const FILE_CHECK: Duration = Duration::from_secs(10);
/// After a failure nothing is asked again for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// There is no token now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no access token: {0}")]
pub(crate) struct TokenError(pub(crate) String);

/// Makes tokens and keeps them until shortly before they end. Of many that ask at the same time one goes and asks.
#[derive(Debug)]
pub(crate) struct Tokens {
    source: Source,
    self_signed: bool,
    client: HttpClient,
    metadata: MetadataServer,
    /// What is known, by audience; all audiences are one but for tokens that we sign ourselves.
    slots: Mutex<HashMap<&'static str, Arc<Slot>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Metadata,
}

#[derive(Debug, Default)]
struct Slot {
    known: Mutex<Known>,
    /// Held by who asks for a new one.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    token: Option<Token>,
    /// When and why asking failed.
    failed: Option<(Instant, TokenError)>,
}

/// A token as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    header: HeaderValue,
    begins: Instant,
    ends: Instant,
    /// What the file held, and when it was looked at last.
    content: Option<(Secret, Instant)>,
}

impl Token {
    fn new(token: &str, lifetime: Duration) -> Result<Self, TokenError> {
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| TokenError("it holds characters that no header may have".to_owned()))?;
        header.set_sensitive(true);
        let now = Instant::now();
        Ok(Self { header, begins: now, ends: now + lifetime, content: None })
    }

    /// When it is time for the next one.
    fn renew_at(&self) -> Instant {
        let lifetime = self.ends.saturating_duration_since(self.begins);
        self.ends - MARGIN.min(lifetime / 4)
    }
}

impl Tokens {
    /// Finds the credentials: the file of the operator's choice, or else the file that
    /// GOOGLE_APPLICATION_CREDENTIALS names, the file of gcloud, the metadata server.
    ///
    /// # Errors
    ///
    /// A file was named and is not one of credentials.
    pub(crate) async fn find(
        choice: &CredentialChoice,
        self_signed: bool,
        environment: &Environment,
        clients: (HttpClient, MetadataServer),
    ) -> Result<Self, TokenError> {
        let (client, metadata) = clients;
        let source = source(choice, environment).await;
        let tokens = Self { source, self_signed, client, metadata, slots: Mutex::default() };
        if let Some((_, file)) = tokens.file().await?
            && self_signed
            && !matches!(file, CredentialFile::ServiceAccount(_))
        {
            return Err(TokenError("self_signed_jwt needs the key of a service account".to_owned()));
        }
        if self_signed && tokens.source == Source::Metadata {
            return Err(TokenError(
                "self_signed_jwt needs the key of a service account in a file".to_owned(),
            ));
        }
        tracing::info!(source = %tokens.describe(), "credentials for Google Cloud were found");
        Ok(tokens)
    }

    /// Where the credentials come from.
    pub(crate) fn describe(&self) -> String {
        match &self.source {
            Source::File(path) => path.display().to_string(),
            Source::Metadata => "the metadata server".to_owned(),
        }
    }

    /// The project of the credentials, and the project that pays for calls.
    pub(crate) async fn projects(&self) -> (Option<String>, Option<String>) {
        match self.file().await {
            Ok(Some((_, file))) => file.projects(),
            Ok(None) | Err(_) => (None, None),
        }
    }

    /// The header `Authorization` for an API, such as `https://monitoring.googleapis.com/`.
    ///
    /// # Errors
    ///
    /// Nobody gave us one.
    pub(crate) async fn header(&self, audience: &'static str) -> Result<HeaderValue, TokenError> {
        let slot = self.slot(audience);
        if let Some(header) = self.usable(&slot).await? {
            return Ok(header);
        }
        let _asking = slot.asking.lock().await;
        // Who waited finds what the other one got.
        if let Some(header) = self.usable(&slot).await? {
            return Ok(header);
        }
        match self.make(audience).await {
            Ok(token) => {
                let header = token.header.clone();
                *slot.known.lock() = Known { token: Some(token), failed: None };
                Ok(header)
            }
            Err(error) => self.last_minutes(&slot, error).await,
        }
    }

    /// The old token while it is good, when there is no new one.
    async fn last_minutes(&self, slot: &Slot, error: TokenError) -> Result<HeaderValue, TokenError> {
        let known = slot.known.lock().token.clone();
        slot.known.lock().failed = Some((Instant::now(), error.clone()));
        match known.filter(|token| token.ends > Instant::now()) {
            // A token of a file that has changed meanwhile is one of somebody else.
            Some(token) if self.is_current(token.content.as_ref()).await => {
                tracing::warn!("the access token is kept for its last minutes: {error}");
                Ok(token.header)
            }
            _ => {
                slot.known.lock().token = None;
                Err(error)
            }
        }
    }

    /// Whether a file still holds what a token was made of.
    async fn is_current(&self, content: Option<&(Secret, Instant)>) -> bool {
        match (&self.source, content) {
            (Source::File(path), Some((content, _))) => read(path).await.is_none_or(|now| now == *content),
            _ => true,
        }
    }

    /// An API did not take this header: it is not used again.
    pub(crate) fn refused(&self, audience: &'static str, header: &HeaderValue) {
        let slot = self.slot(audience);
        let mut known = slot.known.lock();
        if known.token.as_ref().is_some_and(|token| token.header == *header) {
            known.token = None;
        }
    }

    fn slot(&self, audience: &'static str) -> Arc<Slot> {
        let audience = if self.self_signed { audience } else { "" };
        self.slots.lock().entry(audience).or_default().clone()
    }

    /// The known header while it is good; an error while nothing is to be asked.
    async fn usable(&self, slot: &Slot) -> Result<Option<HeaderValue>, TokenError> {
        let now = Instant::now();
        let looked_at = {
            let known = slot.known.lock();
            let pausing = known.failed.as_ref().filter(|(when, _)| now < *when + PAUSE);
            match (&known.token, pausing) {
                (None, Some((_, error))) => return Err(error.clone()),
                (None, None) => return Ok(None),
                (Some(token), Some(_)) if token.ends > now => return Ok(Some(token.header.clone())),
                (Some(token), _) if token.renew_at() <= now => return Ok(None),
                (Some(token), _) => match &token.content {
                    Some((_, when)) if *when + FILE_CHECK <= now => token.content.clone(),
                    Some(_) | None => return Ok(Some(token.header.clone())),
                },
            }
        };
        let unchanged = self.is_current(looked_at.as_ref()).await;
        let mut known = slot.known.lock();
        let Some(token) = known.token.as_mut().filter(|_| unchanged) else { return Ok(None) };
        if let Some((_, when)) = &mut token.content {
            *when = now;
        }
        Ok(Some(token.header.clone()))
    }

    /// The file as it is now.
    async fn file(&self) -> Result<Option<(Secret, CredentialFile)>, TokenError> {
        let Source::File(path) = &self.source else { return Ok(None) };
        let shown = path.display();
        let content = tokio::fs::read_to_string(path).await;
        let content = content.map_err(|error| TokenError(format!("{shown} cannot be read: {error}")))?;
        let file = CredentialFile::parse(&content).map_err(|why| TokenError(format!("{shown}: {why}")))?;
        Ok(Some((Secret::from(content), file)))
    }

    async fn make(&self, audience: &str) -> Result<Token, TokenError> {
        let Some((content, file)) = self.file().await? else {
            let answer = self.metadata.token(SCOPE).await.map_err(|error| TokenError(error.to_string()))?;
            return exchange::read_token(answer.as_bytes());
        };
        let mut token = match file {
            CredentialFile::ServiceAccount(account) if self.self_signed => {
                let (token, lifetime) = jwt::for_audience(&account, audience).map_err(TokenError)?;
                Token::new(token.expose(), lifetime)?
            }
            CredentialFile::ServiceAccount(account) => exchange::grant(&self.client, &account).await?,
            CredentialFile::AuthorizedUser(user) => exchange::refresh(&self.client, &user).await?,
            CredentialFile::ExternalAccount(external) => exchange::exchange(&self.client, &external).await?,
        };
        token.content = Some((content, Instant::now()));
        Ok(token)
    }
}

async fn read(path: &Path) -> Option<Secret> {
    tokio::fs::read_to_string(path).await.ok().map(Secret::from)
}

async fn source(choice: &CredentialChoice, environment: &Environment) -> Source {
    if let CredentialChoice::File(path) = choice {
        if tokio::fs::try_exists(path).await.unwrap_or(false) {
            return Source::File(path.clone());
        }
        tracing::warn!(
            path = %path.display(),
            "service_account_path names a file that is not there; the application default credentials are used"
        );
    }
    if let Some(path) = environment.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Source::File(path.into());
    }
    let directory = environment.get("CLOUDSDK_CONFIG").map(PathBuf::from);
    let directory =
        directory.or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".config/gcloud")));
    let file = directory.map(|directory| directory.join("application_default_credentials.json"));
    if let Some(file) = file
        && tokio::fs::try_exists(&file).await.unwrap_or(false)
    {
        return Source::File(file);
    }
    Source::Metadata
}

#[cfg(test)]
mod tests;
