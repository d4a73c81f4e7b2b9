//! `mixgen api` takes the flags of the original, apart from Go output.

use crate::program::{Folder, TEMPLATE};

#[test]
fn the_default_file_is_that_of_the_original() {
    let folder = Folder::with(&[("template.proto", TEMPLATE)]);
    let mapping = "google/protobuf/any.proto:github.com/gogo/protobuf/types";
    assert_eq!(folder.done(&["api", "-t", "template.proto", "-m", mapping, "--importmapping", mapping]), "");
    let made = folder.read("generated_template.proto");
    assert_eq!(folder.done(&["api", "--template", "template.proto", "--proto_out", "-"]), made);
    assert!(made.starts_with("// Made by mixgen, do not edit;"), "{made}");
    assert!(made.contains("\n// mixgen api -t template.proto\nsyntax"), "{made}");
    assert!(made.contains("service HandleMyThingService {"), "{made}");
}

#[test]
fn refusals() {
    let folder = Folder::with(&[("template.proto", TEMPLATE), ("made.proto", "")]);
    folder.done(&["api", "-t", "template.proto", "--proto_out", "made.proto"]);
    for (arguments, part) in [
        (&["-t", "template.proto", "--go_out", "x.go"][..], "--go_out x.go: mixgen makes no Go interfaces"),
        (&["-t", "template.proto", "-m", "nocolon"], "Invalid flag -m nocolon"),
        (&["-t", "template.proto", "-m", ":x"], "Invalid flag -m :x"),
        (&["-t", "made.proto"], "generated form of a template; name the author's template.proto"),
        (&[], "--template"),
    ] {
        let error = folder.refused(&[&["api"], arguments].concat());
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
    assert!(!folder.path().join("x.go").exists() && !folder.path().join("generated_template.proto").exists());
}
