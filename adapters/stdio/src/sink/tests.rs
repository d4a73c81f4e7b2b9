//! Files are set aside when they are full or old, made again when somebody moved them away, and no line is torn by
//! the one before it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{FileSink, Sink, Torn};
use crate::config::Rotation;

const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);

const ROTATION: Rotation = Rotation { max_bytes: 10, max_age: None, max_files: None };

/// A file in a directory of its own, and a clock.
struct Bench {
    directory: TempDir,
    sink: FileSink,
    now: SystemTime,
}

impl Bench {
    fn new(rotation: Option<Rotation>) -> Self {
        let directory = TempDir::new().unwrap();
        let now = SystemTime::now();
        let sink = FileSink::open(directory.path().join("access.log"), rotation, now).unwrap();
        Self { directory, sink, now }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("access.log")
    }

    fn write(&mut self, lines: &str) {
        self.sink.write(self.now, lines.as_bytes()).unwrap();
    }

    /// What the files hold, the one that was set aside first at the front and the one that grows at the end.
    fn contents(&self) -> Vec<String> {
        let mut files = files(self.directory.path());
        let current = files.remove("access.log");
        files.into_values().chain(current).collect()
    }
}

fn files(directory: &Path) -> BTreeMap<String, String> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect()
}

#[test]
fn a_file_is_set_aside_when_the_next_line_would_make_it_too_large() {
    let check = |writes: &[&str], expected: &[&str]| {
        let mut bench = Bench::new(Some(ROTATION));
        writes.iter().for_each(|lines| bench.write(lines));
        assert_eq!(bench.contents(), expected, "{writes:?}");
    };
    check(&["1234\n", "6789\n"], &["1234\n6789\n"]);
    check(&["1234\n", "6789\n", "b\n"], &["1234\n6789\n", "b\n"]);
    check(&["1234\n", "67890\n"], &["1234\n", "67890\n"]);
    // A batch is cut between lines.
    check(&["1\n2\n3\n4\n5\n6\n7\n"], &["1\n2\n3\n4\n5\n", "6\n7\n"]);
    check(&["1\n2\n", "345\n678\n9\n", "a\n"], &["1\n2\n345\n", "678\n9\na\n"]);
    // A line that is larger than a file may be is written all the same, alone.
    check(&["1\n", "0123456789abcdef\n", "2\n"], &["1\n", "0123456789abcdef\n", "2\n"]);
    check(&["0123456789abcdef\n0123456789abcdef\n"], &["0123456789abcdef\n", "0123456789abcdef\n"]);
    check(&[""], &[""]);
}

#[test]
fn the_size_that_a_file_has_already_counts() {
    let mut bench = Bench::new(None);
    bench.write("1234567\n");
    bench.sink = FileSink::open(bench.path(), Some(ROTATION), bench.now).unwrap();
    bench.write("9\nab\n");
    assert_eq!(bench.contents(), ["1234567\n9\n", "ab\n"]);
}

#[test]
fn names_say_when_a_file_was_set_aside() {
    let mut bench = Bench::new(Some(Rotation { max_bytes: 1, ..ROTATION }));
    // 2006-01-02T15:04:05.999Z, three times.
    bench.now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_136_214_245_999);
    for line in ["1\n", "2\n", "3\n", "4\n"] {
        bench.write(line);
    }
    let expected = [
        ("access-2006-01-02T15-04-05.999.log", "1\n"),
        ("access-2006-01-02T15-04-06.000.log", "2\n"),
        ("access-2006-01-02T15-04-06.001.log", "3\n"),
        ("access.log", "4\n"),
    ];
    let expected = expected.map(|(name, content)| (name.to_owned(), content.to_owned()));
    assert_eq!(files(bench.directory.path()), BTreeMap::from(expected));
}

#[test]
fn a_file_is_set_aside_when_it_is_old() {
    let mut bench = Bench::new(Some(Rotation { max_bytes: 1000, max_age: Some(DAY * 10), ..ROTATION }));
    // Nothing is set aside for being empty.
    bench.now += DAY * 20;
    bench.write("1\n");
    bench.now += DAY * 10 - SECOND;
    bench.write("2\n");
    assert_eq!(bench.contents(), ["1\n2\n"]);
    bench.now += SECOND;
    bench.write("3\n4\n");
    assert_eq!(bench.contents(), ["1\n2\n", "3\n4\n"]);
}

#[test]
fn files_that_were_set_aside_are_removed_when_they_are_too_many_or_too_old() {
    let write = |max_age, max_files| {
        let mut bench = Bench::new(Some(Rotation { max_bytes: 1, max_age, max_files }));
        let others =
            ["access-notes.log", "access-2006-01-02T15-04-05.000.log.gz", "b-2006-01-02T15-04-05.000.log"];
        for name in others {
            fs::write(bench.directory.path().join(name), "").unwrap();
        }
        for line in ["1\n", "2\n", "3\n", "4\n", "5\n"] {
            bench.write(line);
            bench.now += DAY;
        }
        for name in others {
            fs::remove_file(bench.directory.path().join(name)).expect("nothing else is removed");
        }
        bench.contents()
    };
    assert_eq!(write(None, None), ["1\n", "2\n", "3\n", "4\n", "5\n"]);
    assert_eq!(write(None, Some(3)), ["2\n", "3\n", "4\n", "5\n"]);
    assert_eq!(write(None, Some(1)), ["4\n", "5\n"]);
    assert_eq!(write(Some(DAY * 3), None), ["2\n", "3\n", "4\n", "5\n"]);
    assert_eq!(write(Some(DAY * 2), Some(3)), ["3\n", "4\n", "5\n"]);
}

