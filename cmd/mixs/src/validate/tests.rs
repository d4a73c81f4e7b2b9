//! What is printed for files, directories and standard input.

use super::*;

const RULE: &str = "apiVersion: config.istio.io/v1alpha2\nkind: rule\nmetadata: {name: r, namespace: shop}\n\
                    spec: {match: source.nme == \"a\", actions: [{handler: h, instances: [i]}]}\n";
const ATTRIBUTES: &str = "apiVersion: config.istio.io/v1alpha2\nkind: attributemanifest\n\
                          metadata: {name: a, namespace: shop}\nspec: {attributes: {shop.size: {valueType: INT64}}}\n";

fn check(found: Found) -> (String, usize) {
    found.report(&Registry::default(), &CompileOptions::default())
}

#[test]
fn nothing_wrong() {
    let mut found = Found::default();
    found.text("<stdin>", ATTRIBUTES);
    assert_eq!(check(found), ("1 file, 1 resource: 0 errors, 0 warnings, 0 notes\n".to_owned(), 0));
}

#[test]
fn problems_are_sorted_by_place() {
    let mut found = Found::default();
    found.text("b.yaml", RULE);
    found.text("a.yaml", "apiVersion: v1\nkind: Service\n---\na: [b\n");
    let (text, errors) = check(found);
    let starts: Vec<&str> = text.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(starts[..3], ["a.yaml:1:1", "a.yaml:4:4", "b.yaml:4:7"]);
    assert!(
        text.contains("b.yaml:4:15: error: rule shop/r: spec.match: unknown attribute source.nme"),
        "{text}"
    );
    assert!(text.ends_with("2 files, 1 resource: 6 errors, 0 warnings, 1 note\n"), "{text}");
    assert_eq!(errors, 6);
}

#[test]
fn what_lies_within_another_path_is_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.yaml");
    std::fs::write(&file, ATTRIBUTES).unwrap();
    let mut found = Found::default();
    found.path(directory.path());
    found.path(&file);
    assert_eq!(check(found).0, "1 file, 1 resource: 0 errors, 0 warnings, 0 notes\n");
}

#[test]
fn a_path_that_does_not_exist_is_an_error() {
    let mut found = Found::default();
    found.path(Path::new("/no/such/path"));
    let (text, errors) = check(found);
    assert!(text.starts_with("/no/such/path: error: /no/such/path cannot be read: "), "{text}");
    assert_eq!(errors, 1);
}
