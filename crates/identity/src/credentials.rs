//! Certificates as they are now: a source is followed in the background, what it gives last is used for the next
//! connection, and what cannot be used leaves the last good ones in place.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::facts::date;
use crate::material::Material;
use crate::source::files::{FileError, Watch};
use crate::source::{Files, Source};

/// The same trouble is logged again after this time.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// What happened to a source, for counters.
#[derive(Clone, Debug)]
pub enum Update {
    /// There are new certificates.
    Loaded(Arc<Material>),
    /// What came cannot be used, or nothing comes; the text says why.
    Failed(Arc<str>),
}

/// Told of every update.
pub type OnUpdate = Box<dyn Fn(&Update) + Send + Sync>;

/// Certificates that renew themselves. Cheap to clone; the source is followed until the last clone is gone.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    feed: Arc<Feed>,
    state: watch::Receiver<State>,
    _following: Option<AbortOnDropHandle<()>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("what", &self.0.feed.what).finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum State {
    Pending,
    Ready,
    Failed(Arc<str>),
}

impl Credentials {
    /// Follows a source on the current runtime. Files have been read when this returns; other sources answer later. `what`
    /// is whose certificates these are, for the log: `the gRPC port`.
    pub async fn start(source: Source, what: impl Into<String>, on_update: OnUpdate) -> Self {
        let (feed, state) = Feed::new(what.into(), source.to_string(), on_update);
        let following = tokio::spawn(source.follow(feed.clone()).await);
        Self(Arc::new(Inner { feed, state, _following: Some(AbortOnDropHandle::new(following)) }))
    }

    /// Reads files at once, and follows them on the current runtime if there is one. `begin` takes what they hold now, and
    /// returns what it makes of it and whom to tell of what they hold later. `what` is as for [`Self::start`].
    ///
    /// # Errors
    /// A file cannot be used as it is now, or `begin` cannot use what it holds.
    pub fn of_files<T, E: From<FileError>>(
        files: Files,
        what: impl Into<String>,
        begin: impl FnOnce(&Material) -> Result<(T, OnUpdate), E>,
    ) -> Result<(Self, T), E> {
        let (material, seen) = files.read_blocking()?;
        let (made, on_update) = begin(&material)?;
        let (feed, state) = Feed::new(what.into(), Source::Files(files.clone()).to_string(), on_update);
        feed.keep(&Arc::new(material));
        let runtime = Handle::try_current().ok().filter(|_| files.can_change());
        let following = runtime.map(|runtime| runtime.spawn(Watch::resume(files, feed.clone(), seen).run()));
        let following = following.map(AbortOnDropHandle::new);
        Ok((Self(Arc::new(Inner { feed, state, _following: following })), made))
    }

    /// The certificates as they are now.
    ///
    /// # Errors
    /// There never were any; the text says why.
    pub fn get(&self) -> Result<Arc<Material>, Arc<str>> {
        match &*self.0.state.borrow() {
            State::Ready => Ok(self.0.feed.current.load_full()),
            State::Failed(reason) => Err(reason.clone()),
            State::Pending => Err(format!("{} has not answered yet", self.0.feed.place).into()),
        }
    }

    /// Waits until there are certificates.
    pub async fn ready(&self) {
        let mut state = self.0.state.clone();
        if state.wait_for(|state| matches!(state, State::Ready)).await.is_err() {
            // Whoever follows the source panicked, which has been logged.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the source has said something.
    ///
    /// # Errors
    /// That it has no certificates that can be used.
    pub async fn settled(&self) -> Result<Arc<Material>, Arc<str>> {
        let mut state = self.0.state.clone();
        // An error: nobody follows the source any more, and `get` says what is known.
        let _ = state.wait_for(|state| !matches!(state, State::Pending)).await;
        self.get()
    }
}

/// Where a source hands in what it finds.
pub(crate) struct Feed {
    what: String,
    place: String,
    current: ArcSwap<Material>,
    state: watch::Sender<State>,
    /// What was logged last, and when.
    trouble: Mutex<Option<(String, Instant)>>,
    on_update: OnUpdate,
}

impl Feed {
    fn new(what: String, place: String, on_update: OnUpdate) -> (Arc<Self>, watch::Receiver<State>) {
        let (sender, state) = watch::channel(State::Pending);
        let current = ArcSwap::default();
        let feed = Self { what, place, current, state: sender, trouble: Mutex::new(None), on_update };
        (Arc::new(feed), state)
    }

    /// New certificates.
    pub(crate) fn loaded(&self, material: Material) {
        let material = Arc::new(material);
        self.keep(&material);
        (self.on_update)(&Update::Loaded(material));
    }

    fn keep(&self, material: &Arc<Material>) {
        self.current.store(material.clone());
        self.state.send_replace(State::Ready);
        *self.trouble.lock() = None;
        let (what, place, shown) = (&self.what, &self.place, material.shown());
        match material.is_out_of_date() {
            true => tracing::error!(
                "{what}: the certificate from {place} is out of date, and peers will refuse it: {shown}"
            ),
            false => tracing::info!("{what}: certificates come from {place}: {shown}"),
        }
    }

    /// What came cannot be used. The same trouble is logged from time to time only.
    pub(crate) fn failed(&self, reason: impl Into<String>) {
        let reason: String = reason.into();
        let shared: Arc<str> = format!("{}: {reason}", self.place).into();
        self.state.send_if_modified(|state| match state {
            State::Ready => false,
            State::Pending | State::Failed(_) => {
                *state = State::Failed(shared.clone());
                true
            }
        });
        let mut trouble = self.trouble.lock();
        let is_known = trouble.as_ref().is_some_and(|(text, at)| *text == reason && at.elapsed() < LOG_EVERY);
        if !is_known {
            let (what, place) = (&self.what, &self.place);
            match &*self.state.borrow() {
                State::Ready => {
                    let until = self.current.load().not_after().map(date).unwrap_or_default();
                    tracing::error!(
                        "{what}: {place}: {reason}; the last good certificates stay in use, valid until {until}"
                    );
                }
                _ => tracing::error!("{what}: there are no certificates: {place}: {reason}"),
            }
            *trouble = Some((reason, Instant::now()));
        }
        drop(trouble);
        (self.on_update)(&Update::Failed(shared));
    }
}
