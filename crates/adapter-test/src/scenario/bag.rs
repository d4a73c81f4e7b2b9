//! Attribute bags as written: by the type that a manifest declares, or with the type beside the value.

use mixer_attribute::{Bag, MapView, Value, ValueType, Vocabulary};
use serde_json::Value as Json;

use super::steps::WrittenBag;

/// Checks a bag's values against the vocabulary.
///
/// # Errors
/// What is wrong with an attribute, by its name.
pub(crate) fn read(written: &WrittenBag, vocabulary: &std::sync::Arc<Vocabulary>) -> Result<Bag, String> {
    let mut bag = Bag::new(vocabulary.clone());
    for (name, value) in written {
        let slot = vocabulary.slot(name).ok_or_else(|| {
            format!("attribute {name} is declared by no attributemanifest, so no expression can read it")
        })?;
        let value = typed(vocabulary.value_type(slot), value).map_err(|error| format!("{name}: {error}"))?;
        bag.set_value(slot, &value);
    }
    Ok(bag)
}

/// A value of a declared type, or of the type that it names: `{int64: 5}`.
fn typed(declared: ValueType, written: &Json) -> Result<Value<'static>, String> {
    let Json::Object(members) = written else { return scalar(declared, written) };
    if declared == ValueType::StringMap {
        return string_map(members);
    }
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((kind, value)), None) => named(kind, value),
        _ => Err(format!("is a map, but a manifest declares {}", declared.name())),
    }
}

/// The types of `mixc`'s flags.
fn named(kind: &str, written: &Json) -> Result<Value<'static>, String> {
    let declared = match kind {
        "string" => ValueType::String,
        "int64" => ValueType::Int64,
        "double" => ValueType::Double,
        "bool" => ValueType::Bool,
        "timestamp" => ValueType::Timestamp,
        "duration" => ValueType::Duration,
        "ip" => ValueType::IpAddress,
        "bytes" => return bytes(written),
        "stringmap" => match written {
            Json::Object(members) => return string_map(members),
            _ => ValueType::StringMap,
        },
        other => {
            return Err(format!(
                "{other:?} is no type; write one of string, int64, double, bool, timestamp, duration, ip, bytes, stringmap"
            ));
        }
    };
    scalar(declared, written)
}

fn scalar(declared: ValueType, written: &Json) -> Result<Value<'static>, String> {
    let wrong = || format!("{written} is no {}", declared.name());
    let text = || written.as_str().ok_or_else(wrong);
    Ok(match declared {
        ValueType::Int64 => Value::Int64(written.as_i64().ok_or_else(wrong)?),
        ValueType::Double => Value::Double(written.as_f64().ok_or_else(wrong)?),
        ValueType::Bool => Value::Bool(written.as_bool().ok_or_else(wrong)?),
        ValueType::Timestamp => Value::Timestamp(text()?.parse().map_err(|error| format!("{error}"))?),
        ValueType::Duration => Value::Duration(text()?.parse().map_err(|error| format!("{error}"))?),
        ValueType::IpAddress => {
            let bytes = match text()?.parse().map_err(|_| wrong())? {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets().to_vec(),
            };
            Value::Bytes(bytes.into())
        }
        ValueType::StringMap => return Err(wrong()),
        _ => Value::Text(text()?.as_bytes().to_vec().into()),
    })
}

fn string_map(members: &serde_json::Map<String, Json>) -> Result<Value<'static>, String> {
    let entry = |(key, value): (&String, &Json)| {
        let value =
            value.as_str().ok_or_else(|| format!("[{key}] is {value}, which is no text; quote it"))?;
        Ok((key.as_bytes().to_vec(), value.as_bytes().to_vec()))
    };
    let entries = members.iter().map(entry).collect::<Result<Vec<_>, String>>()?;
    Ok(Value::StringMap(MapView::owned(entries)))
}

/// Hexadecimal bytes with colons between them.
fn bytes(written: &Json) -> Result<Value<'static>, String> {
    let wrong = || format!("{written} is no list of hexadecimal bytes such as \"a:0:0:1\"");
    let text = written.as_str().ok_or_else(wrong)?;
    let bytes: Result<Vec<u8>, _> = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
    Ok(Value::Bytes(bytes.map_err(|_| wrong())?.into()))
}
