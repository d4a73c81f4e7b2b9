//! The files of an image, laid out in a folder as the Dockerfile's first stage lays them out in its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use super::program::Program;

/// The folder; it goes when this is dropped.
pub(super) struct Stage {
    folder: TempDir,
    /// Bytes of all files together.
    pub(super) size: u64,
    /// The program.
    pub(super) binary: PathBuf,
}

impl Stage {
    pub(super) fn new(
        root: &Path,
        program: &Program,
        binary: &Path,
        ca_bundle: &Path,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("mixer-image-").tempdir()?;
        let mut stage = Self { folder, size: 0, binary: binary.to_owned() };
        let inside = format!("usr/local/bin/{}", program.name);
        stage.copy(binary, &inside, 0o755)?;
        stage.copy(ca_bundle, "etc/ssl/certs/ca-certificates.crt", 0o644)?;
        stage.copy(&root.join("deploy/images/nsswitch.conf"), "etc/nsswitch.conf", 0o644)?;
        stage.copy(&root.join("deploy/images/host.conf"), "etc/host.conf", 0o644)?;
        stage.copy(&root.join("LICENSE"), "licenses/LICENSE", 0o644)?;
        symlink(format!("/{inside}"), stage.out().join("entrypoint"))?;
        Ok(stage)
    }

    /// The context in place of the stage `build`.
    pub(super) fn context(&self) -> &Path {
        self.folder.path()
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Folders are readable whatever the umask is.
    fn copy(&mut self, from: &Path, to: &str, mode: u32) -> anyhow::Result<()> {
        let mut path = self.out();
        for part in Path::new(to).parent().into_iter().flat_map(Path::iter) {
            path.push(part);
            fs::create_dir_all(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        fs::set_permissions(self.out(), Permissions::from_mode(0o755))?;
        let to = self.out().join(to);
        self.size += fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        fs::set_permissions(&to, Permissions::from_mode(mode))?;
        Ok(())
    }
}
