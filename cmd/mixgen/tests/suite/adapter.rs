//! `mixgen adapter` takes the flags of the original; sessions are off unless asked for.

use crate::program::{CONFIG, Folder, validate};

const HANDLER: &str = "apiVersion: config.istio.io/v1alpha2\nkind: handler\nmetadata: {name: h, namespace: istio-system}\n\
                       spec: {adapter: mine, connection: {address: 'localhost:1'}, params: {text: a}}\n";

#[test]
fn the_server_takes_the_resource() {
    let folder = Folder::with(&[("config.proto", CONFIG)]);
    let arguments = [
        "adapter",
        "-n",
        "mine",
        "-d",
        "does: this # that",
        "-c",
        "config.proto",
        "-s=false",
        "-t",
        "metric",
        "-t",
        "quota",
    ];
    let text = folder.done(&arguments);
    assert_eq!(validate(&[("adapter.yaml", &text), ("handler.yaml", HANDLER)]), Vec::<String>::new());
    assert!(text.contains("  description: \"does: this # that\"\n  session_based: false\n  templates:\n  - metric\n  - quota\n"), "{text}");
    let wrong = HANDLER.replace("text: a", "txt: a");
    let problems = validate(&[("adapter.yaml", &text), ("handler.yaml", &wrong)]);
    assert!(problems[0].contains("spec.params.txt"), "{problems:?}");
}

#[test]
fn sessions() {
    let folder = Folder::new();
    for (flags, expected) in [
        (&["-s=false"][..], false),
        (&["-s=true"], true),
        (&["-s=F"], false),
        (&["-s=1"], true),
        (&["-s"], true),
        (&["--session_based=false"], false),
        (&["--session_based"], true),
    ] {
        let text = folder.done(&[&["adapter", "--name", "mine"], flags].concat());
        assert!(text.contains(&format!("session_based: {expected}\n")), "{flags:?}: {text}");
    }
    let run = folder.run(&["adapter", "-n", "mine"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("session_based: false\n"), "{}", run.out);
    assert!(run.err.starts_with("warning: --session_based is not given: false is written"), "{}", run.err);
    let error = folder.refused(&["adapter", "-n", "mine", "-s=maybe"]);
    assert!(error.contains("\"maybe\" is not a bool"), "{error}");
}

#[test]
fn outputs() {
    let folder = Folder::with(&[("dir/keep", "")]);
    for (output, file) in
        [("dir", "dir/mine.yaml"), ("new.yaml", "new.yaml"), ("dir/other.yaml", "dir/other.yaml")]
    {
        assert_eq!(folder.done(&["adapter", "-n", "mine", "-s=false", "-o", output]), "");
        assert!(folder.read(file).contains("\n  name: mine\n"), "{file}");
    }
    let error = folder.refused(&["adapter", "-n", "mine", "-s=false", "-o", "no/such.yaml"]);
    assert!(error.contains("cannot write to output file 'no/such.yaml'"), "{error}");
    let empty = folder.done(&["adapter", "-n", "mine", "-c", "", "-s=false"]);
    assert!(empty.contains("  templates: []\n  config: \"\"\n"), "{empty}");
}

#[test]
fn a_configuration_needs_params() {
    let folder = Folder::with(&[("config.proto", &CONFIG.replace("Params", "Other"))]);
    let error = folder.refused(&["adapter", "-n", "mine", "-s=false", "-c", "config.proto"]);
    assert!(error.starts_with("config.proto: no message named Params"), "{error}");
}
