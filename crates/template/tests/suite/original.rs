//! Instances and handlers as the original's operators wrote them compile against the shipped templates.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mixer_attribute::{Bag, Referenced, VocabularyBuilder};
use mixer_expr::Options;
use mixer_template::{BlockInterner, InstanceEncoder, InstanceSource, ParamsDialect, Template};
use serde_json::Value;

use crate::support::{lines, node_of, shipped, workspace};

fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    let documents = text.split("\n---").map(|document| {
        serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    documents.collect()
}

/// Template and dialect of a resource that is an instance of a shipped template.
fn instance(resource: &Value) -> Option<(&str, ParamsDialect, Value)> {
    let kind = resource["kind"].as_str()?;
    let spec = &resource["spec"];
    let (template, dialect, params) = match kind {
        "instance" => match spec["compiledTemplate"].as_str() {
            Some(template) => (template, ParamsDialect::Expressions, spec["params"].clone()),
            None => (spec["template"].as_str()?, ParamsDialect::Typed, spec["params"].clone()),
        },
        legacy => (legacy, ParamsDialect::Expressions, spec.clone()),
    };
    mixer_proto::template::NAMES.contains(&template).then_some((template, dialect, params))
}

#[test]
fn original_instances_compile() {
    let fixtures = workspace().join("../shared/fixtures/istio-1.3.8");
    if !fixtures.is_dir() {
        println!("skipped: ../shared is not beside the project");
        return;
    }
    let mut builder = VocabularyBuilder::new();
    for manifest in documents(&fixtures.join("config/attributes.yaml")) {
        for (name, info) in manifest["spec"]["attributes"].as_object().into_iter().flatten() {
            let value_type = info["valueType"].as_str().or(info["value_type"].as_str()).unwrap();
            builder.attribute(name, value_type.parse().unwrap()).unwrap();
        }
    }
    // The samples use two attributes that the stock manifest lacks.
    for name in ["source.service", "destination.service"] {
        builder.attribute(name, mixer_attribute::ValueType::String).unwrap();
    }
    let mut templates: BTreeMap<String, Template> = BTreeMap::new();
    let mut encoders = Vec::new();
    let mut blocks = BlockInterner::new();
    for folder in ["config", "adapters"] {
        for entry in std::fs::read_dir(fixtures.join(folder)).unwrap() {
            let file = entry.unwrap().path();
            for resource in documents(&file) {
                let Some((template, dialect, params)) = instance(&resource) else { continue };
                let name: Arc<str> = format!("{}.{template}.ns", resource["metadata"]["name"]).into();
                let template = templates.entry(template.to_owned()).or_insert_with(|| shipped(template));
                let params = node_of(params);
                let source = InstanceSource { name: &name, template, params: &params, dialect };
                let encoder =
                    InstanceEncoder::compile(source, &mut builder, &Options::default(), &mut blocks);
                let encoder = encoder
                    .unwrap_or_else(|problems| panic!("{}: {name}: {:?}", file.display(), lines(&problems)));
                encoders.push(encoder);
            }
        }
    }
    assert_eq!(encoders.len(), 17);
    // Whether an empty bag is enough depends on the instance; nothing but an absent attribute may be missing.
    let bag = Bag::new(builder.finish());
    for encoder in &encoders {
        if let Err(error) = encoder.encode(&bag, &mut Referenced::new(), &mut Vec::new()) {
            assert!(error.is_absent(), "{error}");
        }
    }
}
