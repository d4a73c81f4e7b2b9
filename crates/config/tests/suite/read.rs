//! Reading files: every document of `tests/read/*.yaml` with its resources and problems, and arbitrary text.

use std::fmt::Write;
use std::path::Path;

use mixer_config::{ReadOptions, parse_documents};
use mixer_template::{Node, NodeValue};
use proptest::prelude::*;

fn dump_node(out: &mut Vec<String>, label: &str, node: &Node, depth: usize) {
    let indent = "  ".repeat(depth);
    let at = format!("{}:{}", node.position.line, node.position.column);
    match &node.value {
        NodeValue::List(items) => {
            out.push(format!("{indent}{label} @{at} list"));
            for item in items {
                dump_node(out, "-", item, depth + 1);
            }
        }
        NodeValue::Map(entries) => {
            out.push(format!("{indent}{label} @{at} map"));
            for (key, value) in entries {
                let label = format!("{:?} @{}:{}", key.text, key.position.line, key.position.column);
                dump_node(out, &label, value, depth + 1);
            }
        }
        scalar => out.push(format!("{indent}{label} @{at} {scalar:?}")),
    }
}

fn dump(path: &str, text: &str, options: &ReadOptions) -> String {
    let (resources, problems) = parse_documents(path, text, options);
    let mut out = Vec::new();
    for resource in &resources {
        out.push(format!("{} {} {}", resource.location, resource.api_version, resource.id));
        if !resource.annotations.is_empty() {
            out.push(format!("  annotations {:?}", resource.annotations));
        }
        if !resource.labels.is_empty() {
            out.push(format!("  labels {:?}", resource.labels));
        }
        dump_node(&mut out, "spec", &resource.spec, 1);
    }
    for problem in &problems {
        out.push(problem.to_string());
    }
    out.join("\n")
}

#[test]
fn every_case() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read");
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension != "snap"));
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let options =
            ReadOptions { default_namespace: name.starts_with("default-").then(|| "from-source".into()) };
        let dumped = dump(&name, &std::fs::read_to_string(&file).unwrap(), &options);
        insta::with_settings!({ snapshot_path => "../read", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), dumped);
        });
    }
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let (resources, problems) = parse_documents("bomb.yaml", &text, &ReadOptions::default());
    assert!(resources.is_empty());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.starts_with("the document is not valid YAML: "), "{}", problems[0]);
}

#[test]
fn depth_is_bounded() {
    let text = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    let (resources, problems) = parse_documents("deep.yaml", &text, &ReadOptions::default());
    assert!(resources.is_empty());
    assert_eq!(problems.len(), 1, "{problems:?}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,400}") {
        parse_documents("any.yaml", &text, &ReadOptions::default());
    }

    #[test]
    fn text_that_looks_like_yaml_never_panics(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("---\n"), Just("...\n"), Just("%YAML 1.2\n"), Just("apiVersion: config.istio.io/v1alpha2\n"),
                Just("kind: rule\n"), Just("kind: "), Just("metadata:\n"), Just("  name: a\n"), Just("  namespace: b\n"),
                Just("spec:\n"), Just("  - "), Just("&a "), Just("*a "), Just("<<: *a\n"), Just("!!int "), Just("|\n"),
                Just(">-\n"), Just("{"), Just("}"), Just("["), Just("]"), Just("\""), Just("'"), Just(": "), Just("? "),
                Just("# note\n"), Just("\t"), Just("\r\n"), Just("\u{feff}"), Just("é"), Just("items:\n"), Just("\n"),
            ],
            0..60,
        )
    ) {
        parse_documents("any.yaml", &pieces.concat(), &ReadOptions::default());
    }
}
