//! Keeping up with a tree: events of the operating system, a slow poll beside them, one task.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::reader::{Content, Reader};
use crate::{FsSource, Timing};

/// The state of a source.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// What was read last; `None` before anything was.
    pub content: Option<Arc<Content>>,
    /// Why nothing can be read at the moment: `content` is the last good one.
    pub unavailable: Option<Arc<str>>,
}

/// A source that is being watched. Dropping it ends the watching.
#[derive(Debug)]
pub struct Watch {
    receiver: watch::Receiver<Update>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(source: FsSource) -> Self {
        let (sender, receiver) = watch::channel(Update::default());
        let changed = Arc::new(Notify::new());
        let state = State { reader: Reader::new(source), watcher: None, changed, complained: false };
        Self { receiver, task: tokio::spawn(run(state, sender)) }
    }

    /// Waits until the state is another than the one seen last; the first time, until something was tried.
    /// `None` when the runtime shuts down.
    pub async fn next(&mut self) -> Option<Update> {
        self.receiver.changed().await.ok()?;
        Some(self.receiver.borrow_and_update().clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct State {
    reader: Reader,
    watcher: Option<(RecommendedWatcher, Identity)>,
    changed: Arc<Notify>,
    /// Whether it was said that there are no events.
    complained: bool,
}

/// What a path led to when it was watched: a directory that is replaced has to be watched again.
type Identity = (PathBuf, u64, u64);

async fn run(mut state: State, sender: watch::Sender<Update>) {
    let timing = state.reader.source().timing;
    let mut update = Update::default();
    loop {
        // Files are read where blocking is allowed; the state travels there and back.
        let read = tokio::task::spawn_blocking(move || {
            state.watch();
            let content = state.reader.read_changes();
            (state, content)
        });
        let Ok((back, content)) = read.await else { return };
        state = back;
        let unavailable =
            content.as_ref().err().map(|unavailable| Arc::<str>::from(unavailable.reason.as_str()));
        let content = content.ok().flatten().map(Arc::new);
        if content.is_some() || unavailable != update.unavailable {
            update.content = content.or(update.content);
            update.unavailable = unavailable;
            sender.send_replace(update.clone());
        }
        tokio::select! {
            () = sender.closed() => return,
            () = change(&state.changed, timing) => {}
        }
    }
}

/// Waits for a change and then until it is quiet, or for the time to look without being told.
async fn change(changed: &Notify, timing: Timing) {
    tokio::select! {
        () = changed.notified() => {}
        () = sleep(timing.poll) => return,
    }
    let longest = Instant::now() + timing.longest;
    while timeout_at(longest.min(Instant::now() + timing.quiet), changed.notified()).await.is_ok() {
        if Instant::now() >= longest {
            return;
        }
    }
}

impl State {
    /// Asks for events, unless that is done for what the path leads to now.
    fn watch(&mut self) {
        let source = self.reader.source();
        if !source.timing.notify {
            return;
        }
        let (target, mode) = target(&source.path);
        let identity = identity(&target);
        if self.watcher.as_ref().map(|(_, watched)| watched) == identity.as_ref() {
            return;
        }
        self.watcher = None;
        let Some(identity) = identity else { return };
        match start(&target, mode, self.changed.clone()) {
            Ok(watcher) => {
                self.watcher = Some((watcher, identity));
                self.complained = false;
            }
            Err(error) if !self.complained => {
                self.complained = true;
                let (path, poll) = (target.display(), source.timing.poll);
                tracing::warn!(%path, %error, ?poll, "no events for changed files; the files are read periodically");
            }
            Err(_) => {}
        }
    }
}

fn start(path: &Path, mode: RecursiveMode, changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading makes events too; only what writes is a change. An error may mean lost events.
        if event.map_or(true, |event| is_change(event.kind)) {
            changed.notify_one();
        }
    })?;
    watcher.watch(path, mode)?;
    Ok(watcher)
}

fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// A file is watched through its directory: editors replace files, and mounted ones are symbolic links.
fn target(path: &Path) -> (PathBuf, RecursiveMode) {
    if path.is_dir() {
        return (path.to_owned(), RecursiveMode::Recursive);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    (parent.unwrap_or(Path::new(".")).to_owned(), RecursiveMode::NonRecursive)
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((path.to_owned(), metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.exists().then(|| (path.to_owned(), 0, 0))
}
