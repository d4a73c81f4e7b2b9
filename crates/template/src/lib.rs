//! Template descriptors and the instance encoders compiled from them.

mod node;

pub use node::{Key, Node, NodeValue, Position};
