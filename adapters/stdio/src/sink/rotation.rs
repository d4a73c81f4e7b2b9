//! Files that were set aside: `access.log` becomes `access-2006-01-02T15-04-05.000.log`, with the time in UTC at which
//! that happened, as in the original.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mixer_adapter_sdk::Timestamp;

use crate::config::Rotation;

/// How many names are tried when files are set aside within one millisecond.
const MAX_TRIES: u32 = 1000;

/// Length of `2006-01-02T15:04:05.000`.
const STAMP: usize = 23;

/// Gives the file a name with the time. No other file is overwritten.
pub(super) fn set_aside(path: &Path, now: SystemTime) -> io::Result<()> {
    for millis in 0..MAX_TRIES {
        let Some(name) = now.checked_add(Duration::from_millis(millis.into())).and_then(|at| aside(path, at))
        else {
            break;
        };
        if !name.try_exists()? {
            return std::fs::rename(path, name);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes files that were set aside and are too many or too old.
pub(super) fn prune(path: &Path, rotation: &Rotation, now: SystemTime) -> io::Result<()> {
    let Some(directory) = path.parent() else { return Ok(()) };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        if let Some(at) = name.to_str().and_then(|name| stamp(path, name)) {
            files.push((at, name));
        }
    }
    files.sort_by(|a, b| b.cmp(a));
    let oldest = rotation.max_age.and_then(|age| now.checked_sub(age)).map(Timestamp::from);
    let mut result = Ok(());
    for (index, (at, name)) in files.into_iter().enumerate() {
        let too_many = rotation.max_files.is_some_and(|most| index >= most);
        if too_many || oldest.is_some_and(|oldest| at <= oldest) {
            // One that cannot be removed does not keep the others.
            result = std::fs::remove_file(directory.join(name)).and(result);
        }
    }
    result
}

/// What stands before and behind the time.
fn parts(path: &Path) -> Option<(&str, &str)> {
    let name = path.file_name()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    Some((stem, name.get(stem.len()..)?))
}

fn aside(path: &Path, at: SystemTime) -> Option<PathBuf> {
    let (stem, extension) = parts(path)?;
    let time = Timestamp::from(at).to_micros_text().get(..STAMP)?.replace(':', "-");
    Some(path.with_file_name(format!("{stem}-{time}{extension}")))
}

/// When a file of this name was set aside; none when it is any other file.
fn stamp(path: &Path, name: &str) -> Option<Timestamp> {
    let (stem, extension) = parts(path)?;
    let time = name.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(extension)?;
    if time.len() != STAMP {
        return None;
    }
    let (date, clock) = time.split_once('T')?;
    format!("{date}T{}Z", clock.replace('-', ":")).parse().ok()
}