#[test]
fn what_is_too_old_is_removed_when_the_file_is_opened() {
    let mut bench = Bench::new(Some(Rotation { max_bytes: 1, ..ROTATION }));
    bench.write("1\n");
    bench.write("2\n");
    let rotation = Rotation { max_age: Some(DAY), ..ROTATION };
    FileSink::open(bench.path(), Some(rotation), bench.now + DAY - SECOND).unwrap();
    assert_eq!(bench.contents(), ["1\n", "2\n"]);
    FileSink::open(bench.path(), Some(rotation), bench.now + DAY).unwrap();
    assert_eq!(bench.contents(), ["2\n"]);
}

#[test]
fn the_rotation_can_change() {
    let mut bench = Bench::new(Some(ROTATION));
    bench.sink.set_rotation(None);
    bench.write("123456789\n");
    bench.write("abcdefghi\n");
    assert_eq!(bench.contents(), ["123456789\nabcdefghi\n"]);
    bench.sink.set_rotation(Some(ROTATION));
    bench.write("x\n");
    assert_eq!(bench.contents(), ["123456789\nabcdefghi\n", "x\n"]);
}

#[test]
fn a_file_that_cannot_be_set_aside_grows() {
    let directory = TempDir::new().unwrap();
    // No name has room for the time.
    let path = directory.path().join("a".repeat(250));
    let now = SystemTime::now();
    let mut sink = FileSink::open(path.clone(), Some(ROTATION), now).unwrap();
    for line in ["123456789\n", "abc\n", "def\n"] {
        sink.write(now, line.as_bytes()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "123456789\nabc\ndef\n");
}

#[test]
fn a_file_that_was_moved_away_is_made_again() {
    let mut bench = Bench::new(None);
    bench.write("1\n");
    fs::rename(bench.path(), bench.directory.path().join("a")).unwrap();
    // Looking for it with every batch would cost too much.
    bench.write("2\n");
    bench.now += SECOND;
    bench.write("3\n");
    assert_eq!(bench.contents(), ["1\n2\n", "3\n"]);
    fs::rename(bench.path(), bench.directory.path().join("b")).unwrap();
    fs::write(bench.path(), "made by somebody else\n").unwrap();
    bench.now += SECOND;
    bench.write("4\n");
    assert_eq!(bench.contents(), ["1\n2\n", "3\n", "made by somebody else\n4\n"]);
    // The clock was set back.
    fs::remove_file(bench.path()).unwrap();
    bench.now -= DAY;
    bench.write("5\n");
    assert_eq!(bench.contents(), ["1\n2\n", "3\n", "5\n"]);
}

#[test]
fn a_file_that_somebody_else_emptied_has_room_again() {
    let mut bench = Bench::new(Some(ROTATION));
    bench.write("123456789\n");
    fs::write(bench.path(), "").unwrap();
    bench.now += SECOND;
    bench.write("abcdefghi\n");
    assert_eq!(bench.contents(), ["abcdefghi\n"]);
}

#[test]
fn a_file_that_cannot_be_made_again_fails_until_it_can() {
    let mut bench = Bench::new(None);
    bench.write("1\n");
    let (here, gone) = (bench.directory.path().join("logs"), bench.directory.path().join("gone"));
    fs::create_dir(&here).unwrap();
    bench.sink = FileSink::open(here.join("access.log"), None, bench.now).unwrap();
    fs::rename(&here, &gone).unwrap();
    bench.now += SECOND;
    for _ in 0..2 {
        let error = bench.sink.write(bench.now, b"2\n").unwrap_err();
        assert_eq!((error.written, error.source.kind()), (0, io::ErrorKind::NotFound));
    }
    fs::rename(&gone, &here).unwrap();
    bench.write("3\n");
    assert_eq!(fs::read_to_string(here.join("access.log")).unwrap(), "3\n");
}

#[test]
fn a_line_that_was_torn_is_ended_before_the_next_one() {
    let (mut reader, writer) = io::pipe().unwrap();
    // More than a pipe holds.
    let line = vec![b'x'; 1 << 20];
    let writing = thread::spawn(move || {
        let mut torn = Torn::default();
        let error = torn.write(&writer, &line).unwrap_err();
        (torn, error)
    });
    reader.read_exact(&mut [0]).unwrap();
    drop(reader);
    let (mut torn, error) = writing.join().unwrap();
    assert_eq!(error.source.kind(), io::ErrorKind::BrokenPipe);
    assert!((1..1 << 20).contains(&error.written), "{error:?}");

    let (reader, writer) = io::pipe().unwrap();
    torn.write(&writer, b"2\n").unwrap();
    torn.write(&writer, b"3\n").unwrap();
    drop(writer);
    assert_eq!(io::read_to_string(reader).unwrap(), "\n2\n3\n");
}

#[test]
fn an_output_that_does_not_block_is_waited_for() {
    let (mut reader, writer) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    let lines = b"0123456789\n".repeat(100_000);
    let expected = lines.clone();
    let writing = thread::spawn(move || Torn::default().write(&writer, &lines));
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    writing.join().unwrap().unwrap();
    assert!(read == expected, "{} of {} bytes arrived", read.len(), expected.len());
}

#[test]
fn a_full_device_takes_nothing() {
    let now = SystemTime::now();
    let mut sink = FileSink::open("/dev/full".into(), Some(ROTATION), now).unwrap();
    let error = sink.write(now, b"1\n2\n").unwrap_err();
    assert_eq!((error.written, error.source.kind()), (0, io::ErrorKind::StorageFull));
}
