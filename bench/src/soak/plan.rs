//! When what happens.

use std::fmt;
use std::time::Duration;

/// What the backend asks for with its 429.
pub(super) const PATIENCE_SECONDS: u32 = 15;

/// Something that happens to the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The backend refuses connections from now on.
    BackendDown,
    /// The adapter is killed (SIGKILL) and started again.
    Kill,
    /// The backend takes connections again.
    BackendUp,
    /// The backend has a certificate of another authority, and so does the file of trusted authorities.
    Certificate,
    /// The backend answers once with 429 and `Retry-After`.
    Patience,
    /// The load ends.
    End,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BackendDown => "the backend goes away",
            Self::Kill => "the adapter is killed and started again",
            Self::BackendUp => "the backend is back",
            Self::Certificate => "the backend has a new certificate of a new authority",
            Self::Patience => "the backend answers once with 429, Retry-After: 15",
            Self::End => "the load ends",
        })
    }
}

/// A soak of some length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How long the load lasts.
    pub(super) length: Duration,
}

impl Plan {
    /// Of ten minutes the backend is away for three.
    pub(super) fn new(length: Duration) -> Self {
        Self { length }
    }

    /// Everything that happens, in order, from the start of the load.
    pub(super) fn events(self) -> [(Duration, Event); 6] {
        let at = |tenths: f64, event| (self.length.mul_f64(tenths / 10.0), event);
        [
            at(1.5, Event::BackendDown),
            at(3.5, Event::Kill),
            at(4.5, Event::BackendUp),
            at(7.0, Event::Certificate),
            at(8.5, Event::Patience),
            at(10.0, Event::End),
        ]
    }
}
