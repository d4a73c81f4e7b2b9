//! The templates: the shipped ones, always there, and those of `template` resources.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mixer_template::{Node, Template};

use crate::fields::Text;
use crate::kinds;
use crate::report::{Problems, Report};
use crate::spec;
use crate::taken::{Names, Taken, candidates};

/// Parsed once for the process: every compilation uses them.
static BUILT_IN: LazyLock<Vec<Arc<Template>>> = LazyLock::new(|| {
    mixer_proto::template::NAMES
        .iter()
        .filter_map(|name| {
            let descriptor = mixer_proto::template::descriptor_set(name)?;
            Template::from_descriptor_set(name, descriptor).ok().map(Arc::new)
        })
        .collect()
});

/// The shipped template of a name.
pub(crate) fn built_in(name: &str) -> Option<&'static Arc<Template>> {
    BUILT_IN.iter().find(|template| **template.name() == *name)
}

/// The templates that `template:` can refer to.
pub(crate) struct Templates {
    resources: Names<Arc<Template>>,
    /// Names of templates with their gRPC paths.
    paths: Names<String>,
    /// Where the shipped templates are, as if they were resources.
    default_namespace: Arc<str>,
}

impl Templates {
    /// Reads every `template` resource.
    pub(crate) fn read(taken: &Taken<'_>, default_namespace: &Arc<str>, problems: &mut Problems) -> Self {
        let mut templates = Self {
            resources: Names::default(),
            paths: Names::default(),
            default_namespace: default_namespace.clone(),
        };
        for resource in taken.of(kinds::TEMPLATE) {
            let mut report = problems.of(resource, kinds::TEMPLATE);
            let spec = spec::template(&resource.spec, &mut report);
            let Some(descriptor) = spec.descriptor else {
                let message = "descriptor is missing; it is the base64 text of the template's descriptor set";
                report.error("spec.descriptor", resource.spec.position, message);
                continue;
            };
            let Some(bytes) = decode(descriptor, "spec.descriptor", &mut report) else { continue };
            match Template::from_descriptor_set("", &bytes) {
                Ok(template) if report.errors() == 0 => {
                    let key = resource.id.key();
                    let template = templates.named(template, &key);
                    templates.resources.insert(key, Arc::new(template));
                }
                Ok(_) => {}
                Err(error) => {
                    let message = format!("unable to parse descriptor: {error}");
                    report.error("spec.descriptor", descriptor.position, message);
                }
            }
        }
        templates
    }

    /// Adapters and metrics know a template by its own name, whatever its resource is called. Of two different
    /// templates of one name the second goes by its resource's key.
    fn named(&mut self, template: Template, key: &str) -> Template {
        let name = template.template_name().to_owned();
        let path = template.grpc_path().to_owned();
        let shipped = built_in(&name).map(|shipped| shipped.grpc_path().to_owned());
        let first = self.paths.entry_ref(&name).or_insert_with(|| shipped.unwrap_or_else(|| path.clone()));
        let name = if *first == path { &name } else { key };
        template.with_name(name)
    }

    /// What a reference of a resource in a namespace means: a resource, else a shipped template.
    pub(crate) fn find(&self, reference: &str, namespace: &str) -> Option<&Arc<Template>> {
        candidates(reference, kinds::TEMPLATE, namespace).find_map(|key| self.resources.get(&*key)).or_else(
            || {
                let (name, namespace) =
                    reference.split_once('.').unwrap_or((reference, &self.default_namespace));
                let namespace = namespace.strip_prefix("template.").unwrap_or(namespace);
                built_in(name).filter(|_| *namespace == *self.default_namespace)
            },
        )
    }

    /// How many resources are valid.
    pub(crate) fn len(&self) -> usize {
        self.resources.len()
    }
}

/// Base64 text to bytes; line breaks inside it are no problem.
pub(crate) fn decode(text: Text<'_>, field: &str, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let compact: String = text.text.split_ascii_whitespace().collect();
    match STANDARD.decode(compact) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let message =
                format!("is no base64 text: {error}; write the descriptor set as `base64 -w0` prints it");
            report.error(field, text.position, message);
            None
        }
    }
}

/// Whether a hosted adapter can read instances of a template: adapters know the fields of the shipped ones.
pub(crate) fn is_readable(template: &Template) -> bool {
    let Some(shipped) = built_in(template.name()) else { return false };
    if std::ptr::eq(&**shipped, template) {
        return true;
    }
    let known = shipped.instance_message();
    template.instance_message().fields().all(|field| {
        known.get_field(field.number()).is_none_or(|other| {
            let same_kind = match (field.kind(), other.kind()) {
                (prost_reflect::Kind::Message(a), prost_reflect::Kind::Message(b)) => {
                    a.is_map_entry() == b.is_map_entry()
                        && (a.is_map_entry() || a.full_name() == b.full_name())
                }
                (prost_reflect::Kind::Enum(_), prost_reflect::Kind::Enum(_)) => true,
                (a, b) => a == b,
            };
            same_kind && field.cardinality() == other.cardinality()
        })
    })
}

/// Whether a node says nothing: absent, `null` or an empty map.
pub(crate) fn is_empty(node: Option<&Node>) -> bool {
    node.is_none_or(|node| match &node.value {
        mixer_template::NodeValue::Map(entries) => entries.is_empty(),
        mixer_template::NodeValue::Null => true,
        _ => false,
    })
}
