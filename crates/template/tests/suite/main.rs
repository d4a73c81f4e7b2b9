//! Behaviour of templates: reading descriptors, encoding instances and params, decoding output. One module each.

mod output;
mod params;
mod support;
mod template;
