//! `mixgen new template`: what is made works from the start.

use std::fs;

use crate::program::{Folder, validate};

/// The first YAML block of a README.
pub(crate) fn example(readme: &str) -> &str {
    readme.split("```yaml\n").nth(1).expect("an example").split("```").next().unwrap()
}

#[test]
fn every_variety_works_from_the_start() {
    for variety in ["check", "report", "quota", "attribute-generator", "check-with-output"] {
        let folder = Folder::new();
        let out = folder.done(&["new", "template", "cart", "--variety", variety]);
        assert_eq!(out, "cart is ready: change template.proto, then run `mixgen check --write cart`\n");
        assert_eq!(
            folder.done(&["check", "cart"]),
            "3 generated files are up to date, 2 golden cases hold\n"
        );
        let resource = folder.read("cart/template.yaml");
        let readme = folder.read("cart/README.md");
        let problems = validate(&[("template.yaml", &resource), ("instance.yaml", example(&readme))]);
        assert_eq!(problems, Vec::<String>::new(), "{variety}");
    }
}

#[test]
fn place_and_namespace() {
    let folder = Folder::new();
    folder.done(&["new", "template", "cart", "-o", "deep/er", "--namespace", "shop"]);
    folder.done(&["check", "deep"]);
    assert!(folder.read("deep/er/template.yaml").contains("  namespace: shop\n"));
    let error = folder.refused(&["new", "template", "cart", "-o", "deep"]);
    assert!(error.starts_with("deep is not empty"), "{error}");
    fs::create_dir(folder.path().join("empty")).unwrap();
    folder.done(&["new", "template", "cart", "-o", "empty"]);
}

#[test]
fn names() {
    let folder = Folder::new();
    for name in ["Cart", "my-cart", "cart1", "", "../cart"] {
        let error = folder.refused(&["new", "template", name]);
        assert!(error.contains("a template's name has lower-case letters only"), "{name}: {error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
