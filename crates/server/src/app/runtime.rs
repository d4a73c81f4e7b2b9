//! The threads that answer requests.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime of request work. Ends without waiting for its tasks, so that it can be dropped anywhere.
#[derive(Debug)]
pub(super) struct RequestRuntime {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl RequestRuntime {
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("request")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for RequestRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
