//! Which namespace's rules a request is subject to.

use mixer_attribute::{Bag, Referenced, Slot, Vocabulary};

/// The attributes that decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamespaceSlots {
    kind: Option<Slot>,
    destination: Option<Slot>,
    source: Option<Slot>,
}

impl NamespaceSlots {
    pub(crate) fn new(vocabulary: &Vocabulary) -> Self {
        Self {
            kind: vocabulary.slot("context.reporter.kind"),
            destination: vocabulary.slot("destination.namespace"),
            source: vocabulary.slot("source.namespace"),
        }
    }

    /// `destination.namespace` for what a server's proxy reports, `source.namespace` for a client's; empty for
    /// any other reporter or when the attribute is absent, which leaves the default namespace's rules.
    pub(crate) fn select<'b>(&self, bag: &'b Bag, referenced: &mut Referenced) -> &'b [u8] {
        let mut read = |slot: Option<Slot>| {
            let slot = slot?;
            referenced.read(slot);
            bag.text(slot)
        };
        match read(self.kind) {
            None | Some(b"inbound") => read(self.destination),
            Some(b"outbound") => read(self.source),
            Some(_) => None,
        }
        .unwrap_or_default()
    }
}
