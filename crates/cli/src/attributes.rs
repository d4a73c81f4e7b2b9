//! The flags that give attributes: one for each type, and one that finds the type out.

use crate::value::{self, TypedValue, ValueError};

/// Attributes given by flags, each flag a list `name1=value1,name2=value2`. Values cannot hold a comma.
/// A flag given several times adds to the list.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AttributeArgs {
    /// List of name/value auto-sensed attributes specified as name1=value1,name2=value2,...
    #[arg(short = 'a', long = "attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub attributes: Vec<String>,

    /// List of name/value string attributes specified as name1=value1,name2=value2,...
    #[arg(short = 's', long = "string_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub string_attributes: Vec<String>,

    /// List of name/value int64 attributes specified as name1=value1,name2=value2,...
    #[arg(short = 'i', long = "int64_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub int64_attributes: Vec<String>,

    /// List of name/value float64 attributes specified as name1=value1,name2=value2,...
    #[arg(short = 'd', long = "double_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub double_attributes: Vec<String>,

    /// List of name/value bool attributes specified as name1=value1,name2=value2,...
    #[arg(short = 'b', long = "bool_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub bool_attributes: Vec<String>,

    /// List of name/value timestamp (RFC 3339) attributes specified as name1=value1,name2=value2,...
    #[arg(short = 't', long = "timestamp_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub timestamp_attributes: Vec<String>,

    /// List of name/value duration attributes specified as name1=value1,name2=value2,...
    #[arg(long = "duration_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub duration_attributes: Vec<String>,

    /// List of name/value bytes attributes specified as name1=b0:b1:b3,name2=b4:b5:b6,... in hexadecimal
    #[arg(long = "bytes_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub bytes_attributes: Vec<String>,

    /// List of name/value string map attributes specified as name1=k1:v1;k2:v2,name2=k3:v3,...
    #[arg(long = "stringmap_attributes", value_name = "LIST", allow_hyphen_values = true)]
    pub stringmap_attributes: Vec<String>,
}

/// Attribute flags that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// A list element without `=`.
    #[error("attribute value {element} does not include an = sign (in --{flag}; write name=value)")]
    NoEqualsSign {
        /// The flag's long name.
        flag: &'static str,
        /// The list element.
        element: String,
    },
    /// A list element with nothing before `=`.
    #[error("attribute value {element} does not contain a valid name (in --{flag}; write name=value)")]
    NoName {
        /// The flag's long name.
        flag: &'static str,
        /// The list element.
        element: String,
    },
    /// A value that is not of the flag's type.
    #[error("attribute {name} in --{flag}: {error}")]
    Value {
        /// The flag's long name.
        flag: &'static str,
        /// The attribute.
        name: String,
        /// What is wrong with the value.
        error: ValueError,
    },
    /// The same attribute twice.
    #[error("attribute {name} is given twice, in --{first} and in --{second}; give it once")]
    Duplicate {
        /// The attribute.
        name: String,
        /// The flag that gave it first.
        first: &'static str,
        /// The flag that gave it again.
        second: &'static str,
    },
}

type Parse = fn(&str) -> Result<TypedValue, ValueError>;

impl AttributeArgs {
    /// The attributes with their values: those of the typed flags in the order of the original (string, int64,
    /// double, bool, timestamp, duration, bytes, string map), then the auto-sensed ones.
    ///
    /// # Errors
    /// The first list element that is no `name=value` of the flag's type, or that names an attribute again.
    pub fn attributes(&self) -> Result<Vec<(String, TypedValue)>, AttributeError> {
        let sense: Parse = |text| Ok(value::sense(text));
        let flags: [(&'static str, &[String], Parse); 9] = [
            ("string_attributes", &self.string_attributes, value::string),
            ("int64_attributes", &self.int64_attributes, value::int64),
            ("double_attributes", &self.double_attributes, value::double),
            ("bool_attributes", &self.bool_attributes, value::bool),
            ("timestamp_attributes", &self.timestamp_attributes, value::timestamp),
            ("duration_attributes", &self.duration_attributes, value::duration),
            ("bytes_attributes", &self.bytes_attributes, value::bytes),
            ("stringmap_attributes", &self.stringmap_attributes, value::string_map),
            ("attributes", &self.attributes, sense),
        ];
        let mut found: Vec<(&'static str, (String, TypedValue))> = Vec::new();
        for (flag, lists, parse) in flags {
            for element in lists.iter().filter(|list| !list.is_empty()).flat_map(|list| list.split(',')) {
                let (name, value) = read_element(flag, element, parse)?;
                if let Some((first, _)) = found.iter().find(|(_, (n, _))| *n == name) {
                    return Err(AttributeError::Duplicate { name, first, second: flag });
                }
                found.push((flag, (name, value)));
            }
        }
        Ok(found.into_iter().map(|(_, attribute)| attribute).collect())
    }
}

fn read_element(
    flag: &'static str,
    element: &str,
    parse: Parse,
) -> Result<(String, TypedValue), AttributeError> {
    let Some((name, text)) = element.split_once('=') else {
        return Err(AttributeError::NoEqualsSign { flag, element: element.to_owned() });
    };
    if name.is_empty() {
        return Err(AttributeError::NoName { flag, element: element.to_owned() });
    }
    match parse(text) {
        Ok(value) => Ok((name.to_owned(), value)),
        Err(error) => Err(AttributeError::Value { flag, name: name.to_owned(), error }),
    }
}
