//! Behaviour of templates: reading descriptors, encoding instances and params, decoding output. One module each.

mod instance;
mod output;
mod params;
mod support;
mod template;
