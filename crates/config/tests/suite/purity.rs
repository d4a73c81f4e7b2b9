//! Compiling is a function of the resources: their order plays no part, and many of them take little time.

use mixer_config::{CompileOptions, RawResource, ReadOptions, compile, parse_documents};
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
