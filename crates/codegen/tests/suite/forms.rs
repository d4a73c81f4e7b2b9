//! The forms that a template's messages take in the handler service: names, types, comments.

use mixer_codegen::handler_service;

use crate::support::{author, model};

fn made(text: &str) -> String {
    handler_service(&model(text).unwrap_or_else(|error| panic!("{error}")))
}

/// The lines of a message, comments left out.
fn message(service: &str, name: &str) -> Vec<String> {
    let start = format!("message {name} {{");
    if service.contains(&format!("{start}}}")) {
        return Vec::new();
    }
    let lines = service.lines().skip_while(|line| !line.starts_with(&start)).skip(1);
    let lines = lines.take_while(|line| *line != "}").map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).map(str::to_owned).collect()
}

const MESSAGES: &str = "
    message Template {
      istio.policy.v1beta1.Value value = 1; string text = 2; istio.policy.v1beta1.IPAddress ip = 3; Res res = 4;
      map<string, istio.policy.v1beta1.Value> values = 5; map<string, int64> numbers = 6; map<string, Res> res_map = 7;
      repeated istio.policy.v1beta1.Value value_list = 8; repeated string texts = 9; repeated Res res_list = 10;
    }
    message Res { string text = 1; istio.policy.v1beta1.Value value = 2; }
    message Unused { bool flag = 3; }";

#[test]
fn the_three_forms_of_an_instance() {
    let service = made(&author("Foo.myThing", "CHECK", MESSAGES));
    for (name, lines) in [
        (
            "InstanceMsg",
            &[
                "string name = 72295727;",
                "istio.policy.v1beta1.Value value = 1;",
                "string text = 2;",
                "istio.policy.v1beta1.IPAddress ip = 3;",
                "ResMsg res = 4;",
                "map<string, istio.policy.v1beta1.Value> values = 5;",
                "map<string, int64> numbers = 6;",
                "map<string, ResMsg> res_map = 7;",
                "repeated istio.policy.v1beta1.Value value_list = 8;",
                "repeated string texts = 9;",
                "repeated ResMsg res_list = 10;",
            ][..],
        ),
        (
            "Type",
            &[
                "istio.policy.v1beta1.ValueType value = 1;",
                "ResType res = 4;",
                "map<string, istio.policy.v1beta1.ValueType> values = 5;",
                "map<string, ResType> res_map = 7;",
                "repeated istio.policy.v1beta1.ValueType value_list = 8;",
                "repeated ResType res_list = 10;",
            ],
        ),
        (
            "InstanceParam",
            &[
                "string value = 1;",
                "string text = 2;",
                "string ip = 3;",
                "ResInstanceParam res = 4;",
                "map<string, string> values = 5;",
                "map<string, string> numbers = 6;",
                "map<string, ResInstanceParam> res_map = 7;",
                "repeated string value_list = 8;",
                "repeated string texts = 9;",
                "repeated ResInstanceParam res_list = 10;",
            ],
        ),
        ("ResMsg", &["string text = 1;", "istio.policy.v1beta1.Value value = 2;"]),
        ("ResType", &["istio.policy.v1beta1.ValueType value = 2;"]),
        ("ResInstanceParam", &["string text = 1;", "string value = 2;"]),
        ("UnusedMsg", &["bool flag = 3;"]),
        ("UnusedType", &[]),
        ("UnusedInstanceParam", &["string flag = 3;"]),
    ] {
        assert_eq!(message(&service, name), lines, "{name}\n{service}");
    }
    assert!(service.contains("package foo.mything;"), "{service}");
    assert!(service.contains("template_name) = \"mything\";"), "{service}");
    assert!(service.contains("rpc HandleMyThing(HandleMyThingRequest)"), "{service}");
}

#[test]
fn call_and_answer_of_each_variety() {
    let model = "istio.mixer.adapter.model.v1beta1";
    let any = ["google.protobuf.Any adapter_config = 2;".to_owned(), "string dedup_id = 3;".to_owned()];
    for (variety, instance, more, answer) in [
        ("CHECK", "InstanceMsg instance = 1;", "", format!("{model}.CheckResult")),
        ("REPORT", "repeated InstanceMsg instances = 1;", "", format!("{model}.ReportResult")),
        (
            "QUOTA",
            "InstanceMsg instance = 1;",
            "QuotaRequest quota_request = 4;",
            format!("{model}.QuotaResult"),
        ),
        ("ATTRIBUTE_GENERATOR", "InstanceMsg instance = 1;", "", "OutputMsg".to_owned()),
        ("CHECK_WITH_OUTPUT", "InstanceMsg instance = 1;", "", "HandleSampleResponse".to_owned()),
    ] {
        let output = variety.starts_with("ATTRIBUTE") || variety.ends_with("OUTPUT");
        let messages = if output { "message OutputTemplate { string a = 2; }" } else { "" };
        let service = made(&author("sample", variety, &format!("message Template {{}}{messages}")));
        let mut request = vec![instance.to_owned()];
        request.extend(any.clone());
        request.extend((!more.is_empty()).then(|| format!("{model}.{more}")));
        assert_eq!(message(&service, "HandleSampleRequest"), request);
        assert!(service.contains(&format!("returns ({answer});")), "{service}");
        assert_eq!(message(&service, "OutputMsg"), if output { vec!["string a = 2;"] } else { vec![] });
        let result = [format!("{model}.CheckResult result = 1;"), "OutputMsg output = 2;".to_owned()];
        let response = if variety == "CHECK_WITH_OUTPUT" { &result[..] } else { &[] };
        assert_eq!(message(&service, "HandleSampleResponse"), response);
        let bindings = "map<string, string> attribute_bindings = 72295728;".to_owned();
        let params = if variety == "ATTRIBUTE_GENERATOR" { vec![bindings] } else { vec![] };
        assert_eq!(message(&service, "InstanceParam"), params);
    }
}

#[test]
fn comments_are_copied() {
    let text = author(
        "sample",
        "ATTRIBUTE_GENERATOR",
        "// What it is.\n//\n// More.\n// $hide_from_docs\nmessage Template {\n  /* a block\n     of two */\n  string a = 1;\n  \
         string b = 2; // behind\n}\n// The answer.\nmessage OutputTemplate {\n  // Its field.\n  string c = 1;\n}",
    );
    let service = made(&text);
    for part in [
        "// What it is.\n//\n// More.\nmessage InstanceMsg {",
        "  // a block\n  // of two\n  string a = 1;",
        "  // behind\n  string b = 2;",
        "// The answer.\nmessage OutputMsg {\n  // Its field.\n  string c = 1;",
    ] {
        assert!(service.contains(part), "{part}\n{service}");
    }
}

#[test]
fn the_name_option_wins_over_the_package() {
    let text = author(
        "foo.bar",
        "CHECK",
        "option (istio.mixer.adapter.model.v1beta1.template_name) = \"myTemplate\";\nmessage Template {}",
    );
    let model = model(&text).unwrap();
    assert_eq!(
        (model.package.as_str(), model.title.as_str(), model.name.as_str()),
        ("foo.bar", "MyTemplate", "mytemplate")
    );
}
