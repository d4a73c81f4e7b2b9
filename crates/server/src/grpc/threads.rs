//! Which thread a connection lives on: the one with the fewest.

use std::sync::Arc;

use tokio::runtime::Handle;

/// The threads that serve connections, each a runtime of its own.
#[derive(Debug)]
pub(super) struct Threads {
    first: Thread,
    others: Vec<Thread>,
}

#[derive(Debug)]
struct Thread {
    runtime: Handle,
    /// Counted by its references.
    connections: Arc<()>,
}

/// A connection that counts, until dropped.
#[derive(Debug)]
pub(super) struct Place {
    _counted: Arc<()>,
}

impl Threads {
    /// The thread that runs the caller, and others.
    pub(super) fn new(others: &[Handle]) -> Self {
        let thread = |runtime: Handle| Thread { runtime, connections: Arc::default() };
        Self { first: thread(Handle::current()), others: others.iter().cloned().map(thread).collect() }
    }

    /// A place for one more connection, and where it is.
    pub(super) fn place(&self) -> (&Handle, Place) {
        let fewer = |least, thread| if connections(thread) < connections(least) { thread } else { least };
        let thread = self.others.iter().fold(&self.first, fewer);
        (&thread.runtime, Place { _counted: thread.connections.clone() })
    }
}

fn connections(thread: &Thread) -> usize {
    Arc::strong_count(&thread.connections)
}

#[cfg(test)]
mod tests;
