//! Appends to numbered segment files, and leaves nothing half written behind where that can be helped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Fsync;
use super::segment::MAGIC;

/// The segment that is written, and those that will be.
#[derive(Debug)]
pub(super) struct Appender {
    directory: PathBuf,
    fsync: Fsync,
    segment_bytes: u64,
    next: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    file: File,
    /// Bytes that were written whole.
    length: u64,
}

/// Where an append went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub(super) number: u64,
    /// Whether it is the first of its segment.
    pub(super) began: bool,
}

impl Appender {
    /// Begins a segment with this number at the first append.
    pub(super) fn new(directory: &Path, fsync: Fsync, segment_bytes: u64, next: u64) -> Self {
        Self { directory: directory.to_owned(), fsync, segment_bytes, next, open: None }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The segment that is written.
    pub(super) fn current(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.number)
    }

    /// What follows goes into a segment with this number or a later one.
    pub(super) fn rotate(&mut self) -> u64 {
        self.open = None;
        self.next
    }

    /// Appends frames. After an error they are not there, as far as the disk can still be written.
    pub(super) fn append(&mut self, frames: &[u8]) -> io::Result<Appended> {
        let full = |open: &Open| open.length >= self.segment_bytes;
        let began = self.open.as_ref().is_none_or(full);
        if began {
            self.open = None;
            self.open = Some(self.begin()?);
        }
        let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        let always = self.fsync == Fsync::Always;
        let mut written = open.file.write_all(frames);
        if always && written.is_ok() {
            written = open.file.sync_data();
        }
        if let Err(error) = written {
            // A torn end is no harm, but room is short on a full disk. What the kernel holds now is not known, so the
            // next append begins a new file.
            let _ = open.file.set_len(open.length);
            if began {
                let _ = fs::remove_file(path(&self.directory, open.number, "seg"));
            }
            self.open = None;
            return Err(error);
        }
        open.length += frames.len() as u64;
        Ok(Appended { number: open.number, began })
    }

    fn begin(&mut self) -> io::Result<Open> {
        let number = self.next;
        self.next += 1;
        let path = path(&self.directory, number, "seg");
        let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let mut begun = file.write_all(MAGIC);
        if begun.is_ok() && self.fsync == Fsync::Always {
            // Without its name in the directory a file is lost too.
            begun = file.sync_data().and_then(|()| sync_directory(&self.directory));
        }
        if begun.is_err() {
            let _ = fs::remove_file(&path);
        }
        begun.map(|()| Open { number, file, length: MAGIC.len() as u64 })
    }
}

/// Makes the directory of a log, below that of its pipeline and that of its handler.
pub(super) fn make_directory(directory: &Path, fsync: Fsync) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    if fsync == Fsync::Always {
        for parent in directory.ancestors().skip(1).take(2) {
            sync_directory(parent)?;
        }
    }
    Ok(())
}

/// Forces the names of a directory to the disk.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The file of a segment.
pub(super) fn path(directory: &Path, number: u64, kind: &str) -> PathBuf {
    directory.join(format!("{number:020}.{kind}"))
}

/// Numbers of the files of a kind, in order.
pub(super) fn numbers(directory: &Path, kind: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if path.extension().is_some_and(|extension| extension == kind)
            && let Some(number) = stem.and_then(|stem| stem.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Corrupt segments that are kept for whoever wants to look at them.
const KEPT_CORRUPT: usize = 3;

/// Moves a segment out of the way. Only the latest are kept.
pub(super) fn set_aside(directory: &Path, number: u64) -> io::Result<PathBuf> {
    let aside = path(directory, number, "corrupt");
    fs::rename(path(directory, number, "seg"), &aside)?;
    for old in numbers(directory, "corrupt")?.iter().rev().skip(KEPT_CORRUPT) {
        let old = path(directory, *old, "corrupt");
        tracing::warn!(file = %old.display(), "an old corrupt segment was removed");
        fs::remove_file(old)?;
    }
    Ok(aside)
}
