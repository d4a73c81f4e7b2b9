//! The specifications of the core kinds, as written: shape checked, references and expressions not yet.
//!
//! Fields are those of `istio.policy.v1beta1` and `istio.mixer.adapter.model.v1beta1`; a field that does not
//! exist is an error, as in the JSON form of protobuf.

mod authentication;
mod connection;

pub(crate) use connection::ConnectionSpec;
use mixer_attribute::ValueType;
use mixer_template::{Node, NodeValue, Position};

use crate::fields::{Fields, Text, text};
use crate::report::Report;
use crate::snapshot::{FailurePolicy, HeaderOperation};

/// One attribute of an `attributemanifest`.
pub(crate) struct AttributeSpec<'r> {
    pub(crate) name: Text<'r>,
    pub(crate) value_type: ValueType,
}

/// Reads a manifest; attributes with problems are left out.
pub(crate) fn manifest<'r>(spec: &'r Node, report: &mut Report<'_>) -> Vec<AttributeSpec<'r>> {
    let mut fields = Fields::of(spec, "spec", report);
    let _ = (fields.text("revision", report), fields.text("name", report));
    let attributes = fields.take("attributes", report);
    fields.finish(report);
    let Some(attributes) = attributes else { return Vec::new() };
    if !matches!(attributes.value, NodeValue::Map(_)) {
        let message = format!("must be a map but is a {}", attributes.kind());
        report.error("spec.attributes", attributes.position, message);
    }
    let mut found = Vec::new();
    for (key, node) in attributes.entries() {
        let path = format!("spec.attributes[{}]", key.text);
        let mut fields = Fields::of(node, &path, report);
        let _ = fields.text("description", report);
        let value_type = fields.take("value_type", report);
        fields.finish(report);
        let position = value_type.map_or(key.position, |node| node.position);
        match value_type.map(value_type_of) {
            Some(Ok(value_type)) if value_type != ValueType::Unspecified => {
                found.push(AttributeSpec {
                    name: Text { text: &key.text, position: key.position },
                    value_type,
                });
            }
            Some(Err(message)) => report.error(&format!("{path}.valueType"), position, message),
            _ => report.error(&path, position, "valueType is missing; say what type the attribute has"),
        }
    }
    found
}

fn value_type_of(node: &Node) -> Result<ValueType, String> {
    let value_type = match &node.value {
        NodeValue::String(name) => name.parse(),
        NodeValue::Int(number) => ValueType::from_number(i32::try_from(*number).unwrap_or(-1)),
        _ => return Err(format!("must be the name of a type but is a {}", node.kind())),
    };
    value_type.map_err(|error| error.to_string())
}

/// A `template`.
pub(crate) struct TemplateSpec<'r> {
    pub(crate) descriptor: Option<Text<'r>>,
}

/// Reads a template.
pub(crate) fn template<'r>(spec: &'r Node, report: &mut Report<'_>) -> TemplateSpec<'r> {
    let mut fields = Fields::of(spec, "spec", report);
    let descriptor = fields.text("descriptor", report);
    fields.finish(report);
    TemplateSpec { descriptor }
}

/// An `adapter`.
pub(crate) struct AdapterSpec<'r> {
    pub(crate) templates: Vec<Text<'r>>,
    pub(crate) config: Option<Text<'r>>,
    pub(crate) session_based: bool,
}

/// Reads an adapter.
pub(crate) fn adapter<'r>(spec: &'r Node, report: &mut Report<'_>) -> AdapterSpec<'r> {
    let mut fields = Fields::of(spec, "spec", report);
    let _ = (fields.text("name", report), fields.text("description", report));
    let spec = AdapterSpec {
        templates: fields.texts("templates", report),
        config: fields.text("config", report),
        session_based: fields.boolean("session_based", report).unwrap_or(false),
    };
    fields.finish(report);
    spec
}

/// A `handler`.
pub(crate) struct HandlerSpec<'r> {
    pub(crate) adapter: Option<Text<'r>>,
    pub(crate) compiled_adapter: Option<Text<'r>>,
    pub(crate) params: Option<&'r Node>,
    pub(crate) connection: Option<ConnectionSpec<'r>>,
    pub(crate) failure_policy: FailurePolicy,
}

/// Reads a handler; in compatibility mode the original's rules of authentication hold.
pub(crate) fn handler<'r>(spec: &'r Node, compat: bool, report: &mut Report<'_>) -> HandlerSpec<'r> {
    let mut fields = Fields::of(spec, "spec", report);
    let _ = fields.text("name", report);
    let spec = HandlerSpec {
        adapter: fields.text("adapter", report),
        compiled_adapter: fields.text("compiled_adapter", report),
        params: fields.take("params", report),
        connection: fields.take("connection", report).map(|node| connection::read(node, compat, report)),
        failure_policy: failure_policy(fields.text("failure_policy", report), report),
    };
    fields.finish(report);
    spec
}

