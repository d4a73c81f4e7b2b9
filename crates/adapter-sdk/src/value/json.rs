//! Values as JSON, so that none of them loses anything.

use serde_json::{Map, Number, Value as Json};

use super::ValueView;

impl ValueView<'_> {
    /// The value as JSON, by the table of [the module](crate::value): what JSON has no exact form for is text.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Int64(value) => Json::from(*value),
            // Neither an infinity nor "not a number" is a number in JSON.
            Self::Double(value) => {
                Number::from_f64(*value).map_or_else(|| self.to_string().into(), Json::Number)
            }
            Self::Bool(value) => Json::Bool(*value),
            Self::StringMap(map) => {
                let entries = map.sorted().into_iter();
                Json::Object(
                    entries.map(|(key, value)| (key.to_owned(), value.into())).collect::<Map<_, _>>(),
                )
            }
            _ => self.text().into(),
        }
    }
}
