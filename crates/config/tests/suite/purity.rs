//! Compiling is a function of the resources: their order plays no part, and many of them take little time.

use std::sync::LazyLock;

use mixer_config::{CompileOptions, RawResource, ReadOptions, compile, parse_documents};
use mixer_template::{Key, Node, NodeValue};
use proptest::prelude::*;

use crate::dump::dump;
use crate::registry::registry;

const FILES: [(&str, &str); 3] = [
    ("rules.yaml", include_str!("../compile/references.yaml")),
    ("handlers.yaml", include_str!("../compile/handlers.yaml")),
    ("instances.yaml", include_str!("../compile/instances.yaml")),
];

fn resources() -> Vec<RawResource> {
    FILES.iter().flat_map(|(path, text)| parse_documents(path, text, &ReadOptions::default()).0).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_order_of_resources_plays_no_part(shuffled in Just(resources()).prop_shuffle()) {
        let options = CompileOptions::default();
        let expected = dump(&compile(&resources(), &registry(), &options));
        prop_assert_eq!(dump(&compile(&shuffled, &registry(), &options)), expected);
    }

    #[test]
    fn any_subset_compiles_without_panic(chosen in proptest::sample::subsequence(resources(), 0..resources().len())) {
        compile(&chosen, &registry(), &CompileOptions { compat: true, ..CompileOptions::default() });
    }
}

/// Replaces one value somewhere below a node; `path` chooses where.
fn replace(node: &mut Node, path: &[usize], value: &NodeValue) {
    let Some((step, rest)) = path.split_first() else {
        node.value = value.clone();
        return;
    };
    match &mut node.value {
        NodeValue::List(items) if !items.is_empty() => {
            let index = step % items.len();
            replace(&mut items[index], rest, value);
        }
        NodeValue::Map(entries) if !entries.is_empty() => {
            let index = step % entries.len();
            replace(&mut entries[index].1, rest, value);
        }
        other => *other = value.clone(),
    }
}

fn any_value() -> impl Strategy<Value = NodeValue> {
    let text = prop_oneof![
        Just("".to_owned()),
        Just("source.labels[\"a\"] | \"b\"".to_owned()),
        Just("a.b.c.d".to_owned()),
        Just("$out.$out.".to_owned()),
        Just("5s".to_owned()),
        Just("AAAA".to_owned()),
        "\\PC{0,12}",
    ];
    prop_oneof![
        Just(NodeValue::Null),
        any::<bool>().prop_map(NodeValue::Bool),
        any::<i64>().prop_map(NodeValue::Int),
        any::<u64>().prop_map(NodeValue::UInt),
        any::<f64>().prop_map(NodeValue::Float),
        text.prop_map(NodeValue::String),
        Just(NodeValue::List(vec![Node::default()])),
        Just(NodeValue::Map(vec![(Key { text: "a".to_owned(), ..Key::default() }, Node::default())])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_wrong_value_is_a_problem_at_most(
        at in any::<prop::sample::Index>(),
        path in proptest::collection::vec(any::<usize>(), 0..6),
        value in any_value(),
        compat in any::<bool>(),
    ) {
        static CASES: LazyLock<Vec<RawResource>> = LazyLock::new(|| {
            let read = |(name, text): (String, String)| parse_documents(&name, &text, &ReadOptions::default()).0;
            crate::compile::cases().into_iter().flat_map(read).collect()
        });
        let mut chosen: Vec<RawResource> = CASES.clone();
        let index = at.index(chosen.len());
        replace(&mut chosen[index].spec, &path, &value);
        let file = chosen[index].file().clone();
        chosen.retain(|resource| *resource.file() == file);
        let compiled = compile(&chosen, &registry(), &CompileOptions { compat, ..CompileOptions::default() });
        let snapshot = &compiled.snapshot;
        for action in snapshot.rules.iter().flat_map(|rule| &rule.actions) {
            prop_assert!(action.handler.0 < snapshot.handlers.len());
            prop_assert!(!action.instances.is_empty());
            prop_assert!(action.instances.iter().all(|id| id.0 < snapshot.instances.len()));
        }
    }
}

#[test]
fn equal_texts_share_a_condition() {
    let rule = |n: usize, condition: &str| {
        format!(
            "apiVersion: config.istio.io/v1alpha2\nkind: rule\nmetadata: {{name: r{n}, namespace: shop}}\n\
             spec: {{match: '{condition}', actions: [{{handler: h.istio-system, instances: [i.istio-system]}}]}}\n---\n"
        )
    };
    let mut text: String = (0..1000).map(|n| rule(n, &format!("destination.port == {}", n % 10))).collect();
    text.push_str(
        "apiVersion: config.istio.io/v1alpha2\nkind: handler\nmetadata: {name: h, namespace: istio-system}\n\
         spec: {compiledAdapter: denier}\n---\n\
         apiVersion: config.istio.io/v1alpha2\nkind: instance\nmetadata: {name: i, namespace: istio-system}\n\
         spec: {compiledTemplate: checknothing}\n",
    );
    let (resources, problems) = parse_documents("many.yaml", &text, &ReadOptions::default());
    assert_eq!(problems, []);
    let compiled = compile(&resources, &registry(), &CompileOptions::default());
    assert_eq!(compiled.problems, []);
    let snapshot = compiled.snapshot;
    assert_eq!((snapshot.rules.len(), snapshot.conditions.len(), snapshot.instances.len()), (1000, 10, 1));
}
