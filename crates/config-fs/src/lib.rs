//! The file source of configuration: a watched tree of YAML documents.
