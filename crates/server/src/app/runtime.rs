//! The threads that answer requests: a runtime each, and a connection stays on one of them, as in Envoy. A request
//! is answered without a change of threads, which would cost more than most requests do.

use std::io;
use std::num::NonZero;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The runtimes of request work. Ends without waiting for its tasks, so that it can be dropped anywhere.
#[derive(Debug)]
pub(super) struct RequestRuntimes {
    first: RequestRuntime,
    handles: Vec<Handle>,
    _others: Vec<RequestRuntime>,
}

#[derive(Debug)]
struct RequestRuntime {
    handle: Handle,
    /// The thread ends when this is dropped.
    _running: oneshot::Sender<()>,
}

impl RequestRuntimes {
    /// So many threads.
    ///
    /// # Errors
    /// The system refuses them.
    pub(super) fn start(threads: NonZero<usize>) -> io::Result<Self> {
        let first = RequestRuntime::start()?;
        let others: Vec<_> = (1..threads.get()).map(|_| RequestRuntime::start()).collect::<Result<_, _>>()?;
        let handles = others.iter().map(|runtime| runtime.handle.clone()).collect();
        Ok(Self { first, handles, _others: others })
    }

    /// The one that accepts connections.
    pub(super) fn first(&self) -> &Handle {
        &self.first.handle
    }

    /// All but the first.
    pub(super) fn others(&self) -> &[Handle] {
        &self.handles
    }
}

impl RequestRuntime {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel();
        thread::Builder::new().name("request".to_owned()).spawn(move || {
            // An error: the sender was dropped, which is how it ends.
            let _ended: Result<(), _> = runtime.block_on(ended);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _running: running })
    }
}
