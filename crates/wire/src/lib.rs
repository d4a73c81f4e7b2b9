//! The wire form of the Mixer API: compressed attributes to and from bags, word lists, referenced attributes.

mod codec;
mod compress;
mod decode;
mod dictionary;
mod error;
mod reader;
mod referenced;
mod report;
mod request;
mod words;

pub use codec::{Codec, Compat};
pub use compress::{AttributeMissing, ReportBuilder, compress};
pub use error::{BagError, IndexUse, Malformed, Problem, WireError, WireType};
pub use referenced::{Match, resolve_matches};
pub use report::ReportBags;
pub use request::{CheckRequest, QuotaParams, ReportRequest, Semantics, parse_check, parse_report};
