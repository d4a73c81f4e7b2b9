//! All attribute manifests together: the attributes that expressions may use, with their slots.

use std::collections::BTreeMap;

use mixer_attribute::{ValueType, VocabularyBuilder};

use crate::kinds::ATTRIBUTE_MANIFEST;
use crate::problem::Location;
use crate::report::Problems;
use crate::resource::RawResource;
use crate::spec::{self, AttributeSpec};
use crate::taken::Taken;

/// The declaration of an attribute that counts.
struct Declared<'r> {
    value_type: ValueType,
    resource: &'r RawResource,
    location: Location,
}

/// Declares every attribute, in the order of names, so that equal manifests give equal slots. Returns the slots
/// and how many manifests have no problem.
pub(crate) fn build(
    taken: &Taken<'_>,
    built_in: &[RawResource],
    problems: &mut Problems,
) -> (VocabularyBuilder, usize) {
    let is_built_in = |resource: &RawResource| built_in.iter().any(|other| std::ptr::eq(other, resource));
    let mut manifests: Vec<(bool, &RawResource)> =
        taken.of(ATTRIBUTE_MANIFEST).iter().map(|resource| (is_built_in(resource), *resource)).collect();
    // What people write counts before what is there anyway.
    manifests.sort_by_key(|(is_built_in, _)| *is_built_in);
    let mut declared = BTreeMap::new();
    let mut valid = 0;
    for (is_built_in, resource) in manifests {
        let mut report = problems.of(resource, ATTRIBUTE_MANIFEST);
        let attributes = spec::manifest(&resource.spec, &mut report);
        let errors = report.errors();
        let mut agrees = errors == 0;
        for attribute in attributes {
            agrees &= declare(&mut declared, resource, &attribute, (is_built_in, problems));
        }
        valid += usize::from(agrees);
    }
    let mut builder = VocabularyBuilder::new();
    for (name, attribute) in declared {
        // Each name comes once, so no declaration can be refused.
        let _ = builder.attribute(name, attribute.value_type);
    }
    (builder, valid)
}

/// Adds an attribute; false when it is there with another type.
fn declare<'r>(
    declared: &mut BTreeMap<&'r str, Declared<'r>>,
    resource: &'r RawResource,
    attribute: &AttributeSpec<'r>,
    (is_built_in, problems): (bool, &mut Problems),
) -> bool {
    let (name, value_type) = (attribute.name, attribute.value_type);
    let first = declared.entry(name.text).or_insert_with(|| Declared {
        value_type,
        resource,
        location: resource.location.at(name.position),
    });
    if first.value_type == value_type {
        return true;
    }
    let field = format!("spec.attributes[{}]", name.text);
    let used = first.value_type;
    if is_built_in {
        let message = format!("is declared as {used}, but proxies send it as {value_type}; use {value_type}");
        problems.of(first.resource, ATTRIBUTE_MANIFEST).warning(&field, first.location.position(), message);
    } else {
        let (other, place) = (&first.resource.id, &first.location);
        let message =
            format!("is {value_type} here but {used} in {other} ({place}), which is used; make them agree");
        problems.of(resource, ATTRIBUTE_MANIFEST).error(&field, name.position, message);
    }
    false
}
