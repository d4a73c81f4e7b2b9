//! Instances: expressions over attributes compiled to the bytes that adapters receive.

mod bindings;

use std::sync::Arc;

use mixer_adapter_api::InstanceInfo;
use mixer_attribute::VocabularyBuilder;
use mixer_template::{
    BlockInterner, InstanceEncoder, InstanceSource, Node, ParamsDialect, Template, Variety,
};

use crate::handlers::report_params;
use crate::kinds;
use crate::report::{Problems, Report};
use crate::resource::RawResource;
use crate::snapshot::{Generator, InstanceConfig};
use crate::spec;
use crate::taken::{Names, Taken, candidates, check_dialect};
use crate::templates::{self, Templates};

/// What instances are compiled with.
pub(crate) struct Compiler<'a> {
    pub(crate) vocabulary: &'a mut VocabularyBuilder,
    pub(crate) options: &'a mixer_expr::Options,
    pub(crate) templates: &'a Templates,
    blocks: BlockInterner,
}

/// All instances that compile, and the names of those that do not.
#[derive(Default)]
pub(crate) struct Instances {
    all: Vec<InstanceConfig>,
    keys: Names<usize>,
    broken: Names<()>,
}

/// What a reference to an instance means.
pub(crate) enum Found<'a> {
    /// The key and the index of a valid one.
    Valid(usize, &'a InstanceConfig),
    /// A resource with problems of its own.
    Broken,
    /// Nothing.
    Missing,
}

/// What an instance is compiled from, whatever its kind.
struct Written<'r> {
    template: Arc<Template>,
    dialect: ParamsDialect,
    params: &'r Node,
    /// `spec.params`, or `spec` of a legacy kind.
    prefix: &'static str,
    bindings: Option<&'r Node>,
    bindings_path: &'static str,
}

impl Instances {
    /// Compiles every instance.
    pub(crate) fn compile(
        taken: &Taken<'_>,
        templates: &Templates,
        (vocabulary, options): (&mut VocabularyBuilder, &mixer_expr::Options),
        problems: &mut Problems,
    ) -> Self {
        let mut compiler = Compiler { vocabulary, options, templates, blocks: BlockInterner::new() };
        let mut instances = Self::default();
        for resource in taken.of(kinds::INSTANCE) {
            let mut report = problems.of(resource, kinds::INSTANCE);
            check_dialect(resource, &mut report);
            let written = compiler.core(resource, &mut report);
            instances
                .add(resource, written.and_then(|written| compiler.compile(resource, &written, &mut report)));
        }
        for (resource, template) in &taken.legacy_instances {
            let mut report = problems.of(resource, kinds::INSTANCE);
            check_dialect(resource, &mut report);
            let written = Written {
                template: template.clone(),
                dialect: ParamsDialect::Expressions,
                params: &resource.spec,
                prefix: "spec",
                bindings: attribute_bindings(&resource.spec),
                bindings_path: "spec.attribute_bindings",
            };
            instances.add(resource, compiler.compile(resource, &written, &mut report));
        }
        instances
    }

    fn add(&mut self, resource: &RawResource, instance: Option<InstanceConfig>) {
        match instance {
            Some(instance) => {
                self.keys.insert(resource.id.key(), self.all.len());
                self.all.push(instance);
            }
            None => {
                self.broken.insert(resource.id.key(), ());
            }
        }
    }

    /// What a reference of a rule in a namespace means.
    pub(crate) fn find(&self, reference: &str, namespace: &str) -> Found<'_> {
        for key in candidates(reference, kinds::INSTANCE, namespace) {
            if let Some((index, instance)) =
                self.keys.get(&*key).and_then(|index| Some((*index, self.all.get(*index)?)))
            {
                return Found::Valid(index, instance);
            }
            if self.broken.contains_key(&*key) {
                return Found::Broken;
            }
        }
        Found::Missing
    }

    /// The instance of an index.
    pub(crate) fn get(&self, index: usize) -> Option<&InstanceConfig> {
        self.all.get(index)
    }

    /// Keys of all instances, for hints.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// What handlers are told of an instance.
    pub(crate) fn info(&self, index: usize) -> Option<InstanceInfo> {
        let instance = self.all.get(index)?;
        Some(InstanceInfo {
            name: instance.name.clone(),
            template: instance.template.name().clone(),
            inferred_type: instance.encoder.inferred_type().clone(),
        })
    }

    /// How many compile.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them, by index.
    pub(crate) fn into_all(self) -> Vec<InstanceConfig> {
        self.all
    }
}

