//! Hostile texts: depth is bounded with a named error, length is not a problem.

use mixer_expr::CompileErrorKind;

use crate::support::{check, compiled};

#[track_caller]
fn too_deep(text: &str) {
    let error = compiled(text).unwrap_err();
    assert_eq!(error.kind, CompileErrorKind::TooDeep, "{error}");
    assert!(error.to_string().contains("nested more than 200 levels deep"), "{error}");
}

#[test]
fn depth_is_bounded() {
    const N: usize = 100_000;
    too_deep(&("(".repeat(N) + "mtls" + &")".repeat(N)));
    too_deep(&"(".repeat(N));
    too_deep(&"+ ".repeat(N));
    too_deep(&("mtls".to_owned() + &" == mtls".repeat(N)));
    too_deep(&("toLower(".repeat(N) + "\"x\"" + &")".repeat(N)));
    too_deep(&("labels[".repeat(N) + "\"x\"" + &"]".repeat(N)));
    too_deep(&("\"x\"".to_owned() + &".startsWith(\"x\")".repeat(N)));
    too_deep(&("labels".to_owned() + &"[\"x\"]".repeat(N)));
    too_deep(&("\"a\"".to_owned() + &" + \"b\" | \"c\"".repeat(N)));
    too_deep(&"(mtls || mtls && (".repeat(N));
}

#[test]
fn reasonable_depth_is_fine() {
    const N: usize = 90;
    check(&("(".repeat(N) + "mtls" + &")".repeat(N)), "BOOL true");
    check(&("(true && ".repeat(N) + "mtls" + &")".repeat(N)), "BOOL true");
    check(&("toLower(".repeat(N) + "\"X\"" + &")".repeat(N)), "STRING \"x\"");
}

#[test]
fn long_chains_are_not_deep() {
    const N: usize = 10_000;
    check(&("source.name == \"a\" || ".repeat(N) + "mtls"), "BOOL true");
    check(&("mtls && ".repeat(N) + "source.name != \"a\""), "BOOL true");
    check(&("source.user | ".repeat(N) + "\"z\""), "STRING \"z\"");
    check(&("1 + ".repeat(N) + "1"), &format!("INT64 {}", N + 1));
    let wrong = "mtls || ".repeat(N) + "1";
    let error = compiled(&wrong).unwrap_err();
    assert_eq!(error.kind, CompileErrorKind::Type);
    assert!(error.to_string().len() < 1000, "a message shows the beginning of a long text");
}

#[test]
fn messages_stay_short() {
    const N: usize = 100_000;
    for text in [
        "x".repeat(N),
        "x(".to_owned() + &"1".repeat(N),
        "1".repeat(N),
        "x".repeat(N) + "(1)",
        "\"".to_owned() + &"é".repeat(N) + "\" == 1",
        "size(1, \"".to_owned() + &"é".repeat(N) + "\")",
        "mtls ".to_owned() + &"é".repeat(N),
    ] {
        let error = compiled(&text).unwrap_err().to_string();
        assert!(error.len() < 2000, "{}", error.len());
    }
}
