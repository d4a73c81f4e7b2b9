//! The definitions of the six kinds, as `cargo xtask gen` makes them from the messages of their specifications.

/// Plural name and text of each definition, in the order in which resources refer to each other.
pub const DEFINITIONS: [(&str, &str); 6] = [
    ("attributemanifests", include_str!("../../../deploy/crds/attributemanifests.yaml")),
    ("templates", include_str!("../../../deploy/crds/templates.yaml")),
    ("adapters", include_str!("../../../deploy/crds/adapters.yaml")),
    ("handlers", include_str!("../../../deploy/crds/handlers.yaml")),
    ("instances", include_str!("../../../deploy/crds/instances.yaml")),
    ("rules", include_str!("../../../deploy/crds/rules.yaml")),
];
