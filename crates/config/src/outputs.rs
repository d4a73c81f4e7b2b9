//! Output of adapters as names in expressions, on top of the attributes.

use hashbrown::HashMap;
use mixer_attribute::{Slot, ValueType, VocabularyBuilder};
use mixer_expr::Scope;
use mixer_template::{OutputDecoder, Template};

use crate::nearest::nearest;
use crate::snapshot::OutputSlots;

/// Names of output fields with their slots.
#[derive(Debug, Default)]
pub(crate) struct OutputNames(HashMap<String, (Slot, ValueType), foldhash::fast::RandomState>);

impl OutputNames {
    /// Adds each field under a prefix; the first field of a name stays.
    pub(crate) fn add(&mut self, prefix: &str, slots: &OutputSlots) {
        for (field, slot) in slots.decoder.fields().iter().zip(&slots.slots) {
            self.0.entry(format!("{prefix}{}", field.name)).or_insert((*slot, field.value_type));
        }
    }
}

/// New slots for the output of a template. `owner` is for messages.
pub(crate) fn slots(template: &Template, owner: &str, vocabulary: &mut VocabularyBuilder) -> OutputSlots {
    let decoder = OutputDecoder::new(template);
    let fields = decoder.fields().iter();
    let slots =
        fields.map(|field| vocabulary.output(&format!("{owner}.{}", field.name), field.value_type)).collect();
    OutputSlots { decoder, slots }
}

/// Attributes and output fields.
pub(crate) struct OutputScope<'a> {
    pub(crate) vocabulary: &'a mut VocabularyBuilder,
    pub(crate) outputs: &'a OutputNames,
}

impl Scope for OutputScope<'_> {
    fn attribute(&self, name: &str) -> Option<(Slot, ValueType)> {
        self.outputs.0.get(name).copied().or_else(|| Scope::attribute(self.vocabulary, name))
    }

    fn map_key(&mut self, map: Slot, key: &str) -> Slot {
        VocabularyBuilder::map_key(self.vocabulary, map, key)
    }

    fn suggest(&self, name: &str) -> Option<String> {
        nearest(name, self.outputs.0.keys().map(String::as_str))
            .map(str::to_owned)
            .or_else(|| self.vocabulary.suggest(name))
    }
}
