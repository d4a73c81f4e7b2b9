//! Units of remote write.
