//! Comments become descriptions, defaults become types, and what has no comment is an error.

use serde_json::json;

use super::*;

const VALUES: &str = r#"# The head of the file.

# How many.
# schema: {"minimum": 1}
count: 2

image:
  # Where it is; `a|b`.
  repository: here
  # When.
  # schema: {"enum": ["", "Always"]}
  pull: ""

# Taken as a whole.
# schema: {"additionalProperties": true}
resources:
  limits:
    memory: 1Gi

# A list
# of two lines.
args:
- --one: two
"#;

#[test]
fn values_are_described() {
    let leaves = read(VALUES).unwrap();
    let paths: Vec<String> = leaves.iter().map(|leaf| leaf.path.join(".")).collect();
    assert_eq!(paths, ["count", "image.repository", "image.pull", "resources", "args"]);
    let schema = schema("sample", &leaves);
    assert_eq!(schema["title"], "sample");
    assert_eq!(schema["additionalProperties"], false);
    let properties = &schema["properties"];
    assert_eq!(properties["count"], json!({"description": "How many.", "type": "integer", "minimum": 1}));
    assert_eq!(properties["image"]["additionalProperties"], false);
    assert_eq!(properties["image"]["properties"]["pull"]["enum"], json!(["", "Always"]));
    assert_eq!(properties["resources"]["additionalProperties"], true);
    assert_eq!(properties["args"]["description"], "A list of two lines.");
    let table = table(&leaves);
    for line in [
        "| `count` | `2` | How many. |",
        "| `image.repository` | `here` | Where it is; `a\\|b`. |",
        "| `image.pull` |  | When. One of `Always`. |",
        "| `resources` | `{\"limits\":{\"memory\":\"1Gi\"}}` | Taken as a whole. |",
    ] {
        assert!(table.lines().any(|found| found == line), "{table}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (values, expected) in [
        ("a: 1\n", "a has no comment"),
        ("# Text.\n\na: 1\n", "a has no comment"),
        ("b:\n  # schema: {}\n  a: 1\n", "b.a has no comment"),
        ("# Text.\n# schema: {\na: 1\n", "schema: {"),
        ("# Text.\na: [\n", "values.yaml"),
    ] {
        let error = format!("{:#}", read(values).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}
