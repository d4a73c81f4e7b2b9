//! Structured configuration (what a YAML or JSON document says) with the place of every value, so that a problem
//! can name line and column.

/// A place in a source text; both numbers start at 1, 0 means "unknown".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column in characters.
    pub column: u32,
}

/// A value with its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Where it starts.
    pub position: Position,
}

/// What a node holds. Plain YAML scalars are resolved by the YAML 1.2 core schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum NodeValue {
    /// `null`, `~` or nothing.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above the largest `i64`.
    UInt(u64),
    /// A number with fraction or exponent.
    Float(f64),
    /// Text.
    String(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the document; keys as text.
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The key as text, whatever its YAML type.
    pub text: String,
    /// Where it starts.
    pub position: Position,
}

impl Node {
    /// A node of unknown place.
    pub fn new(value: NodeValue) -> Self {
        Self { value, position: Position::default() }
    }

    /// The value of a mapping entry.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            NodeValue::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// The word for messages: `null`, `bool`, `number`, `string`, `list`, `map`.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "null",
            NodeValue::Bool(_) => "bool",
            NodeValue::Int(_) | NodeValue::UInt(_) | NodeValue::Float(_) => "number",
            NodeValue::String(_) => "string",
            NodeValue::List(_) => "list",
            NodeValue::Map(_) => "map",
        }
    }
}
