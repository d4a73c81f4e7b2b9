//! Attribute values, the vocabulary, bags and the record of what was read.
