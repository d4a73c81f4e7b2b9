//! One writer for each output: a queue with a bound, and a thread that writes what is in it. Handlers of one output
//! share its writer, so that their lines never mix.

mod lane;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

pub(crate) use self::lane::Lane;
use self::lane::Losses;
use self::queue::{Queue, Work};
use crate::config::{Output, Target};
use crate::sink::{FileSink, Sink, StandardSink};

/// How often at most the log says that an output fails.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// Every writer of the process, by what it writes to.
#[derive(Debug, Default)]
pub(crate) struct Writers(Mutex<HashMap<Target, Arc<Queue>>>);

impl Writers {
    /// A lane to the output, which is opened unless another handler has it open. How a file is rotated is what the
    /// handler that was attached last wants.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, in words for the operator.
    pub(crate) fn attach(&self, output: &Output) -> Result<Lane, String> {
        let name = name(&output.target);
        let open = || -> io::Result<Lane> {
            let target = absolute(&output.target)?;
            let mut queues = self.0.lock();
            queues.retain(|_, queue| !queue.has_ended());
            // A writer that ended just now is replaced.
            if let Some(queue) = queues.get(&target).filter(|queue| queue.attach()) {
                queue.work(Work::Rotation(output.rotation));
                return Ok(Lane::new(queue.clone()));
            }
            let sink: Box<dyn Sink> = match &target {
                Target::Stdout => Box::new(StandardSink::output()),
                Target::Stderr => Box::new(StandardSink::error()),
                Target::File(path) => {
                    Box::new(FileSink::open(path.clone(), output.rotation, SystemTime::now())?)
                }
            };
            let queue = start(name.clone(), sink)?;
            queues.insert(target, queue.clone());
            Ok(Lane::new(queue))
        };
        open().map_err(|error| {
            format!("{name} cannot be opened: {error}; look at `output_path` and its permissions")
        })
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Stdout => "standard output".to_owned(),
        Target::Stderr => "standard error".to_owned(),
        Target::File(path) => path.display().to_string(),
    }
}

/// The same target for every way to write the path of a file. Its directory is made when it is missing.
fn absolute(target: &Target) -> io::Result<Target> {
    let Target::File(path) = target else { return Ok(target.clone()) };
    let (Some(directory), Some(file)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let directory = if directory == Path::new("") { Path::new(".") } else { directory };
    let directory = match directory.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(directory)?;
            directory.canonicalize()?
        }
        found => found?,
    };
    Ok(Target::File(directory.join(file)))
}

/// Starts the thread of a writer, which has one lane.
fn start(name: String, sink: Box<dyn Sink>) -> io::Result<Arc<Queue>> {
    let queue = Arc::new(Queue::new(name));
    let theirs = queue.clone();
    std::thread::Builder::new().name("stdio-writer".to_owned()).spawn(move || write(&theirs, sink))?;
    Ok(queue)
}

/// Writes what is queued until the last lane is gone.
fn write(queue: &Queue, mut sink: Box<dyn Sink>) {
    let mut failures = FailureLog::default();
    let mut written = 0;
    while let Some(work) = queue.next(written) {
        written = 0;
        match work {
            Work::Lines { bytes, losses } => {
                written = bytes.len();
                if let Err(error) = sink.write(SystemTime::now(), &bytes) {
                    let rest = bytes.get(error.written..).unwrap_or_default();
                    let lost = rest.iter().filter(|byte| **byte == b'\n').count() as u64;
                    losses.add(lost, || format!("{}: {}", queue.name(), error.source));
                    failures.add(queue.name(), lost, &error.source);
                }
            }
            Work::Rotation(rotation) => sink.set_rotation(rotation),
            // A closing handler that no longer waits needs no answer.
            Work::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}

/// Tells of lost lines at a bounded rate.
#[derive(Debug, Default)]
struct FailureLog {
    last: Option<Instant>,
    held_back: u64,
}

impl FailureLog {
    fn add(&mut self, output: &str, lines: u64, error: &io::Error) {
        self.held_back += lines;
        let now = Instant::now();
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < LOG_PERIOD) {
            return;
        }
        self.last = Some(now);
        tracing::warn!(
            output,
            lines = std::mem::take(&mut self.held_back),
            %error,
            "lines are lost because they cannot be written; look at the space, the permissions and the reader of the output"
        );
    }
}
