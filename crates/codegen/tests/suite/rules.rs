//! Every file that is refused, with the line, the rule and a part of the text.

use mixer_codegen::{Diagnostic, Model, Protos, Rule};

use crate::support::{author, model};

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    match model(text) {
        Ok(model) => panic!("accepted as {model:?}:\n{text}"),
        Err(error) => error.diagnostics().to_vec(),
    }
}

/// Expects one diagnostic.
fn check(text: &str, line: Option<u32>, rule: Rule, part: &str) {
    let found = diagnostics(text);
    let [Diagnostic { file, line: found_line, rule: found_rule, message }] = &found[..] else {
        panic!("{found:#?}\n{text}");
    };
    assert_eq!(
        (file.as_str(), *found_line, *found_rule),
        ("template.proto", line, rule),
        "{message}\n{text}"
    );
    assert!(message.contains(part), "{message}");
}

/// `check` of messages in a template of a variety; the messages begin on line 6.
fn refused(variety: &str, messages: &str, line: u32, rule: Rule, part: &str) {
    check(&author("sample", variety, messages), Some(line), rule, part);
}

#[test]
fn field_types() {
    for (kind, part) in [
        ("int32", "int32"),
        ("uint32", "uint32"),
        ("uint64", "uint64"),
        ("sint32", "sint32"),
        ("sint64", "sint64"),
        ("fixed32", "fixed32"),
        ("fixed64", "fixed64"),
        ("sfixed32", "sfixed32"),
        ("sfixed64", "sfixed64"),
        ("float", "float"),
        ("bytes", "bytes"),
        ("Color", "enum sample.Color"),
        ("repeated int32", "int32"),
        ("map<string, bytes>", "bytes"),
        ("map<string, Color>", "enum sample.Color"),
        ("map<int64, string>", "map key int64"),
        ("map<bool, string>", "map key bool"),
        ("istio.policy.v1beta1.ValueType", "enum istio.policy.v1beta1.ValueType"),
        (
            "istio.mixer.adapter.model.v1beta1.TemplateVariety",
            "enum istio.mixer.adapter.model.v1beta1.TemplateVariety",
        ),
        ("google.protobuf.FileOptions", "message google.protobuf.FileOptions"),
        ("Template", "message sample.Template"),
    ] {
        let messages = format!(
            "import \"google/protobuf/descriptor.proto\"; import \"policy/v1beta1/value_type.proto\";\n\
             message Template {{\n  string fine = 1;\n  {kind} odd = 2;\n}}\nenum Color {{ RED = 0; }}"
        );
        refused(
            "CHECK",
            &messages,
            9,
            Rule::FieldType,
            &format!("field \"odd\" of Template: {part}; use string, int64"),
        );
    }
    let resource = "message Template { Res res = 1; }\nmessage Res {\n  float odd = 1;\n}";
    refused("REPORT", resource, 8, Rule::FieldType, "field \"odd\" of Res: float");
}

#[test]
fn attribute_generators_take_no_values_of_changing_type() {
    for kind in [
        "istio.policy.v1beta1.Value",
        "repeated istio.policy.v1beta1.Value",
        "map<string, istio.policy.v1beta1.Value>",
    ] {
        let messages = format!("message OutputTemplate {{}}\nmessage Template {{\n  {kind} odd = 1;\n}}");
        refused(
            "ATTRIBUTE_GENERATOR",
            &messages,
            8,
            Rule::FieldType,
            "istio.policy.v1beta1.Value; use string",
        );
        let messages = format!(
            "message OutputTemplate {{}} message Template {{}}\nmessage Res {{\n  {kind} odd = 1;\n}}"
        );
        refused(
            "ATTRIBUTE_GENERATOR",
            &messages,
            8,
            Rule::FieldType,
            "istio.policy.v1beta1.Value; use string",
        );
    }
}

#[test]
fn output_is_flat() {
    for variety in ["ATTRIBUTE_GENERATOR", "CHECK_WITH_OUTPUT"] {
        for (kind, part) in [
            ("istio.policy.v1beta1.Value", "istio.policy.v1beta1.Value"),
            ("Res", "message Res"),
            ("repeated string", "repeated string"),
            ("map<string, int64>", "map<string, int64>"),
            ("map<string, Res>", "message Res"),
            ("map<int64, string>", "map key int64"),
            ("int32", "int32"),
        ] {
            let messages = format!(
                "message Template {{}} message Res {{}}\nmessage OutputTemplate {{\n  string fine = 1;\n  {kind} odd = 2;\n}}"
            );
            let part = format!("field \"odd\" of OutputTemplate: {part}; use");
            refused(variety, &messages, 9, Rule::OutputFieldType, &part);
        }
    }
}