fn failure_policy(written: Option<Text<'_>>, report: &mut Report<'_>) -> FailurePolicy {
    match written.map(|written| written.text) {
        None | Some("Fail") => FailurePolicy::Fail,
        Some("Ignore") => FailurePolicy::Ignore,
        Some(other) => {
            let position = written.unwrap_or_default().position;
            report.error("spec.failurePolicy", position, format!("must be Fail or Ignore but is {other:?}"));
            FailurePolicy::Fail
        }
    }
}

/// An `instance`.
pub(crate) struct InstanceSpec<'r> {
    pub(crate) template: Option<Text<'r>>,
    pub(crate) compiled_template: Option<Text<'r>>,
    pub(crate) params: Option<&'r Node>,
    pub(crate) attribute_bindings: Option<&'r Node>,
}

/// Reads an instance.
pub(crate) fn instance<'r>(spec: &'r Node, report: &mut Report<'_>) -> InstanceSpec<'r> {
    let mut fields = Fields::of(spec, "spec", report);
    let _ = fields.text("name", report);
    let spec = InstanceSpec {
        template: fields.text("template", report),
        compiled_template: fields.text("compiled_template", report),
        params: fields.take("params", report),
        attribute_bindings: fields.take("attribute_bindings", report),
    };
    fields.finish(report);
    spec
}

/// A `rule`.
pub(crate) struct RuleSpec<'r> {
    pub(crate) condition: Option<Text<'r>>,
    pub(crate) actions: Vec<ActionSpec<'r>>,
    pub(crate) request_headers: Vec<HeaderSpec<'r>>,
    pub(crate) response_headers: Vec<HeaderSpec<'r>>,
    pub(crate) sampling: Option<Position>,
}

/// One action of a rule.
pub(crate) struct ActionSpec<'r> {
    pub(crate) path: String,
    pub(crate) position: Position,
    pub(crate) handler: Option<Text<'r>>,
    pub(crate) instances: Vec<Text<'r>>,
    pub(crate) name: Option<Text<'r>>,
}

/// One header operation of a rule.
pub(crate) struct HeaderSpec<'r> {
    pub(crate) path: String,
    pub(crate) name: Option<Text<'r>>,
    pub(crate) position: Position,
    pub(crate) values: Vec<Text<'r>>,
    pub(crate) operation: HeaderOperation,
}

/// Reads a rule.
pub(crate) fn rule<'r>(spec: &'r Node, report: &mut Report<'_>) -> RuleSpec<'r> {
    let mut fields = Fields::of(spec, "spec", report);
    let condition = fields.text("match", report);
    let actions = fields.list("actions", report).into_iter().map(|item| action(item, report)).collect();
    let request = fields.list("request_header_operations", report);
    let response = fields.list("response_header_operations", report);
    let sampling = fields.take("sampling", report).map(|node| node.position);
    fields.finish(report);
    RuleSpec {
        condition,
        actions,
        request_headers: request.into_iter().map(|item| header(item, report)).collect(),
        response_headers: response.into_iter().map(|item| header(item, report)).collect(),
        sampling,
    }
}

fn action<'r>((path, node): (String, &'r Node), report: &mut Report<'_>) -> ActionSpec<'r> {
    let mut fields = Fields::of(node, &path, report);
    let handler = fields.text("handler", report);
    let instances = fields.texts("instances", report);
    let name = fields.text("name", report);
    fields.finish(report);
    ActionSpec { path, position: node.position, handler, instances, name }
}

fn header<'r>((path, node): (String, &'r Node), report: &mut Report<'_>) -> HeaderSpec<'r> {
    let mut fields = Fields::of(node, &path, report);
    let name = fields.text("name", report);
    let values = fields.texts("values", report);
    let operation = fields.take("operation", report);
    fields.finish(report);
    let operation = operation.map_or(Some(HeaderOperation::Replace), header_operation);
    if operation.is_none() {
        let message = "must be REPLACE, REMOVE or APPEND";
        report.error(&format!("{path}.operation"), node.position, message);
    }
    HeaderSpec { path, name, position: node.position, values, operation: operation.unwrap_or_default() }
}

fn header_operation(node: &Node) -> Option<HeaderOperation> {
    match &node.value {
        NodeValue::String(name) => match name.as_str() {
            "REPLACE" => Some(HeaderOperation::Replace),
            "REMOVE" => Some(HeaderOperation::Remove),
            "APPEND" => Some(HeaderOperation::Append),
            _ => None,
        },
        NodeValue::Int(0) => Some(HeaderOperation::Replace),
        NodeValue::Int(1) => Some(HeaderOperation::Remove),
        NodeValue::Int(2) => Some(HeaderOperation::Append),
        _ => None,
    }
}

/// Attribute bindings: attribute name and expression.
pub(crate) fn bindings<'r>(node: &'r Node, path: &str, report: &mut Report<'_>) -> Vec<(Text<'r>, Text<'r>)> {
    if !matches!(node.value, NodeValue::Map(_)) {
        report.error(path, node.position, format!("must be a map but is a {}", node.kind()));
    }
    let entries = node.entries().iter();
    entries
        .filter_map(|(key, node)| {
            let value = text(node, &format!("{path}[{}]", key.text), report)?;
            Some((Text { text: &key.text, position: key.position }, value))
        })
        .collect()
}
