//! What the tests of images, charts and manifests share; each helper is a module of its own. The tests are in `tests/`, one
//! file for each behaviour.

pub mod dns;
pub mod image;
pub mod kustomize;
pub mod namespace;
pub mod net;
pub mod podman;
pub mod render;
pub mod schema;
