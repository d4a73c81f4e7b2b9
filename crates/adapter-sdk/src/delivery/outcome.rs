//! What became of a payload, and the words by which lost and changed things are counted.

use std::time::Duration;

/// Words for the label `reason` of `mixer_adapter_delivery_dropped_total`. A backend adds its own, such as
/// `http_400`.
pub mod reason {
    /// As many items or bytes wait as may.
    pub const QUEUE_FULL: &str = "queue_full";
    /// The engine is closed.
    pub const CLOSED: &str = "closed";
    /// One item alone makes a payload that is larger than the backend takes.
    pub const TOO_LARGE: &str = "too_large";
    /// Retried for as long as may be.
    pub const GAVE_UP: &str = "gave_up";
    /// Older than payloads on disk may become.
    pub const EXPIRED: &str = "expired";
    /// The oldest on disk, which made room.
    pub const SPOOL_FULL: &str = "spool_full";
    /// The disk cannot be written; the caller was told.
    pub const SPOOL_FAILED: &str = "spool_failed";
    /// Bytes on disk have changed.
    pub const SPOOL_CORRUPT: &str = "spool_corrupt";
    /// Not delivered by the end of the time for closing.
    pub const SHUTDOWN: &str = "shutdown";
}

/// Words for the label `reason` of `mixer_adapter_delivery_changed_total`.
pub mod change {
    /// A name that the backend does not take, keeps for itself, or finds too long.
    pub const RENAMED: &str = "renamed";
    /// A value that is too long.
    pub const CUT: &str = "cut";
    /// There was no room for it, or nothing was left of it.
    pub const LEFT_OUT: &str = "left_out";
    /// Any of these, where they are not told apart.
    pub const UNFIT: &str = "unfit";
}

/// What became of one attempt to send a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The backend has it.
    Delivered,
    /// The backend took it but for some items, which it will never take.
    Partly {
        /// How many items it refused.
        refused: usize,
        /// A short fixed word for the counter.
        reason: &'static str,
        /// What the backend said.
        detail: String,
    },
    /// It may be taken later.
    Retry {
        /// How long the backend asked to be left alone by everyone.
        after: Option<Duration>,
        /// What happened.
        detail: String,
    },
    /// It is too large: its halves may be taken.
    Split,
    /// It will never be taken.
    Drop {
        /// A short fixed word for the counter.
        reason: &'static str,
        /// What the backend said.
        detail: String,
    },
}
