//! A file that grows, and that is set aside when it is full or old. A file that somebody else moved away is made again.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;

use super::rotation;
use super::{Sink, Torn, WriteError};
use crate::config::Rotation;

/// How often is looked whether the file is still where it was opened.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a file that could not be set aside goes on growing until that is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// A file by its path.
#[derive(Debug)]
pub(crate) struct FileSink {
    path: PathBuf,
    rotation: Option<Rotation>,
    /// None when it could not be opened again.
    open: Option<OpenFile>,
    looked: SystemTime,
    no_rotation_before: Option<SystemTime>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    torn: Torn,
    /// Device and inode.
    identity: (u64, u64),
    /// Whether it is a file that has a size and can be set aside, unlike a device or a pipe.
    regular: bool,
    size: u64,
    since: SystemTime,
}

impl FileSink {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: PathBuf, rotation: Option<Rotation>, now: SystemTime) -> io::Result<Self> {
        let open = Some(OpenFile::open(&path, now)?);
        let sink = Self { path, rotation, open, looked: now, no_rotation_before: None };
        sink.prune(now);
        Ok(sink)
    }

    /// The open file, opened again when it is no longer at its path.
    fn file(&mut self, now: SystemTime) -> io::Result<&mut OpenFile> {
        let due = now.duration_since(self.looked).is_ok_and(|since| since < LOOK_EVERY);
        if !due {
            self.looked = now;
            self.look();
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => OpenFile::open(&self.path, now)?,
        };
        Ok(self.open.insert(open))
    }

    fn look(&mut self) {
        match std::fs::metadata(&self.path) {
            Ok(metadata) => match &mut self.open {
                Some(open) if open.identity == identity(&metadata) => open.size = metadata.len(),
                _ => self.open = None,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.open = None,
            Err(error) => {
                tracing::debug!(path = %self.path.display(), %error, "the output file cannot be looked at");
            }
        }
    }

    /// How many of the bytes, which are whole lines, go to the file as it is now; after setting a full or old file
    /// aside.
    fn room(&mut self, now: SystemTime, lines: &[u8]) -> io::Result<usize> {
        let Some(rotation) = self.rotation else { return Ok(lines.len()) };
        let blocked = self.no_rotation_before.is_some_and(|before| now < before);
        let open = self.file(now)?;
        if !open.regular || blocked {
            return Ok(lines.len());
        }
        if open.size == 0 {
            // Its age counts from its first line.
            open.since = now;
            return Ok(whole_lines(lines, rotation.max_bytes).max(first_line(lines)));
        }
        let age = now.duration_since(open.since).unwrap_or_default();
        let is_old = rotation.max_age.is_some_and(|max| age >= max);
        let fitting = whole_lines(lines, rotation.max_bytes.saturating_sub(open.size));
        if fitting > 0 && !is_old {
            return Ok(fitting);
        }
        match self.set_aside(now) {
            Ok(()) => Ok(whole_lines(lines, rotation.max_bytes).max(first_line(lines))),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error,
                    "the output file cannot be set aside and goes on growing; look at the permissions of its directory");
                self.no_rotation_before = now.checked_add(RETRY_AFTER);
                Ok(lines.len())
            }
        }
    }

    fn set_aside(&mut self, now: SystemTime) -> io::Result<()> {
        rotation::set_aside(&self.path, now)?;
        self.open = None;
        self.prune(now);
        Ok(())
    }

    fn prune(&self, now: SystemTime) {
        let Some(rotation) = &self.rotation else { return };
        if let Err(error) = rotation::prune(&self.path, rotation, now) {
            tracing::warn!(path = %self.path.display(), %error, "files that were set aside cannot be removed");
        }
    }

    fn write_piece(&mut self, now: SystemTime, lines: &[u8]) -> Result<usize, WriteError> {
        let failed = |source| WriteError { written: 0, source };
        let length = self.room(now, lines).map_err(failed)?;
        let piece = lines.get(..length).unwrap_or(lines);
        let open = self.file(now).map_err(failed)?;
        let result = open.torn.write(&open.file, piece);
        open.size += result.as_ref().map_or_else(|error| error.written, |()| length) as u64;
        result.map(|()| length)
    }
}

impl Sink for FileSink {
    fn write(&mut self, now: SystemTime, lines: &[u8]) -> Result<(), WriteError> {
        let mut written = 0;
        while let Some(rest) = lines.get(written..).filter(|rest| !rest.is_empty()) {
            written += self
                .write_piece(now, rest)
                .map_err(|error| WriteError { written: written + error.written, ..error })?;
        }
        Ok(())
    }

    fn set_rotation(&mut self, rotation: Option<Rotation>) {
        self.rotation = rotation;
        self.no_rotation_before = None;
    }
}

impl OpenFile {
    fn open(path: &Path, now: SystemTime) -> io::Result<Self> {
        // A pipe that nobody reads is an error, not a reason to wait.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().append(true).create(true).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        // Not every file system knows when a file was made.
        let since = metadata.created().or_else(|_| metadata.modified()).unwrap_or(now);
        Ok(Self {
            file,
            torn: Torn::default(),
            identity: identity(&metadata),
            regular: metadata.is_file(),
            size: metadata.len(),
            since,
        })
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The length of as many whole lines as fit into so many bytes.
fn whole_lines(lines: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    match lines.get(..room) {
        Some(fitting) => fitting.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
        None => lines.len(),
    }
}

/// The length of the first line: a line that is larger than a file may be has a file for itself.
fn first_line(lines: &[u8]) -> usize {
    lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |end| end + 1)
}
