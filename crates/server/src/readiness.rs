//! Whether the server is ready: a set of named things that it still waits for.
//!
//! Ready means that nothing is waited for. Each part of start-up holds a [`Guard`] under its name and lets go of it
//! when it is done, so "not ready" can always say what it waits for. Draining is one more name that never goes.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// The name under which a stopping server is not ready.
pub const DRAINING: &str = "draining";

/// What is waited for, with how many guards hold each name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Readiness(watch::Sender<Waiting>);

/// What is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting(BTreeMap<&'static str, usize>);

/// The server is not ready before this is dropped.
#[derive(Debug)]
#[must_use = "dropping the guard says that the part is ready"]
pub struct Guard {
    name: &'static str,
    readiness: Readiness,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// Waits for nothing yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(Waiting::default()))
    }

    /// One more thing to wait for, such as `config`.
    pub fn wait_for(&self, name: &'static str) -> Guard {
        self.0.send_modify(|waiting| *waiting.0.entry(name).or_default() += 1);
        Guard { name, readiness: self.clone() }
    }

    /// Not ready from now on, whatever else becomes ready.
    pub fn drain(&self) {
        self.0.send_if_modified(|waiting| waiting.0.insert(DRAINING, 1).is_none());
    }

    /// What is waited for now.
    pub fn waiting(&self) -> Waiting {
        self.0.borrow().clone()
    }

    /// Follows every change.
    pub fn subscribe(&self) -> watch::Receiver<Waiting> {
        self.0.subscribe()
    }
}

impl Waiting {
    /// Nothing is waited for.
    pub fn is_ready(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.readiness.0.send_modify(|waiting| {
            if let Some(count) = waiting.0.get_mut(self.name) {
                *count -= 1;
                if *count == 0 {
                    waiting.0.remove(self.name);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
