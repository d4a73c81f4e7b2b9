//! Golden cases: what becomes of an instance's `params` and of given attributes, as data beside a template. They run
//! through the server's own compiler.

mod given;

use std::collections::BTreeMap;
use std::sync::Arc;

use mixer_attribute::{Bag, Referenced, VocabularyBuilder};
use mixer_expr::Options;
use mixer_template::{
    BlockInterner, InstanceEncoder, InstanceSource, Key, NAME_FIELD, Node, NodeValue, ParamsDialect,
    Position, Template,
};
use prost_reflect::DynamicMessage;
use serde::Deserialize;
use serde_json::Value;

use given::Given;

/// The cases of one template: the content of `golden.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenCases {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows.
    name: String,
    /// The dialect of `params`.
    #[serde(default)]
    dialect: Dialect,
    /// Attributes with their values.
    #[serde(default)]
    attributes: BTreeMap<String, Given>,
    #[serde(default)]
    params: Value,
    /// The instance in the JSON form of protobuf, without its name.
    instance: Option<Value>,
    /// Part of the text of the error instead.
    error: Option<String>,
}

/// How `params` are written; see [`ParamsDialect`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Dialect {
    #[default]
    Typed,
    Expressions,
}

/// Text that is not a file of golden cases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not golden cases: {0}")]
pub struct NotGolden(String);

impl GoldenCases {
    /// Reads the YAML of a file.
    ///
    /// # Errors
    /// The text is not of the form, or says nothing: no cases, a case that expects neither or both.
    pub fn parse(text: &str) -> Result<Self, NotGolden> {
        let cases: Self = serde_saphyr::from_str(text).map_err(|error| NotGolden(error.to_string()))?;
        if cases.cases.is_empty() {
            return Err(NotGolden("there is no case".to_owned()));
        }
        match cases.cases.iter().find(|case| case.instance.is_some() == case.error.is_some()) {
            Some(case) => Err(NotGolden(format!("case {:?} needs either `instance` or `error`", case.name))),
            None => Ok(cases),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Runs the cases; a text for each one that does not hold.
    pub fn run(&self, template: &Template) -> Vec<String> {
        self.cases
            .iter()
            .filter_map(|case| Some(format!("case {:?}: {}", case.name, case.run(template)?)))
            .collect()
    }
}

impl Case {
    /// What is not as expected.
    fn run(&self, template: &Template) -> Option<String> {
        match (self.encode(template), &self.instance, &self.error) {
            (Ok(bytes), Some(expected), _) => difference(template, &bytes, expected),
            (Ok(bytes), None, Some(part)) => {
                let found = DynamicMessage::decode(template.instance_message().clone(), &bytes[..]);
                let found = found.ok().and_then(|found| serde_json::to_value(found).ok()).unwrap_or_default();
                Some(format!("expected the error {part:?}, found the instance {found}"))
            }
            (Err(error), Some(_), _) => Some(format!("expected an instance, found the error {error:?}")),
            (Err(error), None, Some(part)) if !error.contains(part) => {
                Some(format!("expected the error {part:?}, found {error:?}"))
            }
            _ => None,
        }
    }

    fn encode(&self, template: &Template) -> Result<Vec<u8>, String> {
        let mut vocabulary = VocabularyBuilder::new();
        let mut slots = Vec::new();
        for (name, given) in &self.attributes {
            let slot = vocabulary.attribute(name, given.value_type()?).map_err(|error| error.to_string())?;
            slots.push((slot, given));
        }
        let name: Arc<str> = "golden".into();
        let dialect = match self.dialect {
            Dialect::Typed => ParamsDialect::Typed,
            Dialect::Expressions => ParamsDialect::Expressions,
        };
        let params = node(&self.params);
        let source = InstanceSource { name: &name, template, params: &params, dialect };
        let mut blocks = BlockInterner::new();
        let encoder = InstanceEncoder::compile(source, &mut vocabulary, &Options::default(), &mut blocks);
        let encoder = encoder
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let mut bag = Bag::new(vocabulary.finish());
        for (slot, given) in slots {
            given.set(&mut bag, slot)?;
        }
        let mut out = Vec::new();
        encoder.encode(&bag, &mut Referenced::new(), &mut out).map_err(|error| error.to_string())?;
        Ok(out)
    }
}

/// How bytes differ from the expected instance.
fn difference(template: &Template, bytes: &[u8], expected: &Value) -> Option<String> {
    match compared(template, bytes, expected) {
        Ok((wanted, found)) if wanted == found => None,
        Ok((wanted, found)) => Some(format!("expected {wanted}, found {found}")),
        Err(problem) => Some(problem),
    }
}

/// The expected instance and the encoded one as JSON: there a field that is written though it is zero is like one that
/// is not.
fn compared(template: &Template, bytes: &[u8], expected: &Value) -> Result<(Value, Value), String> {
    let message = template.instance_message();
    let wanted = DynamicMessage::deserialize(message.clone(), expected.clone())
        .map_err(|error| format!("`instance` is not of the form of {}: {error}", message.full_name()))?;
    let mut found = DynamicMessage::decode(message.clone(), bytes)
        .map_err(|error| format!("the encoded instance cannot be decoded: {error}"))?;
    found.clear_field_by_number(NAME_FIELD);
    let json = |message: DynamicMessage| {
        serde_json::to_value(message).map_err(|error| format!("an instance has no JSON form: {error}"))
    };
    Ok((json(wanted)?, json(found)?))
}

/// A document without places.
fn node(value: &Value) -> Node {
    let value = match value {
        Value::Null => NodeValue::Null,
        Value::Bool(v) => NodeValue::Bool(*v),
        Value::Number(v) => match (v.as_i64(), v.as_u64(), v.as_f64()) {
            (Some(v), ..) => NodeValue::Int(v),
            (_, Some(v), _) => NodeValue::UInt(v),
            (.., v) => NodeValue::Float(v.unwrap_or_default()),
        },
        Value::String(v) => NodeValue::String(v.clone()),
        Value::Array(v) => NodeValue::List(v.iter().map(node).collect()),
        Value::Object(v) => {
            let key = |text: &String| Key { text: text.clone(), position: Position::default() };
            NodeValue::Map(v.iter().map(|(text, value)| (key(text), node(value))).collect())
        }
    };
    Node::new(value)
}
