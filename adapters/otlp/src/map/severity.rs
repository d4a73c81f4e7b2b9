//! Severities: the words that entries use, and the numbers of OpenTelemetry (Logs Data Model, with its table for syslog).

use std::collections::HashMap;

/// The number of one of OpenTelemetry's own names, such as `INFO` or `WARN2`; none when it is none.
pub(crate) fn by_name(name: &str) -> Option<i32> {
    let upper = name.trim().to_ascii_uppercase();
    let (word, step) = match upper.strip_suffix(['2', '3', '4']) {
        Some(word) => (word, upper.bytes().last().map_or(0, |digit| i32::from(digit - b'1'))),
        None => (upper.as_str(), 0),
    };
    let first = match word {
        "TRACE" => 1,
        "DEBUG" => 5,
        "INFO" => 9,
        "WARN" => 13,
        "ERROR" => 17,
        "FATAL" => 21,
        _ => return None,
    };
    Some(first + step)
}

/// The number of what an entry says; 0 when nobody knows it. What the operator has said goes first, by words in lower case.
pub(crate) fn number(text: &str, own: &HashMap<String, i32>) -> i32 {
    let word = text.trim().to_lowercase();
    if let Some(number) = own.get(&word) {
        return *number;
    }
    match word.as_str() {
        "informational" | "information" => 9,
        "notice" => 10,
        "warning" => 13,
        "err" => 17,
        "critical" | "crit" => 18,
        "alert" => 19,
        "emergency" | "emerg" | "panic" => 21,
        word => by_name(word).unwrap_or(0),
    }
}
