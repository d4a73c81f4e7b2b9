//! The spool of a process: one directory, which no other process uses, with one below it for each handler.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use mixer_adapter_api::{Adapter, AdapterInfo, BuildError, FieldProblem, Handler, HandlerSpec};
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::appender::sync_directory;
use super::budget::Budget;
use super::handler_file::HandlerFile;
use super::left::{self, Why};
use super::slot::{Claim, Slot};
use super::{Fsync, SpoolError, SpoolOptions, blocking, keeper};

/// The spool of a process. What is left from before is delivered by tasks of their own, until this is dropped.
pub struct SpoolHome {
    inner: Arc<HomeInner>,
    keepers: Mutex<JoinSet<()>>,
}

pub(super) struct HomeInner {
    pub(super) options: SpoolOptions,
    pub(super) budget: Budget,
    /// Directories of handlers that live.
    in_use: Mutex<HashSet<PathBuf>>,
    /// Names of the adapters whose handlers keep what they take here.
    hosted: Mutex<HashSet<&'static str>>,
    /// Of those in use, the ones that handlers have left, and how that goes.
    drained: Mutex<HashMap<PathBuf, Why>>,
    /// A directory is free again, or another thing is known of one.
    pub(super) changed: Notify,
    /// Locked for as long as the spool is open.
    _lock: File,
}

impl SpoolHome {
    /// Opens a spool. Nobody but the user of the process can read what is in it.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or another process uses it.
    pub async fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let inner = Arc::new(blocking(move || HomeInner::open(options)).await?);
        let mut keepers = JoinSet::new();
        keepers.spawn(left::watch(inner.clone()));
        Ok(Self { inner, keepers: Mutex::new(keepers) })
    }

    /// The same adapter, whose handlers keep what they take in the spool. What its handlers left there from before is
    /// delivered from now on, without any call.
    pub fn wrap(&self, adapter: Arc<dyn Adapter>) -> Arc<dyn Adapter> {
        self.inner.hosted.lock().insert(adapter.info().name);
        self.inner.changed.notify_waiters();
        let keeping = keeper::keep(self.inner.clone(), adapter.clone());
        self.keepers.lock().spawn(keeping);
        Arc::new(Spooled { home: self.inner.clone(), adapter })
    }
}

impl fmt::Debug for SpoolHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolHome").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl HomeInner {
    pub(super) fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::io(&options.directory, source);
        private_directory(&options.directory).map_err(failed)?;
        let lock = OpenOptions::new().create(true).append(true).open(options.directory.join("lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse(options.directory)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let budget = Budget::new(options.max_bytes);
        Ok(Self {
            options,
            budget,
            in_use: Mutex::default(),
            hosted: Mutex::default(),
            drained: Mutex::default(),
            changed: Notify::new(),
            _lock: lock,
        })
    }

    /// Whether this is the name of an adapter whose handlers keep what they take here.
    pub(super) fn hosts(&self, adapter: &str) -> bool {
        self.hosted.lock().contains(adapter)
    }

    /// Directories that handlers have left and that somebody looks after.
    pub(super) fn drained(&self) -> HashMap<PathBuf, Why> {
        self.drained.lock().clone()
    }

    /// Tells of a directory that a handler has left, until what is returned is dropped.
    pub(super) fn draining(self: &Arc<Self>, directory: &Path) -> Draining {
        Draining { home: self.clone(), directory: directory.to_owned() }
    }

    /// A directory for a handler: one that a handler of the same configuration has left, or a new one.
    pub(super) fn claim(
        self: &Arc<Self>,
        adapter: &'static str,
        spec: &HandlerSpec,
    ) -> Result<Arc<Claim>, SpoolError> {
        let file = HandlerFile::new(adapter, spec);
        let stem = stem(adapter, spec);
        // Bounded by how many handlers live.
        for number in 0u32.. {
            let directory = self.options.directory.join(format!("{stem}-{number}"));
            let Some(claim) = self.claim_directory(directory.clone()) else { continue };
            let failed = |source| SpoolError::io(&directory, source);
            match HandlerFile::read(&directory) {
                Ok(found) if found == file => return Ok(claim),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    private_directory(&directory).map_err(failed)?;
                    file.write(&directory, self.options.fsync).map_err(failed)?;
                    if self.options.fsync == Fsync::Always {
                        sync_directory(&self.options.directory).map_err(failed)?;
                    }
                    return Ok(claim);
                }
                // Left to whoever looks after what is left.
                Ok(_) | Err(_) => {}
            }
        }
        Err(SpoolError::Closed)
    }

    /// Takes a directory unless it is in use.
    pub(super) fn claim_directory(self: &Arc<Self>, directory: PathBuf) -> Option<Arc<Claim>> {
        let new = self.in_use.lock().insert(directory.clone());
        new.then(|| Arc::new(Claim::new(self.clone(), directory)))
    }

    /// Directories that nobody uses and that hold something.
    pub(super) fn left(&self) -> io::Result<Vec<PathBuf>> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.options.directory)? {
            let path = entry?.path();
            if path.is_dir() && !self.in_use.lock().contains(&path) {
                left.push(path);
            }
        }
        left.sort();
        Ok(left)
    }

    pub(super) fn release(&self, directory: &Path) {
        if segments(directory).is_empty()
            && let Err(error) = fs::remove_dir_all(directory)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, directory = %directory.display(), "an empty part of the spool cannot be removed");
        }
        self.in_use.lock().remove(directory);
        self.changed.notify_waiters();
    }
}

/// How it goes with a directory that a handler has left.
pub(super) struct Draining {
    home: Arc<HomeInner>,
    directory: PathBuf,
}

impl Draining {
    pub(super) fn is(&self, why: Why) {
        if self.home.drained.lock().insert(self.directory.clone(), why) != Some(why) {
            self.home.changed.notify_waiters();
        }
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        self.home.drained.lock().remove(&self.directory);
    }
}

/// The segment files of a handler's directory, with those that were set aside.
pub(super) fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let logs = entries(directory).into_iter().flat_map(|pipeline| entries(&pipeline));
    let files = logs.flat_map(|log| entries(&log));
    let kept = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "seg" || kind == "corrupt");
    files.filter(kept).collect()
}

/// What directories of handlers of one configuration begin with.
fn stem(adapter: &str, spec: &HandlerSpec) -> String {
    let text = [adapter.as_bytes(), &[0], spec.name.as_bytes(), &[0], &spec.params].concat();
    let digest = digest(&SHA256, &text);
    let hex: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{adapter}-{hex}")
}

fn private_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// An adapter whose handlers keep what they take.
struct Spooled {
    home: Arc<HomeInner>,
    adapter: Arc<dyn Adapter>,
}

impl Adapter for Spooled {
    fn info(&self) -> &AdapterInfo {
        self.adapter.info()
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        self.adapter.validate(spec)
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(async move {
            let slot = Slot::new(self.home.clone(), self.adapter.info().name, spec, None);
            slot.build(&*self.adapter).await
        })
    }
}
