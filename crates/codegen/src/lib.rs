//! What is made from a `template.proto` or from an adapter's `config.proto`: the handler service, the resource, the
//! reference in Markdown. It reads `.proto` files and returns texts; it writes nothing.

mod comments;
mod descriptor;
mod diagnostic;
mod model;
mod protos;
mod resource;
mod service;

pub use descriptor::{config_descriptor, template_descriptor};
pub use diagnostic::{Diagnostic, Error, Rule};
pub use model::{Field, Item, Message, Model, Policy, Shape};
pub use protos::{Protos, Source};
pub use resource::{Adapter, BadName, Metadata, adapter_resource, template_resource};
pub use service::handler_service;
