//! Protobuf files of the Mixer API and the Rust messages made from them.
