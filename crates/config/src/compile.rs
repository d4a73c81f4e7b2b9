//! Resources to a snapshot: a pure function, everything that is wrong at once, each bad resource contained.

use std::sync::Arc;

use mixer_adapter_api::Registry;

use crate::adapters::GrpcAdapters;
use crate::builtin::Builtin;
use crate::handlers::{Handlers, Sources};
use crate::instances::Instances;
use crate::kinds;
use crate::link;
use crate::problem::Problem;
use crate::report::Problems;
use crate::resource::RawResource;
use crate::rules::{Compiler, Rules};
use crate::snapshot::{Counts, Snapshot};
use crate::taken::{LegacyKinds, Taken};
use crate::templates::Templates;
use crate::vocabulary;

/// How configuration is compiled.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// The namespace whose rules apply to every request (`--configDefaultNamespace`).
    pub default_namespace: Arc<str>,
    /// Whether the original's decisions are wanted where ours differ (`--compat=istio-1.3`).
    pub compat: bool,
    /// What is there besides the resources.
    pub builtin: Builtin,
    /// Whether the kinds named after adapters and templates are read (`--useAdapterCRDs`, `--useTemplateCRDs`).
    pub legacy_kinds: LegacyKinds,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            default_namespace: "istio-system".into(),
            compat: false,
            builtin: Builtin::default(),
            legacy_kinds: LegacyKinds::default(),
        }
    }
}

/// What became of configuration.
#[derive(Debug)]
pub struct Compiled {
    /// Everything that works.
    pub snapshot: Arc<Snapshot>,
    /// Everything that is wrong, by file and line.
    pub problems: Vec<Problem>,
}

/// Compiles resources. The order of `resources` plays no part, except that of two with the same key in one file
/// the later one counts.
pub fn compile(resources: &[RawResource], registry: &Registry, options: &CompileOptions) -> Compiled {
    let built_in = options.builtin.resources(&options.default_namespace);
    let mut problems = Problems::default();
    let taken = Taken::of_resources(&built_in, resources, (registry, options.legacy_kinds), &mut problems);
    let expressions = mixer_expr::Options { compat: options.compat };
    let (mut vocabulary, manifests) = vocabulary::build(&taken, &built_in, &mut problems);
    let templates = Templates::read(&taken, &options.default_namespace, &mut problems);
    let adapters = GrpcAdapters::read(&taken, &templates, &mut problems);
    let compat = options.compat;
    let sources = Sources { taken: &taken, registry, adapters: &adapters, compat };
    let mut handlers = Handlers::read(&sources, &mut problems);
    let instances = Instances::compile(&taken, &templates, (&mut vocabulary, &expressions), &mut problems);
    let compiler = Compiler {
        vocabulary: &mut vocabulary,
        options: &expressions,
        handlers: &mut handlers,
        instances: &instances,
        default_namespace: &options.default_namespace,
    };
    let rules = Rules::compile(&taken, compiler, &mut problems);
    let (valid_rules, match_errors) = (rules.valid, rules.match_errors);
    let valid_instances = instances.len();
    let linked = link::link(rules, (&mut handlers, instances), options.compat, &mut problems);
    let valid = [manifests, templates.len(), adapters.len(), handlers.valid(), valid_instances, valid_rules];
    let (problems, errors) = problems.finish();
    let counts = Counts {
        attributes: vocabulary.vocabulary().attributes().len(),
        valid: kinds::CORE.into_iter().zip(valid).collect(),
        errors,
        match_errors,
    };
    let snapshot = Snapshot {
        vocabulary: vocabulary.finish(),
        default_namespace: options.default_namespace.clone(),
        compat: options.compat,
        handlers: linked.handlers,
        instances: linked.instances,
        conditions: linked.conditions,
        rules: linked.rules,
        counts,
    };
    Compiled { snapshot: Arc::new(snapshot), problems }
}
