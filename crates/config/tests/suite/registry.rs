//! Hosted adapters as configuration sees them: the names, templates and params of the shipped ones, and one that
//! dislikes what it is given.

use std::sync::Arc;

use mixer_adapter_api::{
    Adapter, AdapterInfo, BoxFuture, BuildError, FieldProblem, Handler, HandlerSpec, Registry,
};

struct Described {
    info: AdapterInfo,
    validate: fn(&HandlerSpec) -> Vec<FieldProblem>,
}

impl Adapter for Described {
    fn info(&self) -> &AdapterInfo {
        &self.info
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        (self.validate)(spec)
    }

    fn build(&self, _: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        Box::pin(std::future::ready(Err(BuildError("configuration is not built here".to_owned()))))
    }
}

/// The descriptor of an adapter's `config.proto`.
pub(crate) fn config_descriptor(adapter: &str) -> &'static [u8] {
    match adapter {
        "denier" => include_bytes!("../../../../adapters/denier/src/config.desc"),
        "list" => include_bytes!("../../../../adapters/list/src/config.desc"),
        "memquota" => include_bytes!("../../../../adapters/memquota/src/config.desc"),
        "prometheus" => include_bytes!("../../../../adapters/prometheus/src/config.desc"),
        "stdio" => include_bytes!("../../../../adapters/stdio/src/config.desc"),
        other => panic!("no descriptor of {other}"),
    }
}

fn adapter(
    name: &'static str,
    aliases: &'static [&'static str],
    templates: &'static [&'static str],
    config: (&'static str, &'static str),
) -> Arc<dyn Adapter> {
    let (descriptor, message) = config;
    let config_descriptor = if descriptor.is_empty() { &[] } else { config_descriptor(descriptor) };
    let info =
        AdapterInfo { name, aliases, description: "", templates, config_descriptor, config_message: message };
    let validate = if name == "picky" { picky } else { |_: &HandlerSpec| Vec::new() };
    Arc::new(Described { info, validate })
}

fn picky(spec: &HandlerSpec) -> Vec<FieldProblem> {
    let instances: Vec<&str> = spec.instances.iter().map(|instance| &*instance.name).collect();
    vec![
        FieldProblem::new("metrics[1].label_names", format!("does not fit {}", instances.join(" and "))),
        FieldProblem::new("metrics[0].buckets.explicit_buckets.bounds[7]", "there is no such bound"),
        FieldProblem::new("", "is never right"),
    ]
}

/// Every hosted adapter of the tests.
pub(crate) fn registry() -> Registry {
    Registry::new(vec![
        adapter(
            "denier",
            &[],
            &["checknothing", "listentry", "quota"],
            ("denier", "adapter.denier.config.Params"),
        ),
        adapter("list", &["listchecker"], &["listentry"], ("list", "adapter.list.config.Params")),
        adapter("memquota", &[], &["quota"], ("memquota", "adapter.memquota.config.Params")),
        adapter("noop", &[], &["checknothing", "reportnothing", "metric"], ("", "")),
        adapter("picky", &[], &["metric"], ("prometheus", "adapter.prometheus.config.Params")),
        adapter("prometheus", &[], &["metric"], ("prometheus", "adapter.prometheus.config.Params")),
        adapter("stdio", &[], &["logentry", "metric"], ("stdio", "adapter.stdio.config.Params")),
        adapter("kubernetesenv", &[], &["kubernetes"], ("", "")),
    ])
}
