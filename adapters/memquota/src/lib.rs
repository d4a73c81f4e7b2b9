//! The `memquota` adapter: quotas counted in the memory of the process, with fixed and rolling windows, overrides and
//! de-duplication. Replicas count separately.

mod config;
mod generated;
mod handler;
mod store;
mod window;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use mixer_adapter_sdk::typed::template::Quota;
use mixer_adapter_sdk::{Adapter, BuildError, HandlerSpec, Process, TypedAdapter, hosted};
use parking_lot::Mutex;

use config::Config;
use handler::{Clock, MemquotaHandler};
use store::Store;

/// The adapter, for the registry of hosted adapters and for the process of its own.
pub fn adapter() -> Arc<dyn Adapter> {
    let start = Instant::now();
    hosted(Memquota::new(Arc::new(move || start.elapsed())))
}

/// The adapter as a process of its own. It recognizes repeated calls itself, for as long as its configuration says.
pub fn process() -> Process {
    Process::new(adapter())
        .version(env!("CARGO_PKG_VERSION"))
        .default_port(9074)
        .example_params(include_str!("../example.yaml"))
        .without_replay("quota")
}

/// The adapter. What is in use outlives every edit of a handler; handlers of different names count apart, also the
/// same instance.
struct Memquota {
    stores: Mutex<HashMap<Arc<str>, Weak<Mutex<Store>>>>,
    clock: Clock,
}

impl Memquota {
    fn new(clock: Clock) -> Self {
        Self { stores: Mutex::default(), clock }
    }

    /// The store of a handler; that of the version before while there is one.
    fn store(&self, handler: &Arc<str>) -> Arc<Mutex<Store>> {
        let mut stores = self.stores.lock();
        stores.retain(|_, store| store.strong_count() > 0);
        if let Some(store) = stores.get(handler).and_then(Weak::upgrade) {
            return store;
        }
        let store = Arc::default();
        stores.insert(handler.clone(), Arc::downgrade(&store));
        store
    }
}

impl TypedAdapter for Memquota {
    type Config = Config;
    type Handler = MemquotaHandler;
    type Templates = (Quota,);

    const NAME: &'static str = "memquota";
    const DESCRIPTION: &'static str = "Quotas counted in the memory of the process.";

    async fn build(&self, config: Config, spec: HandlerSpec) -> Result<MemquotaHandler, BuildError> {
        let (store, clock) = (self.store(&spec.name), self.clock.clone());
        Ok(MemquotaHandler { config, store, clock })
    }
}
