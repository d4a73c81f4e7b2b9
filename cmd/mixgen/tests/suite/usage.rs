//! Help, version and mistakes on the command line.

use crate::program::Folder;

#[test]
fn help_and_version() {
    let folder = Folder::new();
    for arguments in [&["--help"][..], &["help"]] {
        let help = folder.done(arguments);
        for command in ["template", "adapter", "api", "doc", "new", "check", "conform", "version"] {
            assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        }
    }
    assert!(folder.done(&["check", "--help"]).contains("A generated file says how it was made"));
    assert_eq!(folder.done(&["version", "-s"]), format!("{}\n", env!("CARGO_PKG_VERSION")));
    assert!(folder.done(&["version"]).starts_with("mixgen "));
}

#[test]
fn mistakes() {
    let folder = Folder::new();
    for arguments in [&[][..], &["nosuch"], &["template", "--nosuch"], &["new"], &["new", "template"]] {
        assert!(!folder.refused(arguments).is_empty(), "{arguments:?}");
    }
}
