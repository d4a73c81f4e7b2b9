//! Template descriptors and the instance encoders compiled from them.

mod descriptor;
mod instance;
mod node;
mod output;
mod params;
mod payload;
mod problem;
mod scalar;
mod template;
mod wire;

pub use descriptor::DescriptorError;
pub use instance::{
    BlockInterner, CachedBag, EncodeCache, EncodeCause, EncodeError, InstanceEncoder, InstanceSource,
    NAME_FIELD, ParamsDialect,
};
pub use node::{Key, Node, NodeValue, Position};
pub use output::{CheckOutput, OutputDecoder, OutputError, OutputField, split_check_output, unmap_ipv4};
pub use params::{ParamsMessage, encode_message};
pub use problem::ParamsProblem;
pub use template::{Template, TemplateError, Variety};
pub use wire::WireError;
