//! What the tests of images, charts and manifests share; each helper is a module of its own. The tests are in `tests/`, one
//! file for each behaviour.

pub mod image;
pub mod namespace;
pub mod podman;
