//! Containers in the forms in which systems show them.

use super::{of_number, of_path};

#[test]
fn paths_tell_the_container() {
    let check = |groups: &str, found: Option<&str>| {
        assert_eq!(of_path(groups), found.map(|id| format!("ci-{id}")), "{groups}");
    };
    let id = "0123456789abcdef".repeat(4);
    let uuid = "34dc0b5e-626f-2c5c-4c51-70e34b10e765";
    let task = "432624d2150b349fe35ba397284dea788c2bf66b885d14dfc1569b01890ca7da";
    check(&format!("12:memory:/kubepods/besteffort/pod1/{id}\n"), Some(&id));
    check(&format!("1:name=systemd:/system.slice/docker-{id}.scope"), Some(&id));
    check(&format!("0::/a\n3:cpu:/ecs/{task}"), Some(task));
    check(&format!("4:x:/garden/{uuid}"), Some(uuid));
    check(
        "4:x:/ecs/34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
        Some("34dc0b5e626f2c5c4c5170e34b10e765-1234567890"),
    );
    check("0::/", None);
    check("0::/system.slice/ssh.service", None);
    check("no groups at all", None);
    check("0::/ecs/34dc0b5e626f2c5c4c5170e34b10e765-", None);
    check("0::/é-1", None);
}

#[test]
fn numbers_tell_the_control_group() {
    let mount = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(mount.path().join("memory/a")).unwrap();
    let number = |path: &str| {
        use std::os::unix::fs::MetadataExt as _;
        Some(format!("in-{}", std::fs::metadata(mount.path().join(path)).unwrap().ino()))
    };
    assert_eq!(of_number("3:cpu:/x\n2:memory:/a\n0::/", mount.path()), number("memory/a"));
    assert_eq!(of_number("0::/", mount.path()), number(""));
    assert_eq!(of_number("0::/memory", mount.path()), number("memory"));
    assert_eq!(of_number("2:memory:/gone\n0::/gone", mount.path()), None);
    assert_eq!(of_number("", mount.path()), None);
}
