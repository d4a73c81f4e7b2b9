//! What is made from a `template.proto` or from an adapter's `config.proto`: the handler service, the resource, the
//! reference in Markdown. It reads `.proto` files and returns texts; it writes nothing.

mod comments;
mod descriptor;
mod diagnostic;
mod golden;
mod model;
mod protos;
mod reference;
mod resource;
mod service;

pub use descriptor::{Compiled, compile_template, config_descriptor};
pub use diagnostic::{Diagnostic, Error, Rule};
pub use golden::{GoldenCases, NotGolden};
pub use mixer_template::Variety;
pub use model::{Field, Item, Message, Model, Policy, Shape};
pub use protos::{Protos, Source};
pub use reference::reference;
pub use resource::{Adapter, BadName, Metadata, adapter_resource, template_resource};
pub use service::handler_service;
