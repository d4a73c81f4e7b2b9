//! Certificates in files, as Istio's agent, cert-manager and the SPIFFE CSI driver write them and Kubernetes mounts
//! secrets: looked at from time to time, and used when all of them fit together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::RootCertStore;

use super::{Authorities, Files};
use crate::credentials::Feed;
use crate::material::{Material, Own, certificates};
use crate::trust::{Trust, roots_of, system_roots};

/// Files that are written one after the other are left alone for so long.
const SETTLE: Duration = Duration::from_millis(50);

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file {} cannot be used: {message}", file.display())]
pub struct FileError {
    /// Which file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

impl FileError {
    fn new(file: &Path, message: impl ToString) -> Self {
        Self { file: file.to_owned(), message: message.to_string() }
    }
}

/// What the files hold, none for one that cannot be read.
type Contents = Vec<Result<Vec<u8>, String>>;

/// What was read of files.
pub(crate) struct Seen(Contents);

/// Files that are followed.
pub(crate) struct Watch {
    files: Files,
    feed: Arc<Feed>,
    known: Contents,
}

impl Watch {
    /// Reads the files.
    pub(super) async fn start(files: Files, feed: Arc<Feed>) -> Self {
        let known = read_all(&files.paths()).await;
        let watch = Self { files, feed, known };
        watch.hand_in();
        watch
    }

    /// Goes on from what was read of them.
    pub(crate) fn resume(files: Files, feed: Arc<Feed>, Seen(known): Seen) -> Self {
        Self { files, feed, known }
    }

    /// Looks at them for ever.
    pub(crate) async fn run(mut self) {
        let every = self.files.every.max(Duration::from_millis(10));
        let paths = self.files.paths();
        loop {
            tokio::time::sleep(every).await;
            let mut found = read_all(&paths).await;
            if found == self.known {
                continue;
            }
            loop {
                tokio::time::sleep(SETTLE.min(every)).await;
                let again = read_all(&paths).await;
                if again == found {
                    break;
                }
                found = again;
            }
            self.known = found;
            self.hand_in();
        }
    }

    fn hand_in(&self) {
        match self.files.parse(&self.known) {
            Ok(material) => self.feed.loaded(material),
            Err(error) => self.feed.failed(error.to_string()),
        }
    }
}

impl Files {
    /// Reads them once.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub async fn read(&self) -> Result<Material, FileError> {
        self.parse(&read_all(&self.paths()).await)
    }

    /// Reads them once, and waits for the disk.
    pub(crate) fn read_blocking(&self) -> Result<(Material, Seen), FileError> {
        let read = |file: &PathBuf| std::fs::read(file).map_err(|error| error.to_string());
        let seen = Seen(self.paths().iter().map(read).collect());
        Ok((self.parse(&seen.0)?, seen))
    }

    /// Whether there is a file that could change.
    pub(crate) fn can_change(&self) -> bool {
        !self.paths().is_empty()
    }

    fn paths(&self) -> Vec<PathBuf> {
        let own = self.own.iter().flat_map(|own| [&own.certificate, &own.key]);
        own.chain(self.authorities.file()).cloned().collect()
    }

    fn parse(&self, contents: &Contents) -> Result<Material, FileError> {
        let mut contents = contents.iter();
        let mut next = |file: &Path| match contents.next() {
            Some(Ok(content)) => Ok(content),
            Some(Err(error)) => Err(FileError::new(file, error)),
            None => Err(FileError::new(file, "it was not read")),
        };
        let own = match &self.own {
            None => None,
            Some(own) => {
                let (chain, key) = (next(&own.certificate)?, next(&own.key)?);
                let pair = Own::from_pem(chain, key);
                Some(pair.map_err(|error| FileError::new(&own.certificate, error))?)
            }
        };
        let mut roots = match self.authorities.file() {
            None => RootCertStore::empty(),
            Some(file) => {
                let read = certificates(next(file)?).and_then(roots_of);
                read.map_err(|error| FileError::new(file, error))?
            }
        };
        if self.authorities.with_system() {
            roots.extend(system_roots().roots);
        }
        let trust = match &self.authorities {
            Authorities::None => Trust::default(),
            _ => Trust::of_everyone(roots),
        };
        Ok(Material { own, trust })
    }
}

async fn read_all(files: &[PathBuf]) -> Contents {
    let mut contents = Vec::with_capacity(files.len());
    for file in files {
        contents.push(tokio::fs::read(file).await.map_err(|error| error.to_string()));
    }
    contents
}
