//! Keys for backends: from a file that is read again when it changes, or from the environment.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ::http::HeaderValue;

use crate::secret::{DEFAULT_RELOAD_INTERVAL, Secret, SecretFile};

/// A key that is never shown.
#[derive(Debug)]
pub struct Credential(Source);

#[derive(Debug)]
enum Source {
    File(SecretFile),
    Fixed(Arc<Secret>),
}

/// There is no key.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read, or is empty.
    #[error("the key cannot be read from {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The environment does not have it.
    #[error("the environment variable {0} is not set; set it from a Secret of Kubernetes, or use a file")]
    Environment(String),
    /// It cannot be sent in a header.
    #[error("the key holds characters that no header may have")]
    Characters,
}

impl Credential {
    /// A key in a file, as Kubernetes mounts a `Secret`; looked at every ten seconds.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is empty.
    pub async fn from_file(path: impl Into<PathBuf>) -> Result<Self, CredentialError> {
        let file = path.into();
        match SecretFile::open(&file, DEFAULT_RELOAD_INTERVAL).await {
            Ok(secret) => Ok(Self(Source::File(secret))),
            Err(source) => Err(CredentialError::File { file, source }),
        }
    }

    /// A key in the environment. The environment of a process does not change: a new key needs a new process.
    ///
    /// # Errors
    ///
    /// The variable is not set, or is empty.
    pub fn from_env(name: &str) -> Result<Self, CredentialError> {
        match std::env::var(name) {
            Ok(key) if !key.trim().is_empty() => Ok(Self::from(Secret::from(key.trim()))),
            _ => Err(CredentialError::Environment(name.to_owned())),
        }
    }

    /// The key as it is now.
    pub fn get(&self) -> Arc<Secret> {
        match &self.0 {
            Source::File(file) => file.get(),
            Source::Fixed(secret) => secret.clone(),
        }
    }

    /// The key as it is now, as a header that is not shown either.
    ///
    /// # Errors
    ///
    /// It holds characters that no header may have.
    pub fn header(&self) -> Result<HeaderValue, CredentialError> {
        let mut value =
            HeaderValue::from_str(self.get().expose()).map_err(|_| CredentialError::Characters)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl From<Secret> for Credential {
    fn from(secret: Secret) -> Self {
        Self(Source::Fixed(Arc::new(secret)))
    }
}