#[test]
fn reserved_names_and_numbers() {
    let output = "message Template {}\nmessage OutputTemplate {\n  string Name = 1;\n}";
    for (variety, messages, rule, part) in [
        (
            "CHECK",
            "message Template {\n\n  string name = 1;\n}",
            Rule::ReservedName,
            "Template must not have a field \"name\"",
        ),
        ("CHECK", "message Template {\n\n  int64 NAME = 1;\n}", Rule::ReservedName, "\"NAME\""),
        (
            "CHECK",
            "message Template {}\nmessage Res {\n  string name = 1;\n}",
            Rule::ReservedName,
            "Res must not",
        ),
        ("CHECK_WITH_OUTPUT", output, Rule::ReservedName, "OutputTemplate must not"),
        (
            "CHECK",
            "message Template {\n\n  string a = 72295727;\n}",
            Rule::ReservedNumber,
            "the instance's name",
        ),
        (
            "ATTRIBUTE_GENERATOR",
            "message OutputTemplate {}\nmessage Template {\n  string a = 72295728;\n}",
            Rule::ReservedNumber,
            "attribute bindings",
        ),
        (
            "ATTRIBUTE_GENERATOR",
            "message OutputTemplate {}\nmessage Template {\n  string attribute_bindings = 1;\n}",
            Rule::ReservedName,
            "attribute_bindings",
        ),
    ] {
        refused(variety, messages, 8, rule, part);
    }
}

#[test]
fn fields_are_plain() {
    for (field, part) in [
        ("oneof choice { string odd = 1; }", "part of the oneof \"choice\""),
        ("optional string odd = 1;", "is optional"),
        ("repeated int64 odd = 1 [packed = false];", "packed = false"),
        ("string odd = 1 [json_name = \"other\"];", "json_name"),
    ] {
        refused("CHECK", &format!("message Template {{\n  {field}\n}}"), 7, Rule::PlainField, part);
    }
}

#[test]
fn messages_of_a_template() {
    let nested = "message Template {\n  message Res { string a = 1; }\n}";
    refused(
        "CHECK",
        nested,
        7,
        Rule::TopLevel,
        "message Res is declared within Template; declare it at top level",
    );
    refused(
        "CHECK",
        "message Template {}\nmessage Instance {}",
        7,
        Rule::NameClash,
        "would become InstanceMsg",
    );
    let output = "message Template {} message OutputTemplate {}\nmessage Output {}";
    refused("ATTRIBUTE_GENERATOR", output, 7, Rule::NameClash, "would become OutputMsg");
    let useless = "message Template {}\nmessage OutputTemplate { string a = 1; }";
    for variety in ["CHECK", "REPORT", "QUOTA"] {
        refused(variety, useless, 7, Rule::OutputMessage, "has no use here");
    }
    for variety in ["ATTRIBUTE_GENERATOR", "CHECK_WITH_OUTPUT"] {
        let text = author("sample", variety, "message Template { string a = 1; }");
        check(&text, None, Rule::OutputMessage, "message OutputTemplate is not defined");
    }
    let text = author("sample", "CHECK", "message Other {}");
    check(&text, None, Rule::TemplateMessage, "message Template is not defined");
    refused("CHECK", "message Template {}\nmessage Template {}", 7, Rule::Compile, "sample.Template");
}

#[test]
fn services_are_generated() {
    let messages = "message Template {}\nservice Mine { rpc Call(Template) returns (Template); }";
    refused("CHECK", messages, 7, Rule::Service, "found Mine; it is generated");
    let stream = "message Template {}\nservice Mine { rpc Call(stream Template) returns (stream Template); }";
    refused("CHECK", stream, 7, Rule::Service, "a template declares no service");
    let made =
        mixer_codegen::handler_service(&model(&author("sample", "CHECK", "message Template {}")).unwrap());
    let found = diagnostics(&made);
    assert!(
        found.iter().any(|found| found.rule == Rule::Service && found.message.contains("generated form"))
    );
}

