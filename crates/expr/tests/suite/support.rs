//! One vocabulary, one bag, and a check that compares an outcome written as text.

use mixer_attribute::{Bag, Cell, Duration, Referenced, Value, ValueType, VocabularyBuilder};
use mixer_expr::{CompileError, EvalError, Options, Program, compile};

/// The attributes of the tests. Values are those of [`bag`]; what has none there is absent.
pub(crate) fn vocabulary() -> VocabularyBuilder {
    let mut builder = VocabularyBuilder::new();
    for (name, value_type) in [
        ("request.size", ValueType::Int64),
        ("response.code", ValueType::Int64),
        ("load", ValueType::Double),
        ("mtls", ValueType::Bool),
        ("retried", ValueType::Bool),
        ("cached", ValueType::Bool),
        ("source.name", ValueType::String),
        ("source.user", ValueType::String),
        ("request.path", ValueType::String),
        ("a.b.c", ValueType::String),
        ("broken", ValueType::String),
        ("labels", ValueType::StringMap),
        ("headers", ValueType::StringMap),
        ("elapsed", ValueType::Duration),
        ("timeout", ValueType::Duration),
        ("started", ValueType::Timestamp),
        ("ended", ValueType::Timestamp),
        ("source.ip", ValueType::IpAddress),
        ("origin.ip", ValueType::IpAddress),
        ("host", ValueType::DnsName),
        ("mail", ValueType::EmailAddress),
        ("address", ValueType::Uri),
        ("untyped", ValueType::Unspecified),
    ] {
        builder.attribute(name, value_type).unwrap();
    }
    builder
}

/// A request; `broken` carries a number though it is declared as text.
pub(crate) fn bag(builder: VocabularyBuilder) -> Bag {
    let mut bag = Bag::new(builder.finish());
    let slot = |name: &str| bag.vocabulary().slot(name).unwrap();
    let [size, load, mtls, name, path, abc, broken, labels, elapsed, ip, host, ended] = [
        "request.size",
        "load",
        "mtls",
        "source.name",
        "request.path",
        "a.b.c",
        "broken",
        "labels",
        "elapsed",
        "source.ip",
        "host",
        "ended",
    ]
    .map(slot);
    bag.set(size, Cell::Int64(3));
    bag.set(load, Cell::Double(2.5));
    bag.set(mtls, Cell::Bool(true));
    bag.set_text(name, "reviews");
    bag.set_text(path, "/x");
    bag.set_text(abc, "abc");
    bag.set(broken, Cell::Int64(7));
    bag.set_text_map(labels, [("app", "v1"), ("reviews", "yes")]);
    bag.set(elapsed, Cell::Duration(Duration::from_nanos(5_000_000_000)));
    bag.set_bytes(ip, &[10, 0, 0, 1]);
    bag.set_text(host, "a.b.com");
    bag.set(ended, Cell::Timestamp("2020-01-01T00:00:00Z".parse().unwrap()));
    bag
}

/// A value as the tests write it: text quoted, bytes in hexadecimal, everything else as it prints.
pub(crate) fn show(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
        Value::Int64(v) => v.to_string(),
        Value::Double(v) => format!("{v:?}"),
        Value::Bool(v) => v.to_string(),
        Value::Timestamp(v) => v.to_string(),
        Value::Duration(v) => v.to_string(),
        Value::Bytes(bytes) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        Value::StringMap(map) => {
            let entry = |(k, v): (&[u8], &[u8])| {
                format!("{}:{}", String::from_utf8_lossy(k), String::from_utf8_lossy(v))
            };
            format!("{{{}}}", map.sorted().into_iter().map(entry).collect::<Vec<_>>().join(" "))
        }
    }
}

/// What a text comes to against the bag: `TYPE value`, `TYPE E: error` or `C: error`; and what was read.
pub(crate) fn outcome(text: &str, compat: bool) -> (String, Vec<String>) {
    let mut builder = vocabulary();
    let program = match compile(text, &mut builder, &Options { compat }) {
        Ok(program) => program,
        Err(error) => return (format!("C: {error}"), Vec::new()),
    };
    let bag = bag(builder);
    let mut refs = Referenced::new();
    let result = program.eval(&bag, &mut refs);
    if program.value_type() == ValueType::Bool {
        let mut again = Referenced::new();
        let truth = program.eval_bool(&bag, &mut again);
        assert_eq!(truth.map(Value::Bool), result.clone(), "{text}: eval_bool");
        assert_eq!(again.lookups(&bag), refs.lookups(&bag), "{text}: eval_bool");
    }
    let value_type = program.value_type();
    let shown = match result {
        Ok(value) => format!("{value_type} {}", show(&value)),
        Err(error) => format!("{value_type} E: {error}"),
    };
    (shown, looked_at(&refs, &bag))
}

/// `name`, `name[key]`, with `-` for what was absent.
pub(crate) fn looked_at(refs: &Referenced, bag: &Bag) -> Vec<String> {
    refs.lookups(bag).iter().map(print).collect()
}

/// One reference in the same form.
pub(crate) fn print(reference: &mixer_attribute::Reference<'_>) -> String {
    let sign = if reference.presence == mixer_attribute::Presence::Exact { "" } else { "-" };
    match reference.key {
        Some(key) => format!("{sign}{}[{}]", reference.attribute, String::from_utf8_lossy(key)),
        None => format!("{sign}{}", reference.attribute),
    }
}

/// Checks the outcome, the same in both modes. Of an error the beginning is compared.
#[track_caller]
pub(crate) fn check(text: &str, expected: &str) {
    check_both(text, expected, expected);
}

/// Checks the outcome by default and in compatibility mode.
#[track_caller]
pub(crate) fn check_both(text: &str, expected: &str, compat: &str) {
    for (compat, expected) in [(false, expected), (true, compat)] {
        let (actual, _) = outcome(text, compat);
        let error = expected.contains("E: ") || expected.starts_with("C: ");
        let same = if error { actual.starts_with(expected) } else { actual == expected };
        assert!(same, "{text:?} (compat: {compat})\n   is {actual}\nwants {expected}");
    }
}

/// Compiles against the vocabulary of the tests.
pub(crate) fn compiled(text: &str) -> Result<(Program, Bag), CompileError> {
    let mut builder = vocabulary();
    let program = compile(text, &mut builder, &Options::default())?;
    Ok((program, bag(builder)))
}

/// The evaluation error of a text.
pub(crate) fn eval_error(text: &str) -> EvalError {
    let (program, bag) = compiled(text).unwrap();
    program.eval(&bag, &mut Referenced::new()).unwrap_err()
}
