//! What the fake answers when it is told.

use std::time::Duration;

/// An answer by script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripted {
    /// This status. The items are kept only with 2xx.
    Status {
        /// The status.
        status: u16,
        /// Seconds of `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The items are kept, and the connection is reset before an answer.
    ResetAfterBody,
    /// The connection is reset before the items are kept.
    Reset,
    /// The items are kept, the status comes at once, and the body of the answer only after this time.
    SlowBody(Duration),
    /// The items are kept, and nothing is answered before this time.
    Late(Duration),
}

impl Scripted {
    /// Whether the items are kept.
    pub(super) fn keeps(self) -> bool {
        match self {
            Self::Status { status, .. } => (200..300).contains(&status),
            Self::ResetAfterBody | Self::SlowBody(_) | Self::Late(_) => true,
            Self::Reset => false,
        }
    }

    pub(super) fn resets(self) -> bool {
        matches!(self, Self::ResetAfterBody | Self::Reset)
    }
}