#[test]
fn file_options_and_names() {
    let sample = |package: &str| author(package, "CHECK", "message Template {}");
    check(&sample("foo.b4r"), Some(2), Rule::TemplateName, "the last part of the package name \"foo.b4r\"");
    check(&sample("foo_bar"), Some(2), Rule::TemplateName, "must have letters only");
    let named = |name: &str| {
        format!(
            "option (istio.mixer.adapter.model.v1beta1.template_name) = \"{name}\";\nmessage Template {{}}"
        )
    };
    for name in ["foo1", "foo-bar", "", "f\u{f6}o"] {
        let text = author("sample", "CHECK", &named(name));
        check(&text, Some(6), Rule::TemplateName, &format!("template_name {name:?} must have letters only"));
    }
    check(&sample("x").replace("package x;\n", ""), None, Rule::Package, "package name missing");
    let proto2 = author("sample", "CHECK", "message Template {}").replace("proto3", "proto2");
    check(&proto2, Some(1), Rule::Proto3, "only proto3 template files are allowed");
    let none = "syntax = \"proto3\";\npackage sample;\nmessage Template {}";
    check(none, None, Rule::OneTemplate, "no proto file has the option template_variety");
    check("syntax = \"proto3\";\npackage sample\nmessage T {}", Some(3), Rule::Compile, "expected");
    check("syntax = \"proto3\";\nimport \"no/such.proto\";", Some(2), Rule::Compile, "with -I");
    check(
        &author("sample", "OFTEN", "message Template {}"),
        Some(5),
        Rule::Compile,
        "TEMPLATE_VARIETY_OFTEN",
    );
    let unknown = sample("sample").replace("TEMPLATE_VARIETY_CHECK", "9");
    assert_eq!(diagnostics(&unknown)[0].rule, Rule::Compile, "an enum option takes a name");
}

#[test]
fn a_variety_of_the_future() {
    let made = crate::support::source(&author("sample", "REPORT", "message Template {}")).unwrap();
    let mut set = made.descriptor_set().to_vec();
    // The option's tag, then its value.
    let option = [0xf8, 0xd2, 0xe4, 0x93, 0x02, 0x01];
    let place = set.windows(option.len()).position(|bytes| bytes == option).expect("the option is set");
    set[place + 5] = 9;
    let error = Model::read(&Protos::descriptor_set(&set, "some.set").unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "template.proto: template_variety 9 is none of 0 to 4 [variety]");
}

#[test]
fn two_templates() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("other.proto", author("other", "REPORT", "message Template {}"));
    write("template.proto", author("sample", "CHECK", "import \"other.proto\";\nmessage Template {}"));
    let source = Protos::default().read(&folder.path().join("template.proto")).unwrap();
    let error = Model::read(&source).unwrap_err().to_string();
    assert!(error.contains("template.proto") && error.contains("other.proto"), "{error}");
    assert!(
        error.contains("both have the option template_variety") && error.ends_with("[one-template]"),
        "{error}"
    );
}

#[test]
fn an_imported_template_is_not_the_one_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let other = author("other", "CHECK", "message Template {}");
    write("mine.proto", "syntax = \"proto3\"; package mine; import \"other.proto\"; message Template {}");
    for text in [other.clone(), mixer_codegen::handler_service(&model(&other).unwrap())] {
        write("other.proto", &text);
        let error = mixer_codegen::compile_template(&Protos::default(), &folder.path().join("mine.proto"))
            .unwrap_err();
        let found = &error.diagnostics()[0];
        assert_eq!(found.rule, Rule::OneTemplate, "{error}");
        assert!(
            found.file.ends_with("mine.proto") && found.message.contains("imported other.proto"),
            "{error}"
        );
    }
}

#[test]
fn every_problem_in_one_run() {
    let messages =
        "message Template {\n  float a = 1;\n  string name = 2;\n}\nmessage Res {\n  bytes b = 1;\n}";
    let text = author("s4mple", "CHECK", messages);
    let found: Vec<(Option<u32>, Rule)> =
        diagnostics(&text).iter().map(|found| (found.line, found.rule)).collect();
    let expected = [
        (Some(2), Rule::TemplateName),
        (Some(7), Rule::FieldType),
        (Some(8), Rule::ReservedName),
        (Some(11), Rule::FieldType),
    ];
    assert_eq!(found, expected);
    let error = model(&text).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 4, "{error}");
    assert!(error.starts_with("template.proto:2: the last part"), "{error}");
}
