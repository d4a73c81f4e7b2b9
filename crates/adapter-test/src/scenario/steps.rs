//! What a scenario's own document says, as written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Attributes by name. A plain value is read by the type that a manifest declares.
pub(crate) type WrittenBag = BTreeMap<String, Value>;

/// The last document of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// Files with more configuration, relative to this one.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    pub(crate) steps: Vec<Step>,
    #[serde(default)]
    pub(crate) want: Option<String>,
}

/// One thing that is done. Exactly one of `check`, `report`, `together`, `observe` and `close`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Step {
    /// One bag, checked.
    pub(crate) check: Option<WrittenBag>,
    /// Quotas that a check asks for: name to amount.
    #[serde(default)]
    pub(crate) quotas: BTreeMap<String, Quota>,
    /// Makes repeated checks one allocation.
    #[serde(default)]
    pub(crate) dedup_id: String,
    /// Bags, reported in one call.
    pub(crate) report: Option<Vec<WrittenBag>>,
    /// How often a check or report is made.
    pub(crate) times: Option<u32>,
    /// Steps that are done at the same time, each as often as it says.
    pub(crate) together: Option<Vec<Step>>,
    /// Asks for the adapter's state now.
    #[serde(default)]
    pub(crate) observe: bool,
    /// Closes every handler, as a server that stops does.
    #[serde(default)]
    pub(crate) close: bool,
}

/// How much of a quota is wanted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Quota {
    /// The amount, all or nothing.
    Amount(i64),
    /// The amount, perhaps a part of it.
    Full(FullQuota),
}

/// An amount with its mode.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct FullQuota {
    pub(crate) amount: i64,
    #[serde(default)]
    pub(crate) best_effort: bool,
}

impl Quota {
    pub(crate) fn amount(self) -> i64 {
        match self {
            Self::Amount(amount) | Self::Full(FullQuota { amount, .. }) => amount,
        }
    }

    pub(crate) fn best_effort(self) -> bool {
        matches!(self, Self::Full(FullQuota { best_effort: true, .. }))
    }
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Act<'s> {
    Check(&'s WrittenBag),
    Report(&'s [WrittenBag]),
    Together(&'s [Step]),
    Observe,
    Close,
}

impl Step {
    /// The one thing that it does; none when it says nothing or more than one.
    pub(crate) fn act(&self) -> Option<Act<'_>> {
        let acts = [
            self.check.as_ref().map(Act::Check),
            self.report.as_deref().map(Act::Report),
            self.together.as_deref().map(Act::Together),
            self.observe.then_some(Act::Observe),
            self.close.then_some(Act::Close),
        ];
        let mut acts = acts.into_iter().flatten();
        acts.next().filter(|_| acts.next().is_none())
    }

    pub(crate) fn times(&self) -> u32 {
        self.times.unwrap_or(1)
    }
}
