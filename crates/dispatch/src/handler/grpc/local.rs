//! Values of which each runtime has its own. A server answers requests on several runtimes of one thread each; a
//! connection, or a group of reports, that is shared between them would wake threads that sleep.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::runtime::{Handle, Id};

/// A value for each runtime that asks for one.
#[derive(Debug)]
pub(crate) struct PerRuntime<T>(RwLock<Vec<(Id, Arc<T>)>>);

impl<T> Default for PerRuntime<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> PerRuntime<T> {
    /// The value of the runtime that runs the caller, made when it is first asked for.
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let here = Handle::current().id();
        let find = |made: &[(Id, Arc<T>)]| {
            made.iter().find(|(runtime, _)| *runtime == here).map(|(_, value)| value.clone())
        };
        if let Some(value) = find(&self.0.read()) {
            return value;
        }
        let mut made = self.0.write();
        find(&made).unwrap_or_else(|| {
            let value = Arc::new(make());
            made.push((here, value.clone()));
            value
        })
    }
}

#[cfg(test)]
mod tests;