impl Compiler<'_> {
    fn core<'r>(&self, resource: &'r RawResource, report: &mut Report<'_>) -> Option<Written<'r>> {
        let spec = spec::instance(&resource.spec, report);
        let params = spec.params.unwrap_or(&EMPTY);
        let (template, dialect) = if let Some(name) = spec.compiled_template {
            let found = templates::built_in(name.trimmed());
            if found.is_none() {
                let known = mixer_proto::template::NAMES;
                let hint = crate::nearest::hint(name.text, known.iter().copied());
                let message = format!(
                    "missing compiled template '{}'{hint} (there are {})",
                    name.text,
                    known.join(", ")
                );
                report.error("spec.compiledTemplate", name.position, message);
            }
            (found?, ParamsDialect::Expressions)
        } else if let Some(name) = spec.template {
            let found = self.templates.find(name.trimmed(), &resource.id.namespace);
            if found.is_none() {
                let message = format!(
                    "template '{}' not found; apply its template resource in namespace {}, or write NAME.NAMESPACE",
                    name.text, resource.id.namespace
                );
                report.error("spec.template", name.position, message);
            }
            (found?, ParamsDialect::Typed)
        } else {
            if report.errors() == 0 {
                let message = "names no template; set template or compiledTemplate";
                report.error("spec", resource.spec.position, message);
            }
            return None;
        };
        let inner = attribute_bindings(params).filter(|_| dialect == ParamsDialect::Expressions);
        let (bindings, bindings_path) = match (spec.attribute_bindings, inner) {
            (Some(bindings), _) => (Some(bindings), "spec.attributeBindings"),
            (None, inner) => (inner, "spec.params.attribute_bindings"),
        };
        Some(Written {
            template: template.clone(),
            dialect,
            params,
            prefix: "spec.params",
            bindings,
            bindings_path,
        })
    }

    /// Compiles an instance; `None` when it has an error.
    fn compile(
        &mut self,
        resource: &RawResource,
        written: &Written<'_>,
        report: &mut Report<'_>,
    ) -> Option<InstanceConfig> {
        let before = report.errors();
        let name: Arc<str> = resource.id.key().into();
        let source = InstanceSource {
            name: &name,
            template: &written.template,
            params: written.params,
            dialect: written.dialect,
        };
        let encoder = InstanceEncoder::compile(source, self.vocabulary, self.options, &mut self.blocks)
            .map_err(|problems| report_params(written.prefix, problems, report))
            .ok();
        let generator = self.generator(&name, written, report);
        // As in the original: bindings with problems are left out of an instance of the typed dialect, while one
        // of the other dialect is left out as a whole.
        let whole = before == 0 && (report.errors() == 0 || written.dialect == ParamsDialect::Typed);
        if !whole {
            return None;
        }
        Some(InstanceConfig {
            short_name: resource.id.name.clone(),
            template: written.template.clone(),
            encoder: encoder?,
            generator,
            name,
        })
    }

    fn generator(&mut self, name: &str, written: &Written<'_>, report: &mut Report<'_>) -> Option<Generator> {
        if written.template.variety() == Variety::AttributeGenerator {
            let bindings = written.bindings.map(|node| spec::bindings(node, written.bindings_path, report));
            let bindings = bindings.unwrap_or_default();
            return Some(bindings::compile(self, name, written, bindings, report));
        }
        if let Some(node) = written.bindings.filter(|node| !templates::is_empty(Some(node))) {
            let template = written.template.name();
            let message = format!("plays no part: template '{template}' generates no attributes");
            report.warning(written.bindings_path, node.position, message);
        }
        None
    }
}

/// What stands for params that are not there.
static EMPTY: Node = Node {
    value: mixer_template::NodeValue::Null,
    position: mixer_template::Position { line: 0, column: 0 },
};

/// The bindings inside the fields of the expression dialect.
fn attribute_bindings(params: &Node) -> Option<&Node> {
    params
        .get("attribute_bindings")
        .or_else(|| params.get("attributeBindings"))
        .filter(|node| !node.is_null())
}
