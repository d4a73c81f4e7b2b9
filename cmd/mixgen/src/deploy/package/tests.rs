//! What is found in packages, and what is not.

use std::fs;

use super::{Package, port, text_of};

#[test]
fn ports_are_found_in_sources() {
    for (source, expected) in [
        ("Process::new(a).default_port(9_080).x()", Some(9080)),
        ("const PORT: u16 = 55_912;\nfn f() { p.default_port(PORT) }", Some(55912)),
        ("serve.with_default_port(port); p\n    .default_port(7)", Some(7)),
        ("p.default_port(args.port)", None),
        ("p.default_port(70000)", None),
        ("", None),
    ] {
        assert_eq!(port(source), expected, "{source}");
    }
}

#[test]
fn keys_are_found_in_their_section() {
    let toml = "[package]\nname = \"a\" # x\nversion.workspace = true\n[lib]\nname=\"b\"\n[workspace.package]\nversion = \"1.2\"";
    for (section, key, expected) in [
        ("package", "name", Some("a")),
        ("lib", "name", Some("b")),
        ("package", "version", None),
        ("workspace.package", "version", Some("1.2")),
        ("bin", "name", None),
    ] {
        assert_eq!(text_of(toml, section, key).as_deref(), expected, "{section} {key}");
    }
}

#[test]
fn packages_of_a_workspace_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("adapters/x");
    fs::create_dir_all(inner.join("src/deep")).unwrap();
    assert_eq!(Package::read(&inner).unwrap(), None);
    fs::write(
        inner.join("Cargo.toml"),
        "[package]\nname = \"mixer-x-y-adapter\"\nversion.workspace = true\n",
    )
    .unwrap();
    let error = Package::read(&inner).unwrap_err().to_string();
    assert!(error.ends_with("and the workspace around it have no version"), "{error}");
    fs::write(folder.path().join("Cargo.toml"), "[workspace.package]\nversion = \"3.0.1\"\n").unwrap();
    fs::write(inner.join("src/deep/x.rs"), "a.default_port(12)").unwrap();
    let expected = Package { name: "x-y".into(), version: "3.0.1".into(), port: Some(12) };
    assert_eq!(Package::read(&inner).unwrap(), Some(expected));
    // A workspace without a package of its own is none.
    assert_eq!(Package::read(folder.path()).unwrap(), None);
    fs::write(inner.join("Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
    let error = Package::read(&inner).unwrap_err().to_string();
    assert!(
        error.contains("is the package \"other\"; that of an adapter is called mixer-NAME-adapter"),
        "{error}"
    );
}
