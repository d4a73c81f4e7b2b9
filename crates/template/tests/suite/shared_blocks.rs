//! Parts that instances have in common are encoded once for a bag, and nobody can tell from the bytes.

use std::sync::Arc;

use mixer_attribute::{Bag, Cell, Referenced, VocabularyBuilder};
use mixer_expr::Options;
use mixer_template::{BlockInterner, EncodeCache, InstanceEncoder, InstanceSource, ParamsDialect, Template};

use crate::instance::{bag, every_type, vocabulary};
use crate::support::{shipped, template_of, yaml};

fn compile(
    template: &Template,
    params: &[&str],
    builder: &mut VocabularyBuilder,
    blocks: &mut BlockInterner,
) -> Vec<InstanceEncoder> {
    let compile = |(index, params): (usize, &&str)| {
        let name: Arc<str> = format!("i{index}.instance.ns").into();
        let params = yaml(params);
        let dialect = ParamsDialect::Expressions;
        let source = InstanceSource { name: &name, template, params: &params, dialect };
        InstanceEncoder::compile(source, builder, &Options::default(), blocks).unwrap()
    };
    params.iter().enumerate().map(compile).collect()
}

fn plain(encoder: &InstanceEncoder, bag: &Bag) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let result = encoder.encode(bag, &mut Referenced::new(), &mut out);
    result.map(|()| out).map_err(|error| error.to_string())
}

fn cached(encoders: &[InstanceEncoder], bag: &Bag, cache: &mut EncodeCache) -> Vec<Result<Vec<u8>, String>> {
    let mut bag = cache.bag(bag);
    let one = |encoder: &InstanceEncoder| {
        let mut out = b"before".to_vec();
        let result = encoder.encode_cached(&mut bag, &mut out);
        assert!(out.starts_with(b"before"));
        assert!(result.is_ok() || out == b"before");
        result.map(|()| out.split_off(6)).map_err(|error| error.to_string())
    };
    encoders.iter().map(one).collect()
}

#[test]
fn cached_bytes_are_those_of_plain_encoding() {
    let metric = shipped("metric");
    let mut builder = vocabulary();
    let same = "dimensions: {app: as | \"none\", code: ai, mtls: ab, constant: '\"c\"'}";
    let params = [
        &format!("{{value: ai, {same}}}"),
        &format!("{{value: ad, {same}, monitored_resource_type: as}}"),
        &format!("{{value: ai, {}}}", same.replace("code: ai", "code: big")),
        &format!("{{value: ai, {}}}", same.replace("dimensions", "monitored_resource_dimensions")),
        &format!("{{{same}, value: '1'}}"),
        "{value: ai, dimensions: {constant: '1'}}",
    ];
    let encoders = compile(
        &metric,
        &params.map(String::from).each_ref().map(String::as_str),
        &mut builder,
        &mut BlockInterner::new(),
    );
    let mut bag = bag(builder);
    let mut cache = EncodeCache::new();
    for round in 0..3 {
        // The next bag has other values in the same places.
        let slot = bag.vocabulary().slot("ai").unwrap();
        bag.set(slot, Cell::Int64(round));
        let want: Vec<_> = encoders.iter().map(|encoder| plain(encoder, &bag)).collect();
        assert!(want.iter().all(Result::is_ok));
        assert_eq!(cached(&encoders, &bag, &mut cache), want, "round {round}");
    }
}

#[test]
fn failures_are_not_kept() {
    let metric = shipped("metric");
    let mut builder = vocabulary();
    let params = ["{value: ai, dimensions: {a: as, b: xas}}", "{value: ad, dimensions: {a: as, b: xas}}"];
    let encoders = compile(&metric, &params, &mut builder, &mut BlockInterner::new());
    let mut bag = bag(builder);
    let mut cache = EncodeCache::new();
    let failed = cached(&encoders, &bag, &mut cache);
    for (index, result) in failed.iter().enumerate() {
        let want =
            format!("evaluation failed at [i{index}.instance.ns]'dimensions[b]': 'lookup failed: 'xas''");
        assert_eq!(result.as_ref().unwrap_err(), &want);
    }
    let slot = bag.vocabulary().slot("xas").unwrap();
    bag.set_text(slot, "here");
    let want: Vec<_> = encoders.iter().map(|encoder| plain(encoder, &bag)).collect();
    assert_eq!(cached(&encoders, &bag, &mut cache), want);
}

/// Two versions of a template, with an enum whose numbers changed.
#[test]
fn parts_of_enums_with_other_numbers_are_kept_apart() {
    let mut builder = vocabulary();
    let mut blocks = BlockInterner::new();
    let mut encoders = Vec::new();
    for (red, blue) in [(1, 2), (2, 1)] {
        let messages = format!(
            "enum Color {{ NONE = 0; RED = {red}; BLUE = {blue}; }}
            message InstanceMsg {{ map<string, Color> colors = 1; string name = 72295727; }}"
        );
        let template = template_of("TEMPLATE_VARIETY_CHECK", "painted", &messages);
        encoders.extend(compile(
            &template,
            &["colors: {a: color}", "colors: {a: color}"],
            &mut builder,
            &mut blocks,
        ));
    }
    let mut bag = bag(builder);
    let slot = bag.vocabulary().slot("color").unwrap();
    bag.set_text(slot, "RED");
    let want: Vec<_> = encoders.iter().map(|encoder| plain(encoder, &bag)).collect();
    assert!(want.iter().all(Result::is_ok) && want[0] != want[2]);
    assert_eq!(cached(&encoders, &bag, &mut EncodeCache::new()), want);
}

/// Equal texts for fields of another form are not the same part.
#[test]
fn parts_of_other_forms_are_kept_apart() {
    let template = every_type();
    let mut builder = vocabulary();
    let mut blocks = BlockInterner::new();
    let params =
        ["m_string: {a: as}", "m_value: {a: as}", "m_enum: {a: as}", "m_value: {a: as}", "m_string: amap"];
    let encoders = compile(&template, &params, &mut builder, &mut blocks);
    let bag = bag(builder);
    let want: Vec<_> = encoders.iter().map(|encoder| plain(encoder, &bag)).collect();
    assert_eq!(cached(&encoders, &bag, &mut EncodeCache::new()), want);
    // What instances that are gone had is not looked for in vain.
    drop(encoders);
    let mut builder = vocabulary();
    let encoders = compile(&template, &params, &mut builder, &mut blocks);
    let bag = crate::instance::bag(builder);
    assert_eq!(cached(&encoders, &bag, &mut EncodeCache::new()), want);
}
