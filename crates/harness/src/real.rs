//! Real counterparts of end-to-end tests: where they are, and when a missing one is a failure.

use std::path::PathBuf;

/// Set (to anything) where a missing counterpart must fail a test: the project's test command and CI do.
pub const REAL: &str = "MIXER_REAL";

/// The program that an environment variable names, such as `MIXER_ENVOY`.
///
/// Nothing when the variable is missing in a plain `cargo test`, and the test says that it is skipped.
///
/// # Errors
/// The variable is missing although real counterparts are required, or it names no file.
pub fn real_program(variable: &str) -> anyhow::Result<Option<PathBuf>> {
    let Some(path) = named(variable)? else { return Ok(None) };
    anyhow::ensure!(path.is_file(), "{variable} names {}, which is no file", path.display());
    Ok(Some(path))
}

/// The folder that an environment variable names, such as `MIXER_PYTHONPATH`; the rest as in [`real_program`].
///
/// # Errors
/// The variable is missing although real counterparts are required, or it names no folder.
pub fn real_folder(variable: &str) -> anyhow::Result<Option<PathBuf>> {
    let Some(path) = named(variable)? else { return Ok(None) };
    anyhow::ensure!(path.is_dir(), "{variable} names {}, which is no folder", path.display());
    Ok(Some(path))
}

fn named(variable: &str) -> anyhow::Result<Option<PathBuf>> {
    match std::env::var_os(variable) {
        Some(path) => Ok(Some(path.into())),
        None if std::env::var_os(REAL).is_some() || std::env::var_os("CI").is_some() => {
            anyhow::bail!(
                "{variable} is not set; run the tests with `cargo xtask test`, which installs what they need"
            )
        }
        None => Ok(None),
    }
}
