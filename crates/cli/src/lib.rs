//! What the command-line programs share: attributes given by flags, values written as Go writes them, and
//! the names of status codes.

mod attributes;
mod code;
mod value;
mod version;

pub use attributes::{AttributeArgs, AttributeError};
pub use code::{grpc_code_name, rpc_code_name};
pub use value::{TypedValue, ValueError, parse_bool, parse_double, parse_int64, sense};
pub use version::{BuildFacts, Format, VersionArgs};
