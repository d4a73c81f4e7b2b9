//! The shipped templates: messages of their handler services, and the descriptor sets that `template`
//! resources carry.

/// Declares the templates by the names of their folders in `templates/`.
macro_rules! templates {
    ($($name:ident),* $(,)?) => {
        pub use crate::generated::template::{$($name),*};

        /// Names of the shipped templates, sorted.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// The descriptor set of a shipped template, or none when there is no template of that name.
        ///
        /// It is a `google.protobuf.FileDescriptorSet` with the template's handler service and everything that
        /// imports, without comments and positions. A `template` resource carries it in base64.
        #[must_use]
        pub fn descriptor_set(name: &str) -> Option<&'static [u8]> {
            match name {
                $(stringify!($name) => Some(include_bytes!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../../templates/",
                    stringify!($name),
                    "/template_handler_service.desc",
                ))),)*
                _ => None,
            }
        }
    };
}

templates! {
    apikey,
    authorization,
    checknothing,
    edge,
    kubernetes,
    listentry,
    logentry,
    metric,
    quota,
    reportnothing,
    tracespan,
}
