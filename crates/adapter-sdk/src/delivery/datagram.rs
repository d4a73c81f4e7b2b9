//! Lines of text to a daemon that never answers, as StatsD and DogStatsD: over UDP, TCP or Unix sockets, packed into
//! payloads, at most once. What is known to be lost is counted by its reason; a payload is sent again only when it surely
//! did not arrive.

mod address;
mod failure;
mod lines;
mod link;
mod number;
mod outage;
mod queue;
mod sender;

pub use address::{LineAddress, ParseLineAddressError};
pub use failure::probe;
pub use lines::Lines;
pub use number::{LineNumber, NoNumber};
pub use sender::{LineOptions, LineSender, LineSource, NoLines, PayloadCounts};

#[cfg(test)]
mod tests;
