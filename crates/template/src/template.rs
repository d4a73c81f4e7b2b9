//! A template as the server knows it: what its descriptor says about variety, call path and messages.

use std::fmt;
use std::sync::Arc;

use prost_reflect::{FileDescriptor, MessageDescriptor};

use crate::descriptor::{DescriptorError, DescriptorSet, TemplateOptions};

/// When adapters of a template are called, and what they answer:
/// `istio.mixer.adapter.model.v1beta1.TemplateVariety`, same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variety {
    /// A decision.
    Check = 0,
    /// Nothing; calls take many instances.
    Report = 1,
    /// A grant.
    Quota = 2,
    /// More attributes, before rules are looked at.
    AttributeGenerator = 3,
    /// A decision and values for header operations.
    CheckWithOutput = 4,
}

impl Variety {
    /// Every variety, in the order of the numbers.
    pub const ALL: [Self; 5] =
        [Self::Check, Self::Report, Self::Quota, Self::AttributeGenerator, Self::CheckWithOutput];

    /// The enum value name of the protobuf definition.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "TEMPLATE_VARIETY_CHECK",
            Self::Report => "TEMPLATE_VARIETY_REPORT",
            Self::Quota => "TEMPLATE_VARIETY_QUOTA",
            Self::AttributeGenerator => "TEMPLATE_VARIETY_ATTRIBUTE_GENERATOR",
            Self::CheckWithOutput => "TEMPLATE_VARIETY_CHECK_WITH_OUTPUT",
        }
    }

    /// The variety of a protobuf enum number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|variety| *variety as i32 == number)
    }

    /// Whether adapters answer with an `OutputMsg`.
    pub fn has_output(self) -> bool {
        matches!(self, Self::AttributeGenerator | Self::CheckWithOutput)
    }
}

impl fmt::Display for Variety {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A descriptor that is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The descriptor set cannot be used at all.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// No file has the variety option.
    #[error(
        "no proto file has the option template_variety; use the descriptor set of the generated handler service proto"
    )]
    NoVariety,
    /// Two files have it.
    #[error(
        "proto files {0} and {1} both have the option template_variety; only one template per descriptor set"
    )]
    TwoTemplates(String, String),
    /// The variety's number means nothing.
    #[error("proto file {file}: template_variety {number} is none of 0 to 4")]
    UnknownVariety {
        /// The file.
        file: String,
        /// What it says.
        number: i32,
    },
    /// The name option is missing.
    #[error(
        "proto file {0} is missing the option template_name; use the generated handler service proto, not template.proto"
    )]
    NoName(String),
    /// The name has something else than letters.
    #[error("template_name {0:?} must be letters only (^[a-zA-Z]+$)")]
    BadName(String),
    /// A message is missing.
    #[error("message {0} is missing; use the descriptor set of the generated handler service proto")]
    MissingMessage(String),
    /// No service to call.
    #[error("no service whose name starts with \"Handle\"; use the generated handler service proto")]
    NoService,
    /// A service without methods.
    #[error("service {0} has no method; use the generated handler service proto")]
    NoMethod(String),
    /// No configuration message.
    #[error("no message named {0}; the descriptor of an adapter's config.proto must have it")]
    NoParams(String),
}

/// A template.
#[derive(Clone, Debug)]
pub struct Template {
    name: Arc<str>,
    template_name: String,
    package: String,
    variety: Variety,
    grpc_path: String,
    instance: MessageDescriptor,
    inferred: Option<MessageDescriptor>,
    output: Option<MessageDescriptor>,
}

impl Template {
    /// Reads the descriptor set of a generated handler service proto. `name` is the name by which configuration
    /// refers to the template.
    ///
    /// # Errors
    /// The bytes are not a descriptor set, or it does not describe exactly one template.
    pub fn from_descriptor_set(name: &str, bytes: &[u8]) -> Result<Self, TemplateError> {
        let set = DescriptorSet::decode(bytes)?;
        let (index, options) = template_file(&set)?;
        let file_name = set.files.get(index).map_or("", |file| file.name()).to_owned();
        let (variety, template_name) = check_options(&file_name, options)?;
        // The first service called Handle… is the one that is called, whichever file it is in.
        let serving = set.files.iter().position(|file| file.service.iter().any(is_handler));
        let pool = set.pool(std::iter::once(index).chain(serving))?;
        let service = serving
            .and_then(|index| pool.get_file_by_name(set.files.get(index)?.name()))
            .and_then(|file| file.services().find(|service| is_handler(service.service_descriptor_proto())))
            .ok_or(TemplateError::NoService)?;
        let method = service
            .methods()
            .next()
            .ok_or_else(|| TemplateError::NoMethod(service.full_name().to_owned()))?;
        let grpc_path = format!("/{}/{}", service.full_name(), method.name());
        let file = pool.get_file_by_name(&file_name).ok_or(TemplateError::NoVariety)?;
        let output = match variety.has_output() {
            true => Some(message(&file, "OutputMsg")?),
            false => None,
        };
        Ok(Self {
            name: name.into(),
            template_name,
            package: file.package_name().to_owned(),
            variety,
            grpc_path,
            instance: message(&file, "InstanceMsg")?,
            inferred: message(&file, "Type").ok(),
            output,
        })
    }

    /// The same template under another name.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The name by which configuration refers to it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The `template_name` option of its file.
    pub fn template_name(&self) -> &str {
        &self.template_name
    }

    /// The proto package of its file.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// When adapters are called, and what they answer.
    pub fn variety(&self) -> Variety {
        self.variety
    }

    /// The path of a gRPC call: `/package.HandleXService/HandleX`.
    pub fn grpc_path(&self) -> &str {
        &self.grpc_path
    }

    /// What an adapter receives for each instance.
    pub fn instance_message(&self) -> &MessageDescriptor {
        &self.instance
    }

    /// The message of inferred types, when the template has one.
    pub fn type_message(&self) -> Option<&MessageDescriptor> {
        self.inferred.as_ref()
    }

    /// What an adapter answers with, for the varieties that have output.
    pub fn output_message(&self) -> Option<&MessageDescriptor> {
        self.output.as_ref()
    }
}

fn is_handler(service: &prost_types::ServiceDescriptorProto) -> bool {
    service.name().starts_with("Handle")
}

fn template_file(set: &DescriptorSet) -> Result<(usize, &TemplateOptions), TemplateError> {
    let mut files = set.options.iter().enumerate().filter(|(_, options)| options.variety.is_some());
    let first = files.next().ok_or(TemplateError::NoVariety)?;
    match files.next() {
        None => Ok(first),
        Some((second, _)) => {
            let name = |index: usize| set.files.get(index).map_or("", |file| file.name()).to_owned();
            Err(TemplateError::TwoTemplates(name(first.0), name(second)))
        }
    }
}

fn check_options(file: &str, options: &TemplateOptions) -> Result<(Variety, String), TemplateError> {
    let number = options.variety.unwrap_or_default();
    let variety = Variety::from_number(number)
        .ok_or_else(|| TemplateError::UnknownVariety { file: file.to_owned(), number })?;
    let name = options.name.clone().ok_or_else(|| TemplateError::NoName(file.to_owned()))?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(TemplateError::BadName(name));
    }
    Ok((variety, name))
}

fn message(file: &FileDescriptor, name: &str) -> Result<MessageDescriptor, TemplateError> {
    let full = match file.package_name() {
        "" => name.to_owned(),
        package => format!("{package}.{name}"),
    };
    file.messages().find(|message| message.name() == name).ok_or(TemplateError::MissingMessage(full))
}
