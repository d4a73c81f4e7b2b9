//! A template as its author wrote it, checked against every rule at once: variety, names, messages and fields.

mod fields;
mod file;

pub(crate) use fields::BINDINGS;
pub(crate) use file::service_of;
use mixer_template::Variety;

use crate::{Error, Source};

/// A sound template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// When adapters are called.
    pub variety: Variety,
    /// Package of the generated service: the author's in lower case.
    pub package: String,
    /// Name in services and methods, such as `ListEntry`.
    pub title: String,
    /// Value of the option `template_name`, such as `listentry`.
    pub name: String,
    /// The message `Template`.
    pub template: Message,
    /// The message `OutputTemplate`, for the varieties whose adapters answer with one.
    pub output: Option<Message>,
    /// The other messages of the package, in the order of the files.
    pub resources: Vec<Message>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name without package.
    pub name: String,
    /// The comment above it, lines without `//`.
    pub comment: String,
    /// Its fields in the order of the file.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// The comment above it or behind it, lines without `//`.
    pub comment: String,
    /// How many values it holds.
    pub shape: Shape,
    /// What each value is.
    pub item: Item,
}

/// How many values a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One.
    One,
    /// Any number (`repeated`).
    List,
    /// One for each key, which is a string.
    Map,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `string`.
    String,
    /// `int64`.
    Int64,
    /// `double`.
    Double,
    /// `bool`.
    Bool,
    /// A message of `istio.policy.v1beta1`.
    Policy(Policy),
    /// A resource message, by name.
    Message(String),
}

/// The messages of `istio.policy.v1beta1` that stand for types of expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Whatever the expression gives.
    Value,
    /// A TIMESTAMP.
    TimeStamp,
    /// A DURATION.
    Duration,
    /// An `IP_ADDRESS`.
    IpAddress,
    /// A `DNS_NAME`.
    DnsName,
    /// A URI.
    Uri,
    /// An `EMAIL_ADDRESS`.
    EmailAddress,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Value,
        Self::TimeStamp,
        Self::Duration,
        Self::IpAddress,
        Self::DnsName,
        Self::Uri,
        Self::EmailAddress,
    ];

    /// Full name of the message.
    pub fn proto(self) -> &'static str {
        match self {
            Self::Value => "istio.policy.v1beta1.Value",
            Self::TimeStamp => "istio.policy.v1beta1.TimeStamp",
            Self::Duration => "istio.policy.v1beta1.Duration",
            Self::IpAddress => "istio.policy.v1beta1.IPAddress",
            Self::DnsName => "istio.policy.v1beta1.DNSName",
            Self::Uri => "istio.policy.v1beta1.Uri",
            Self::EmailAddress => "istio.policy.v1beta1.EmailAddress",
        }
    }
}

impl Item {
    /// The type as a proto file of another package names it; of a resource message just its name.
    pub fn proto(&self) -> &str {
        match self {
            Self::String => "string",
            Self::Int64 => "int64",
            Self::Double => "double",
            Self::Bool => "bool",
            Self::Policy(policy) => policy.proto(),
            Self::Message(name) => name,
        }
    }

    /// The type that an expression for the field must have; none for a message, which has a field for each.
    pub fn expression_type(&self) -> Option<&'static str> {
        Some(match self {
            Self::String => "STRING",
            Self::Int64 => "INT64",
            Self::Double => "DOUBLE",
            Self::Bool => "BOOL",
            Self::Policy(Policy::Value) => "any",
            Self::Policy(Policy::TimeStamp) => "TIMESTAMP",
            Self::Policy(Policy::Duration) => "DURATION",
            Self::Policy(Policy::IpAddress) => "IP_ADDRESS",
            Self::Policy(Policy::DnsName) => "DNS_NAME",
            Self::Policy(Policy::Uri) => "URI",
            Self::Policy(Policy::EmailAddress) => "EMAIL_ADDRESS",
            Self::Message(_) => return None,
        })
    }

    /// Whether each instance decides the type of the value anew.
    pub fn is_dynamic(&self) -> bool {
        matches!(self, Self::Policy(Policy::Value))
    }
}

impl Model {
    /// Reads the author's form of a template.
    ///
    /// # Errors
    /// Everything that breaks a rule, in the order of the file.
    pub fn read(source: &Source) -> Result<Self, Error> {
        file::read(source)
    }
}
