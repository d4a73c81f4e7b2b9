//! `mixgen new adapter`: what is made compiles, passes its tests and is taken by the server; what cannot be made leaves
//! nothing behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::{Folder, validate, workspace};
use crate::walkthrough::with_cargo;

const SHIPPED: [&str; 11] = [
    "apikey",
    "authorization",
    "checknothing",
    "edge",
    "kubernetes",
    "listentry",
    "logentry",
    "metric",
    "quota",
    "reportnothing",
    "tracespan",
];

/// Makes an adapter with the SDK of this workspace; gives standard output.
fn make(folder: &Folder, arguments: &[&str]) -> String {
    let sdk = format!("path:{}", workspace().canonicalize().unwrap().display());
    folder.done(&[&["new", "adapter", "--sdk", &sdk], arguments].concat())
}

fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let sdk = format!("path:{}", workspace().canonicalize().unwrap().display());
    folder.refused(&[&["new", "adapter", "--sdk", &sdk], arguments].concat())
}

/// Runs cargo in a package; gives what it printed.
fn cargo(package: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("cargo");
    with_cargo(&mut command);
    let output = command.args(arguments).current_dir(package).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "cargo {arguments:?}\n{out}\n{err}");
    assert!(!err.contains("warning"), "{err}");
    out
}

