//! References in Markdown: of a template, of an adapter's configuration.

use mixer_codegen::{Rule, reference};

use crate::support::{author, source};

fn made(text: &str) -> String {
    reference(&source(text).unwrap_or_else(|error| panic!("{error}")), 2)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn of_a_template() {
    let text = author(
        "sample",
        "CHECK_WITH_OUTPUT",
        "// What it is.\nmessage Template {\n  // Text | more,\n  // and more.\n  string text = 1;\n  map<string, Res> res = 2;\n}\n\
         // A part.\nmessage Res {\n  repeated istio.policy.v1beta1.IPAddress ips = 1; // Behind.\n}\n\
         message OutputTemplate {\n  bool yes = 1;\n}",
    );
    assert_eq!(
        made(&text),
        "What it is.\n\n\
         `TEMPLATE_VARIETY_CHECK_WITH_OUTPUT`, called as `/sample.HandleSampleService/HandleSample`.\n\n\
         | field | expression | meaning |\n|---|---|---|\n\
         | `text` | STRING | Text \\| more, and more. |\n\
         | `res` | map of [Res](#res) |  |\n\
         \n## `Res`\n\nA part.\n\n\
         | field | expression | meaning |\n|---|---|---|\n\
         | `ips` | list of IP_ADDRESS | Behind. |\n\
         \n## `OutputTemplate`\n\n\
         | field | attribute type | meaning |\n|---|---|---|\n\
         | `yes` | BOOL |  |\n"
    );
}

#[test]
fn of_a_configuration() {
    let text = "syntax = \"proto3\";\npackage adapter.x.config;\n\
        import \"google/protobuf/duration.proto\"; import \"google/protobuf/wrappers.proto\"; import \"google/protobuf/struct.proto\";\n\
        // Says how.\n//\n// $title: left out\nmessage Params {\n  // How long.\n  google.protobuf.Duration wait = 1;\n  \
        Mode mode = 2;\n  // First.\n  //\n  // Second.\n  repeated Part parts = 3;\n  map<string, Part> by_name = 4;\n  \
        // $hide_from_docs\n  Hidden hidden = 5;\n  oneof where {\n    // A file.\n    string path = 6;\n    string url = 7;\n  }\n  \
        google.protobuf.Int64Value limit = 8; google.protobuf.Struct free = 9; bytes key = 10; optional int32 size = 11;\n}\n\
        // A mode.\nenum Mode {\n  // None.\n  NONE = 0;\n  SOME = 1;\n}\n\
        message Part { Part inner = 1; Mode mode = 2; }\nmessage Hidden {}\nmessage Unused {}\n";
    assert_eq!(
        made(text),
        "Says how.\n\n\
         | field | type | meaning |\n|---|---|---|\n\
         | `wait` | duration | How long. |\n\
         | `mode` | [Mode](#mode) |  |\n\
         | `parts` | list of [Part](#part) | First.<br><br>Second. |\n\
         | `by_name` | map of [Part](#part) |  |\n\
         | `path` | string | A file. Excludes `url`. |\n\
         | `url` | string | Excludes `path`. |\n\
         | `limit` | int64 |  |\n\
         | `free` | any YAML |  |\n\
         | `key` | bytes (base64) |  |\n\
         | `size` | int32 |  |\n\
         \n## `Part`\n\n\
         | field | type | meaning |\n|---|---|---|\n\
         | `inner` | [Part](#part) |  |\n\
         | `mode` | [Mode](#mode) |  |\n\
         \n## `Mode`\n\nA mode.\n\n\
         | value | meaning |\n|---|---|\n\
         | `NONE` | None. |\n\
         | `SOME` |  |\n"
    );
}

#[test]
fn of_neither() {
    let source = source("syntax = \"proto3\"; package x; message Other {}").unwrap();
    let error = reference(&source, 3).unwrap_err();
    assert_eq!(error.diagnostics()[0].rule, Rule::Params);
    assert!(
        error.to_string().starts_with("template.proto: no message Params and no option template_variety"),
        "{error}"
    );
}
