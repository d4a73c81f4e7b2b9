//! Template descriptors and the instance encoders compiled from them.
