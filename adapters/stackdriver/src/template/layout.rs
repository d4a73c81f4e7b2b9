//! Layouts of Go's `time.Format`, such as `02/Jan/2006:15:04:05 -0700`, always in UTC.

use jiff::tz::Offset;
use mixer_adapter_sdk::Timestamp;

/// What stands for what, longer ones before their beginnings.
const WORDS: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("MST", "UTC"),
    ("2006", "%Y"),
    ("Z07:00", "Z"),
    ("-07:00", "+00:00"),
    ("-0700", "+0000"),
    (".000000000", ".%9f"),
    (".000000", ".%6f"),
    (".000", ".%3f"),
    (".999999999", "%.f"),
    (".999999", "%.6f"),
    (".999", "%.3f"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("_2", "%e"),
    ("PM", "%p"),
    ("%", "%%"),
];

/// A layout of Go as a format of `strftime`.
pub(super) fn convert(layout: &str) -> String {
    let (mut rest, mut format) = (layout, String::new());
    'next: while let Some(first) = rest.chars().next() {
        for (word, own) in WORDS {
            if let Some(after) = rest.strip_prefix(word) {
                format.push_str(own);
                rest = after;
                continue 'next;
            }
        }
        format.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    format
}

/// A moment in such a format; none when it is too far away to be written.
pub(super) fn format(time: Timestamp, format: &str) -> Option<String> {
    let nanos = i32::try_from(time.subsec_nanos()).ok()?;
    let instant = jiff::Timestamp::new(time.seconds(), nanos).ok()?;
    jiff::fmt::strtime::format(format, Offset::UTC.to_datetime(instant)).ok()
}
