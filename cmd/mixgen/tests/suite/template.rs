//! `mixgen template` takes the flags of the original, and its resource is one that the server takes.

use base64::Engine as _;

use crate::program::{Folder, TEMPLATE, validate};

const INSTANCE: &str = "apiVersion: config.istio.io/v1alpha2\nkind: instance\nmetadata: {name: i, namespace: shop}\n\
                        spec: {template: mything.shop, params: {text: request.path, labels: {a: response.code}}}\n";

#[test]
fn from_either_form() {
    let folder = Folder::with(&[("template.proto", TEMPLATE)]);
    folder.done(&["api", "-t", "template.proto", "--proto_out", "service.proto"]);
    let arguments =
        ["template", "--name", "mything", "--namespace", "shop", "--output", "out.yaml", "--descriptor"];
    for input in ["template.proto", "service.proto"] {
        assert_eq!(folder.done(&[&arguments[..], &[input]].concat()), "");
        let text = folder.read("out.yaml");
        assert_eq!(validate(&[("out.yaml", &text), ("i.yaml", INSTANCE)]), Vec::<String>::new());
        let head = format!(
            "\n# mixgen template -d {input} -n mything --namespace shop\napiVersion: \"config.istio.io"
        );
        assert!(text.contains(&head), "{text}");
    }
}

#[test]
fn a_descriptor_set_goes_into_the_resource_as_it_is() {
    let folder = Folder::with(&[("template.proto", TEMPLATE)]);
    let resource = folder.done(&["template", "-d", "template.proto", "-n", "mything"]);
    let descriptor = |text: &str| text.split('"').nth(3).unwrap().to_owned();
    let set = base64::engine::general_purpose::STANDARD.decode(descriptor(&resource)).unwrap();
    folder.write("thing.descriptor_set", &set);
    let again = folder.done(&["template", "-d", "thing.descriptor_set", "-n", "mything"]);
    assert_eq!(descriptor(&again), descriptor(&resource));
}

#[test]
fn refusals() {
    let folder = Folder::with(&[
        ("template.proto", TEMPLATE),
        ("bad.proto", &TEMPLATE.replace("string text", "float text")),
        ("junk", "junk"),
    ]);
    for (arguments, part) in [
        (
            &["-d", "bad.proto", "-n", "x"][..],
            "bad.proto:9: unsupported type for field \"text\" of Template: float",
        ),
        (&["-d", "junk", "-n", "x"], "junk: not a descriptor set"),
        (&["-d", "no.proto", "-n", "x"], "cannot read no.proto: "),
        (&["-d", "template.proto", "-n", "Thing"], "name \"Thing\" is not a name that Kubernetes takes"),
        (&["-d", "template.proto"], "--name"),
        (&["-n", "x"], "--descriptor"),
        (
            &["-d", "template.proto", "-n", "x", "-o", "no/such/x.yaml"],
            "cannot write to output file 'no/such/x.yaml'",
        ),
    ] {
        let error = folder.refused(&[&["template"], arguments].concat());
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
    assert!(!folder.path().join("no").exists());
}
