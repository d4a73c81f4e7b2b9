//! Answers as JSON: values with their kind, what was read, errors.

use mixer_attribute::{Bag, Presence, Referenced, Value, ValueType};

/// Adds a JSON string.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    // Writing a string to a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Adds `"name":`, after a comma if something stands before it.
pub(crate) fn member(out: &mut Vec<u8>, name: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    text(out, name);
    out.push(b':');
}

/// Adds a value: `{"string":…}` and so on.
pub(crate) fn value(out: &mut Vec<u8>, value: &Value<'_>) {
    out.push(b'{');
    match value {
        Value::Text(bytes) => {
            member(out, "string");
            text(out, &String::from_utf8_lossy(bytes));
        }
        Value::Int64(v) => {
            member(out, "int64");
            out.extend_from_slice(v.to_string().as_bytes());
        }
        Value::Double(v) => {
            member(out, "double");
            double(out, *v);
        }
        Value::Bool(v) => {
            member(out, "bool");
            out.extend_from_slice(if *v { b"true" } else { b"false" });
        }
        Value::Timestamp(v) => {
            member(out, "timestamp");
            text(out, &v.to_string());
        }
        Value::Duration(v) => {
            member(out, "duration_ns");
            out.extend_from_slice(v.nanos().to_string().as_bytes());
        }
        Value::Bytes(bytes) => {
            member(out, "bytes");
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            out.extend_from_slice(format!("[{}]", numbers.join(",")).as_bytes());
        }
        Value::StringMap(map) => {
            member(out, "string_map");
            out.push(b'{');
            for (key, value) in map.sorted() {
                member(out, &String::from_utf8_lossy(key));
                text(out, &String::from_utf8_lossy(value));
            }
            out.push(b'}');
        }
    }
    out.push(b'}');
}

/// A whole number without fraction; words for what JSON has no numbers for.
fn double(out: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        text(out, "NaN");
    } else if number.is_infinite() {
        text(out, if number > 0.0 { "Infinity" } else { "-Infinity" });
    } else if number.fract() == 0.0 && number.abs() < 1e21 {
        out.extend_from_slice(format!("{number:.0}").as_bytes());
    } else {
        let _ = serde_json::to_writer(out, &number);
    }
}

/// What was looked at, sorted: `name` or `name[key]`, with a `-` in front of what was not there.
pub(crate) fn references(refs: &Referenced, bag: &Bag) -> Vec<String> {
    let mut names: Vec<String> = refs
        .lookups(bag)
        .iter()
        .map(|reference| {
            let mut name = match reference.presence {
                Presence::Absent => "-".to_owned(),
                Presence::Exact => String::new(),
            };
            name.push_str(reference.attribute);
            if let Some(key) = reference.key {
                name.push('[');
                name.push_str(&String::from_utf8_lossy(key));
                name.push(']');
            }
            name
        })
        .collect();
    names.sort();
    names
}

/// Adds the members `type`, `result` or `error`, and `referenced`.
pub(crate) fn outcome(
    out: &mut Vec<u8>,
    value_type: ValueType,
    outcome: &Result<Value<'_>, mixer_expr::EvalError>,
    references: &[String],
) {
    member(out, "type");
    text(out, value_type.name());
    match outcome {
        Ok(result) => {
            member(out, "result");
            value(out, result);
        }
        Err(error) => {
            member(out, "error");
            text(out, &error.to_string());
        }
    }
    member(out, "referenced");
    out.push(b'[');
    for (index, name) in references.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        text(out, name);
    }
    out.push(b']');
}
