//! Instances that rules send here although they do not fit the configuration. They are dropped when they come, which
//! is counted; this says so as soon as it is known. It is no problem of the handler: one rule must not take away the
//! metrics of all others.

use mixer_adapter_sdk::InstanceInfo;
use mixer_adapter_sdk::wire::{Fields, Malformed};

use crate::config::{Config, clean};

/// Field `dimensions` of `metric.Type`.
const DIMENSIONS: u32 = 2;

/// What does not fit, a sentence for each.
pub(crate) fn find(config: &Config, instances: &[InstanceInfo]) -> Vec<String> {
    let mut found = Vec::new();
    for instance in instances.iter().filter(|instance| &*instance.template == "metric") {
        let mut is_known = false;
        for metric in config.metrics.iter().filter(|metric| metric.instance == *instance.name) {
            is_known = true;
            let definition = &metric.definition;
            for dimension in dimensions(&instance.inferred_type).unwrap_or_default() {
                let mut labels = definition.labels.iter().chain(&definition.exemplar_labels);
                if !labels.any(|label| *label == clean(dimension)) {
                    found.push(format!(
                        "instance {} has the dimension {dimension}, which is not among the label_names of {}: its values will be dropped",
                        instance.name, definition.name
                    ));
                }
            }
        }
        if !is_known {
            found.push(format!(
                "a rule sends instance {} here, but no entry of `metrics` has this instance_name: its values will be dropped",
                instance.name
            ));
        }
    }
    found
}

/// The names of an instance's dimensions, of its encoded `metric.Type`.
fn dimensions(inferred: &[u8]) -> Result<Vec<&str>, Malformed> {
    let mut names = Vec::new();
    for field in Fields::new(inferred) {
        let field = field?;
        if field.number != DIMENSIONS {
            continue;
        }
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            if field.number == 1 {
                names.push(field.text()?);
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
