//! A Kubernetes API server for tests: objects with resource versions and generations, lists in pages, watches with
//! bookmarks and history, status subresources, admission webhooks; and faults, played when a request matches.
//!
//! It knows what `docs/kubernetes.md` says that `mixs` uses of an API server, and nothing of what configuration means.

mod admission;
mod faults;
mod objects;
mod serve;
mod watch;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

pub use faults::{Fault, When};
use objects::Objects;

/// A request that was answered, or was to be.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it came.
    pub at: Instant,
    /// Method, path and query, such as `GET /apis/…?limit=250`.
    pub line: String,
}

#[derive(Debug, Default)]
struct State {
    objects: Objects,
    faults: Vec<(When, Fault)>,
    seen: Vec<Seen>,
    /// Whether connections are refused.
    away: bool,
    page: Option<usize>,
}

/// What all connections share.
#[derive(Clone, Debug)]
struct Shared {
    state: Arc<Mutex<State>>,
    /// Counts changes, so that watches look again.
    changes: channel::Sender<u64>,
    /// Counts commands to every connection that is open.
    cuts: channel::Sender<u64>,
    /// Counts bookmarks.
    bookmarks: channel::Sender<u64>,
}

/// The API server. Dropping it ends it.
#[derive(Debug)]
pub struct Sim {
    shared: Shared,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.cuts.send_modify(|count| *count += 1);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Sim {
    /// Starts on a port of the loopback interface, with the resources of every real API server that are used here and
    /// nothing of the group `config.istio.io`.
    ///
    /// # Errors
    /// The socket.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Shared {
            state: Arc::default(),
            changes: channel::Sender::new(0),
            cuts: channel::Sender::new(0),
            bookmarks: channel::Sender::new(0),
        };
        let task = tokio::spawn(serve::run(listener, shared.clone()));
        Ok(Self { shared, address, task })
    }

    /// Its address, such as `http://127.0.0.1:1234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig file for it.
    pub fn kubeconfig(&self) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: sim\nclusters:\n- name: sim\n  cluster: {{server: \"{url}\"}}\n\
             users:\n- name: sim\n  user: {{}}\ncontexts:\n- name: sim\n  context: {{cluster: sim, user: sim, namespace: \
             istio-system}}\n"
        )
    }

    /// Plays a fault for requests that match, once each time it is given.
    pub fn fault(&self, when: When, fault: Fault) {
        self.shared.state().faults.push((when, fault));
    }

    /// Faults that no request has met yet.
    pub fn faults_left(&self) -> usize {
        self.shared.state().faults.len()
    }

    /// Ends every connection, without a word.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|count| *count += 1);
    }

    /// Goes away, or comes back: connections end at once while it is away.
    pub fn away(&self, away: bool) {
        self.shared.state().away = away;
        if away {
            self.cut();
        }
    }

    /// Forgets the history: whoever watches from before gets 410.
    pub fn compact(&self) {
        self.shared.state().objects.compact();
        self.shared.changed();
    }

    /// Sends a bookmark to every watch that allows it.
    pub fn bookmark(&self) {
        self.shared.bookmarks.send_modify(|count| *count += 1);
    }

    /// How many items a page of a list has at most, whatever the client asks for.
    pub fn page(&self, items: usize) {
        self.shared.state().page = Some(items);
    }

    /// Puts an object in, as if it had been created or updated; no webhook is asked. The path is that of the object.
    pub fn put(&self, path: &str, object: Value) {
        self.shared.state().objects.put_raw(path, object);
        self.shared.changed();
    }

    /// The object of a path.
    pub fn object(&self, path: &str) -> Option<Value> {
        self.shared.state().objects.get(path).ok()
    }

    /// The resource version that the last change got.
    pub fn version(&self) -> u64 {
        self.shared.state().objects.version()
    }

    /// The requests so far whose line has every one of these texts.
    pub fn seen(&self, texts: &[&str]) -> Vec<Seen> {
        let matches = |seen: &&Seen| texts.iter().all(|text| seen.line.contains(text));
        self.shared.state().seen.iter().filter(matches).cloned().collect()
    }
}
