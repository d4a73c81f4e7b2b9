//! The compressed wire form of attributes, to and from bags.
