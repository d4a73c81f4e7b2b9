//! What a process has used so far, as the kernel counts it: CPU time from `/proc/PID/stat`, resident memory from
//! `/proc/PID/status`. The kernel scales the two CPU times to what the scheduler measured, so the sum is as exact as
//! its unit.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// User and system time of all threads of a process, also of threads that have ended.
///
/// # Errors
/// There is no such process.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = cpu_ticks(&stat).with_context(|| format!("{path} is not as expected: {stat}"))?;
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// The same of several processes.
///
/// # Errors
/// One of them is gone.
pub(crate) fn cpu_of_each(pids: &[u32]) -> anyhow::Result<Vec<Duration>> {
    pids.iter().map(|pid| cpu(*pid)).collect()
}

/// Resident memory of a process in MiB.
///
/// # Errors
/// There is no such process.
pub(crate) fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kib = resident_kib(&status).with_context(|| format!("{path} says nothing about VmRSS"))?;
    Ok(kib as f64 / 1024.0)
}

/// Fields 14 and 15 of `stat`, see proc(5). The second field is the program's name in parentheses and may hold
/// anything, so counting starts behind the last parenthesis.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn resident_kib(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
