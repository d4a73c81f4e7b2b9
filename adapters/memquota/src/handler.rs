//! Answers allocations out of the store.

use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_sdk::typed::template::Quota;
use mixer_adapter_sdk::typed::{HandleQuota, TypedQuota};
use mixer_adapter_sdk::view::QuotaView;
use mixer_adapter_sdk::wire::Malformed;
use mixer_adapter_sdk::{ErrorKind, HandlerError, QuotaResult, Status, code};
use parking_lot::Mutex;

use crate::config::{Config, Limit, Limits};
use crate::store::{Ask, Bounds, Store};

/// The time since some fixed moment; tests bring their own.
pub(crate) type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A configured handler over the store of its name.
pub(crate) struct MemquotaHandler {
    pub(crate) config: Config,
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) clock: Clock,
}

impl HandleQuota<Quota> for MemquotaHandler {
    async fn quota(&self, ask: TypedQuota<'_, Quota>) -> Result<QuotaResult, HandlerError> {
        self.allocate(&ask)
    }
}

impl MemquotaHandler {
    fn allocate(&self, call: &TypedQuota<'_, Quota>) -> Result<QuotaResult, HandlerError> {
        let name = call.instance.name();
        let limits = self.config.quotas.get(name).ok_or_else(|| {
            let message = format!("memquota has no limit for {name}; add it to `quotas` of the handler");
            HandlerError::new(ErrorKind::InvalidArgument, message)
        })?;
        let dimensions = dimensions(call.instance.view()?).map_err(|error| {
            HandlerError::new(ErrorKind::InvalidArgument, format!("{name} is no quota instance: {error}"))
        })?;
        let ask = Ask {
            key: &key(name, &dimensions),
            limit: limit(limits, &dimensions),
            amount: call.amount,
            best_effort: call.best_effort,
            dedup_id: call.dedup_id,
        };
        let bounds = Bounds { max_cells: self.config.max_cells, deduplication: self.config.deduplication };
        match self.store.lock().ask(ask, bounds, (self.clock)()) {
            Ok(grant) => {
                Ok(QuotaResult { status: Status::ok(), amount: grant.amount, valid_duration: grant.valid })
            }
            Err(_) => Ok(QuotaResult {
                status: Status::new(
                    code::RESOURCE_EXHAUSTED,
                    format!(
                        "memquota counts {} combinations of dimensions already (max_cells)",
                        bounds.max_cells
                    ),
                ),
                ..QuotaResult::default()
            }),
        }
    }
}

/// The dimensions as text, sorted by name.
fn dimensions(instance: QuotaView<'_>) -> Result<Vec<(String, String)>, Malformed> {
    let sorted = instance.dimensions().sorted()?;
    let texts = sorted.into_iter().map(|(name, value)| {
        (name.to_owned(), value.map(|value| value.text().into_owned()).unwrap_or_default())
    });
    Ok(texts.collect())
}

/// The limit of the first override that matches; a dimension that is not there equals the empty text.
fn limit(limits: &Limits, dimensions: &[(String, String)]) -> Limit {
    let value = |name: &str| dimensions.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    let matching =
        limits.overrides.iter().find(|(wanted, _)| wanted.iter().all(|(n, text)| value(n) == text));
    matching.map_or(limits.default, |(_, limit)| *limit)
}

/// Quota and dimensions as one key, each part with its length in front so that no two combinations are alike.
fn key(name: &str, dimensions: &[(String, String)]) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    let parts = dimensions.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    for part in std::iter::once(name).chain(parts) {
        key.extend_from_slice(&(part.len() as u64).to_le_bytes());
        key.extend_from_slice(part.as_bytes());
    }
    key
}
