//! What `mixs expr eval` answers, and where it takes types from.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    eval: EvalArgs,
}

fn ask(args: &[&str]) -> Result<(String, bool), String> {
    let line = CommandLine::try_parse_from(["eval"].iter().chain(args)).map_err(|error| error.to_string())?;
    answer(&line.eval).map_err(|error| format!("{error:#}"))
}

#[track_caller]
fn check(args: &[&str], expected: &str) {
    let (text, has_value) = ask(args).unwrap();
    assert_eq!(text, expected);
    assert_eq!(has_value, !text.contains("\nerror:"));
}

#[test]
fn attributes_have_built_in_types_or_those_of_their_values() {
    check(
        &["source.labels[\"app\"] | \"unknown\"", "--stringmap_attributes", "source.labels=app:ratings"],
        "type:       STRING\nvalue:      {\"string\":\"ratings\"}\nreferenced: source.labels source.labels[app]\n",
    );
    check(
        &["response.code == 200 && team == \"red\"", "-i", "response.code=200", "-s", "team=red"],
        "type:       BOOL\nvalue:      {\"bool\":true}\nreferenced: response.code team\n",
    );
    check(
        &["source.name"],
        "type:       STRING\nerror:      lookup failed: 'source.name'\nreferenced: -source.name\n",
    );
}

#[test]
fn manifest_files_declare_attributes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.yaml");
    let manifest = "apiVersion: config.istio.io/v1alpha2\nkind: attributemanifest\nmetadata:\n  name: own\nspec:\n  \
                    attributes:\n    order.total:\n      valueType: DOUBLE\n";
    std::fs::write(&path, manifest).unwrap();
    let path = path.to_str().unwrap();
    check(
        &["order.total | 1.5", "--manifest", path],
        "type:       DOUBLE\nvalue:      {\"double\":1.5}\nreferenced: -order.total\n",
    );
    std::fs::write(path, manifest.replace("DOUBLE", "NUMBER")).unwrap();
    let error = ask(&["order.total", "--manifest", path]).unwrap_err();
    assert!(error.contains("order.total") && error.contains("NUMBER"), "{error}");
    let missing = folder.path().join("none.yaml");
    let error = ask(&["1", "--manifest", missing.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("cannot read") && error.contains("none.yaml"), "{error}");
}

#[test]
fn what_does_not_compile_is_refused() {
    let error = ask(&["source.nam"]).unwrap_err();
    assert_eq!(error, "unknown attribute source.nam (line 1, column 1); did you mean source.name?");
    assert!(ask(&["1", "-i", "a=x"]).unwrap_err().contains("a"));
}

#[test]
fn compatibility_is_a_flag() {
    let compat = ["(1 == 1) | false", "--compat=istio-1.3"];
    assert!(ask(&compat).unwrap().0.contains("{\"bool\":false}"));
    assert!(ask(&compat[..1]).unwrap().0.contains("{\"bool\":true}"));
}
