//! Attributes: what a proxy says about one request or connection.
//!
//! A [`Vocabulary`] gives every attribute name (and every map key that configuration mentions) a dense
//! [`Slot`]; a [`Bag`] holds the values of one request by slot; [`Referenced`] records what a decision read.
//! No protobuf, no I/O: the wire form is the business of `mixer-wire`.

mod bag;
mod duration;
mod referenced;
mod slot_set;
mod timestamp;
mod value;
mod value_type;
mod vocabulary;

pub use bag::{Bag, Cell, Span, SpanOutOfRange};
pub use duration::{Duration, ParseDurationError};
pub use referenced::{Presence, Reference, Referenced};
pub use slot_set::SlotSet;
pub use timestamp::{ParseTimestampError, Timestamp};
pub use value::{MapView, Value};
pub use value_type::{UnknownValueType, ValueType};
pub use vocabulary::{Conflict, Slot, SlotKind, Vocabulary, VocabularyBuilder};
