//! Ids of traces and spans: from the digits that headers have to bytes, and ids for client spans that share theirs.

/// Reads a trace id: 32 hexadecimal digits, or 16 of tracers whose ids have 64 bits. None when it is no id, as zero is none.
pub fn trace_id(text: &str) -> Option<[u8; 16]> {
    let digits = text.trim();
    if !matches!(digits.len(), 16 | 32) {
        return None;
    }
    let id = u128::from_str_radix(unsigned(digits)?, 16).ok()?;
    (id != 0).then(|| id.to_be_bytes())
}

/// Reads a span id: 16 hexadecimal digits. None when it is no id.
pub fn span_id(text: &str) -> Option<[u8; 8]> {
    let digits = text.trim();
    if digits.len() != 16 {
        return None;
    }
    let id = u64::from_str_radix(unsigned(digits)?, 16).ok()?;
    (id != 0).then(|| id.to_be_bytes())
}

/// Whether the text says that there is no parent.
pub fn is_no_span(text: &str) -> bool {
    text.trim().bytes().all(|digit| digit == b'0')
}

/// A sign is no digit.
fn unsigned(digits: &str) -> Option<&str> {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)
}

/// A `traceparent` header (W3C Trace Context): trace, span and flags.
pub fn traceparent(text: &str) -> Option<([u8; 16], [u8; 8], u8)> {
    let mut parts = text.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_version = version.len() == 2 && version != "ff" && unsigned(version).is_some();
    // Later versions may have more parts.
    let ends = version != "00" || parts.next().is_none();
    if !is_version || !ends || trace.len() != 32 || flags.len() != 2 {
        return None;
    }
    Some((trace_id(trace)?, span_id(span)?, u8::from_str_radix(unsigned(flags)?, 16).ok()?))
}

/// The id of a client span whose own id is also that of the server span: each hexadecimal digit becomes the next one, as in
/// the SignalFx adapter. It is always the same, so that the server span can name it as its parent wherever it is mapped, and
/// different ids stay different.
pub fn of_client(id: [u8; 8]) -> [u8; 8] {
    const ONES: u64 = 0x1111_1111_1111_1111;
    let id = u64::from_be_bytes(id);
    // Nibbles are added without carry: the low three bits of each, then its highest one.
    let low = (id & !(ONES << 3)) + ONES;
    let next = low ^ (id & (ONES << 3));
    // Zero is no id; what it would map to is free.
    if next == 0 { ONES.to_be_bytes() } else { next.to_be_bytes() }
}

#[cfg(test)]
mod tests;