/// What the server says against the resources of a package.
fn problems(package: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(package.join("deploy")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name != "deployment.yaml" {
            files.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    validate(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
}

#[test]
fn an_adapter_of_all_templates_compiles_and_passes_its_tests() {
    let folder = Folder::new();
    folder.done(&["new", "template", "ticket", "--variety", "check-with-output"]);
    let all = format!("{},ticket/template.proto", SHIPPED.join(","));
    make(&folder, &["every-one", "--template", &all, "--port", "9123"]);
    let package = folder.path().join("every-one");
    cargo(&package, &["fmt", "--check"]);
    let tests = cargo(&package, &["test", "--quiet"]);
    // Configuration, and the scenarios.
    let passed = |count: usize| tests.contains(&format!("test result: ok. {count} passed"));
    assert!(passed(2) && passed(1), "{tests}");
    let manifest = cargo(&package, &["run", "--quiet", "--", "manifest"]);
    assert!(manifest.contains(":9123\""), "{manifest}");
    assert_eq!(validate(&[("manifest.yaml", &manifest)]), Vec::<String>::new());
    // The lock file is that of the clone, so that nothing newer is used.
    let lock = fs::read_to_string(package.join("Cargo.lock")).unwrap();
    let theirs = fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    let versions = |text: &str| text.matches("\nchecksum = ").count();
    assert!(versions(&lock) > 100);
    for package in lock.split("[[package]]").skip(1).filter(|package| package.contains("checksum")) {
        let head: Vec<&str> = package.lines().skip(1).take(2).collect();
        assert!(theirs.contains(&head.join("\n")), "{head:?}");
    }
}

#[test]
fn each_template_alone_is_formatted_and_taken_by_the_server() {
    let folder = Folder::new();
    let own = [
        ("check", "check"),
        ("count", "report"),
        ("grant", "quota"),
        ("generator", "attribute-generator"),
        ("header", "check-with-output"),
    ];
    let own = own.map(|(name, variety)| {
        folder.done(&["new", "template", name, "--variety", variety]);
        format!("{name}/template.proto")
    });
    for template in SHIPPED.into_iter().chain(own.iter().map(String::as_str)) {
        make(&folder, &["mine", "--template", template]);
        let package = folder.path().join("mine");
        cargo(&package, &["fmt", "--check"]);
        assert_eq!(problems(&package), Vec::<String>::new(), "{template}");
        let checked = folder.done(&["check", "mine"]);
        assert!(checked.contains(" generated files are up to date"), "{checked}");
        fs::remove_dir_all(package).unwrap();
    }
}

#[test]
fn what_cannot_be_made_leaves_nothing_behind() {
    let folder = Folder::with(&[("full/file", "")]);
    let bad = "an adapter's name has lower-case letters, digits and single dashes";
    let long = "x".repeat(50);
    for (arguments, error) in [
        (&["Mine", "-t", "metric"][..], bad),
        (&["my_adapter", "-t", "metric"], bad),
        (&["../mine", "-t", "metric"], bad),
        (&["1st", "-t", "metric"], bad),
        (&["a--b", "-t", "metric"], bad),
        (&["", "-t", "metric"], bad),
        (&[&long, "-t", "metric"], bad),
        (&["type", "-t", "metric"], "is a word of Rust"),
        (&["mine"], "--template <TEMPLATE>"),
        (&["mine", "-t", "metrics"], "there is no template \"metrics\"; write one of apikey, "),
        (&["mine", "-t", "metric,metric"], "template metric is named twice"),
        (&["mine", "-t", "nosuch.proto"], "nosuch.proto"),
        (&["mine", "-t", "full/template.proto"], "full/template.proto"),
        (&["full", "-t", "metric"], "full is there and not empty"),
        (&["mine", "-t", "metric", "-o", "full/file"], "full/file is there and not empty"),
        (&["mine", "-t", "metric", "-o", "full/.."], "full/.. is no name of a new folder"),
        (&["mine", "-t", "metric", "-d", "\"quoted\""], "the description is one line without quotes"),
    ] {
        let found = refused(&folder, arguments);
        assert!(found.contains(error), "{arguments:?}: {found}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(folder.path().join("full")).unwrap().count(), 1);
}

#[test]
fn templates_that_cannot_be_taken() {
    let folder = Folder::new();
    let proto = |package: &str, import: &str| {
        format!(
            "syntax = \"proto3\";\npackage {package};\nimport \"mixer/adapter/model/v1beta1/extensions.proto\";\n{import}\
             option (istio.mixer.adapter.model.v1beta1.template_variety) = TEMPLATE_VARIETY_CHECK;\n\
             message Template {{\n  string text = 1;\n}}\n"
        )
    };
    folder.write("shipped.proto", proto("metric", ""));
    folder.write("module.proto", proto("config", ""));
    folder.write("parts.proto", proto("parts", "import \"other.proto\";\n"));
    folder.write(
        "other.proto",
        "syntax = \"proto3\";\npackage parts;\nmessage Other {\n  string text = 1;\n}\n",
    );
    folder.write("rules.proto", proto("rules", "").replace("text", "name"));
    for (file, error) in [
        ("shipped.proto", "metric is the name of a shipped template"),
        ("module.proto", "config cannot be a module in Rust"),
        ("parts.proto", "template parts does not stand alone"),
        ("rules.proto", "[reserved-name]"),
    ] {
        let found = refused(&folder, &["mine", "-t", file]);
        assert!(found.contains(error), "{file}: {found}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
}

#[test]
fn sources_of_the_sdk() {
    let folder = Folder::new();
    for (source, dependency) in [
        (
            "git:https://example.com/mixer-rs",
            "mixer-adapter-sdk = { git = \"https://example.com/mixer-rs\" }",
        ),
        (
            "git:https://example.com/m#a1b2",
            "mixer-adapter-sdk = { git = \"https://example.com/m\", rev = \"a1b2\" }",
        ),
        ("version:0.1", "mixer-adapter-sdk = \"0.1\""),
    ] {
        folder.done(&["new", "adapter", "mine", "-t", "metric", "--sdk", source]);
        let manifest = folder.read("mine/Cargo.toml");
        assert!(manifest.contains(dependency), "{manifest}");
        assert!(!folder.path().join("mine/Cargo.lock").exists());
        fs::remove_dir_all(folder.path().join("mine")).unwrap();
    }
    for (source, error) in [
        ("path:nowhere", "nowhere is no clone of mixer-rs"),
        ("0.1", "write path:DIR, git:URL"),
        ("version:", "write path:DIR, git:URL"),
        ("git:x\"y", "write path:DIR, git:URL"),
    ] {
        let found = folder.refused(&["new", "adapter", "mine", "-t", "metric", "--sdk", source]);
        assert!(found.contains(error), "{found}");
    }
    let found = folder.refused(&["new", "adapter", "mine", "-t", "metric"]);
    assert!(found.contains("the current folder is not in a clone of mixer-rs"), "{found}");
    // A folder of the clone's own packages would make the new one a member.
    let adapters = workspace().canonicalize().unwrap().join("adapters/mine");
    let found = refused(&folder, &["mine", "-t", "metric", "-o", adapters.to_str().unwrap()]);
    assert!(found.contains("members of mixer-rs itself"), "{found}");
    assert!(!adapters.exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
