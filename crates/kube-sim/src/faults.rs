//! What goes wrong, and when.

use bytes::Bytes;

/// A request that a fault is for: a text of its line (`GET /path?query`) each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    texts: Vec<String>,
    not: Vec<String>,
}

impl When {
    /// Requests whose line has all these texts.
    pub fn line(texts: &[&str]) -> Self {
        Self { texts: texts.iter().map(|text| (*text).to_owned()).collect(), not: Vec::new() }
    }

    /// Lists of a plural name.
    pub fn list(plural: &str) -> Self {
        let mut when = Self::line(&["GET ", &format!("/{plural}?")]);
        when.not.push("watch=true".to_owned());
        when
    }

    /// Watches of a plural name.
    pub fn watch(plural: &str) -> Self {
        Self::line(&["GET ", &format!("/{plural}?"), "watch=true"])
    }

    pub(crate) fn matches(&self, line: &str) -> bool {
        self.texts.iter().all(|text| line.contains(text)) && !self.not.iter().any(|text| line.contains(text))
    }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An error answer; with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// These bytes in the place of the answer's body.
    Body(Bytes),
    /// A watch that sends these lines and then ends in order.
    Lines(Vec<String>),
    /// A watch that sends these lines and whose connection then breaks off.
    Break(Vec<String>),
    /// A watch that sends these lines and then says nothing for ever: the other side is gone, its connection not.
    Silence(Vec<String>),
    /// No answer at all.
    Hang,
    /// The object is changed by somebody else just before the request is served.
    Meddle,
}
