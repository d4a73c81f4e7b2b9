//! A network namespace: what runs in it reaches nothing outside, and takes no port from anybody. Gone when it is dropped.

use std::fs;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns` keeps names.
const NAMES: &str = "/run/netns";

/// All names begin like this, followed by the process id of their owner.
const PREFIX: &str = "mximage";

/// Makes names of one process different.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A namespace with a loopback of its own.
#[derive(Debug)]
pub struct Namespace(String);

impl Namespace {
    /// A new one, by iproute2. Needs root.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> anyhow::Result<Self> {
        sweep()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespace = Self(format!("{PREFIX}-{}-{number}", std::process::id()));
        ip(&["netns", "add", &namespace.0])?;
        ip(&["-n", &namespace.0, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Runs something in it, on a thread of its own: its sockets, and the programs that it starts, are there.
    ///
    /// # Errors
    /// The system refuses.
    pub fn inside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let file = fs::File::open(Path::new(NAMES).join(&self.0))?;
        let entered = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            anyhow::Ok(task())
        };
        match std::thread::scope(|scope| scope.spawn(entered).join()) {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Best effort: what stays is swept by the next one.
        let _ = ip(&["netns", "del", &self.0]);
    }
}

/// Removes what a process that was killed left behind.
fn sweep() -> anyhow::Result<()> {
    let Ok(names) = fs::read_dir(NAMES) else { return Ok(()) };
    for entry in names {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(&format!("{PREFIX}-")).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            // Somebody else may sweep at the same time.
            let _ = ip(&["netns", "del", &name]);
        }
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.context("cannot start ip: network namespaces need iproute2")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {said}", arguments.join(" "));
    Ok(())
}
