//! Writes JSON objects straight into bytes: what each span and each log line costs is these bytes and nothing else.

/// Holds most items, so that a buffer rarely grows while it is written.
const USUAL_ITEM: usize = 1024;

/// An object that is being written.
#[derive(Debug)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(USUAL_ITEM);
        bytes.push(b'{');
        Self(bytes)
    }

    fn key(&mut self, key: &str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        string(&mut self.0, key);
        self.0.push(b':');
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        string(&mut self.0, text);
    }

    pub(crate) fn int(&mut self, key: &str, number: i64) {
        self.key(key);
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    pub(crate) fn uint(&mut self, key: &str, number: u64) {
        self.key(key);
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// A number that is not finite has no form in JSON and becomes null; callers see to it that there is none.
    pub(crate) fn number(&mut self, key: &str, number: f64) {
        self.key(key);
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, &number);
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.key(key);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// Begins an object inside of this one.
    pub(crate) fn begin(&mut self, key: &str) {
        self.key(key);
        self.0.push(b'{');
    }

    /// Ends the object that was begun last.
    pub(crate) fn end(&mut self) {
        self.0.push(b'}');
    }

    /// Leaves it open in an array, for whoever writes the elements and the two ends.
    pub(crate) fn into_open_array(mut self, key: &str) -> Vec<u8> {
        self.key(key);
        self.0.push(b'[');
        self.0
    }

    /// The whole object, without room for more: it may wait for long.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.end();
        self.0.shrink_to_fit();
        self.0
    }
}

/// A string as JSON (RFC 8259, section 7).
fn string(out: &mut Vec<u8>, text: &str) {
    if needs_escapes(text) {
        // Writing a text to memory does not fail.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Most texts have nothing to escape. All of a text is looked at in any case: a loop without an exit looks at many bytes
/// at a time.
fn needs_escapes(text: &str) -> bool {
    let is_special = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    text.bytes().fold(false, |found, byte| found | is_special(byte))
}

#[cfg(test)]
mod tests;
