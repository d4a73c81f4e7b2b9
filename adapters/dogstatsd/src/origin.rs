//! Which container this process is in, as Datadog's own clients find it (DogStatsD protocol 1.2 and 1.4).

#[cfg(test)]
mod tests;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Number of the control group namespace of the host, which Linux fixes.
const HOST_NAMESPACE: u64 = 0xEFFF_FFFB;

/// `ci-` and the container's id when its path can be seen, else `in-` and the number of its control group.
pub(crate) fn container_id() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    match fs::metadata("/proc/self/ns/cgroup") {
        Ok(namespace) if namespace.ino() == HOST_NAMESPACE => of_path(&groups),
        _ => of_number(&groups, Path::new("/sys/fs/cgroup")),
    }
}

/// From the last part of a path, in the forms that container runtimes use.
fn of_path(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let last = paths.filter_map(|path| path.rsplit('/').next());
    last.map(|name| name.strip_suffix(".scope").unwrap_or(name)).find_map(id).map(|id| format!("ci-{id}"))
}

/// The id that a name ends with: 64 hexadecimal digits, a UUID, or 32 digits with a decimal number.
fn id(name: &str) -> Option<&str> {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_uuid = |text: &str| {
        let lengths = text.split(['-', '_']).map(|part| if is_hex(part) { part.len() } else { 0 });
        lengths.eq([8, 4, 4, 4, 12])
    };
    let tail = |length: usize| name.len().checked_sub(length).and_then(|start| name.get(start..));
    if let Some(id) = tail(64).filter(|tail| is_hex(tail)) {
        return Some(id);
    }
    if let Some(id) = tail(36).filter(|tail| is_uuid(tail)) {
        return Some(id);
    }
    let (front, number) = name.rsplit_once('-')?;
    let start = front.len().checked_sub(32)?;
    let task = front.get(start..).filter(|task| is_hex(task));
    let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    task.filter(|_| numbered).and_then(|_| name.get(start..))
}

/// From the control group that is mounted: that of version 1's memory controller, else that of version 2.
fn of_number(groups: &str, mount: &Path) -> Option<String> {
    let path_of = |wanted: &str| {
        groups.lines().find_map(|line| {
            let mut parts = line.split(':');
            let (_, controller, path) = (parts.next()?, parts.next()?, parts.next()?);
            (parts.next().is_none() && controller == wanted).then_some(path)
        })
    };
    ["memory", ""].into_iter().find_map(|controller| {
        let path = path_of(controller)?.trim_start_matches('/');
        let number = fs::metadata(mount.join(controller).join(path)).ok()?.ino();
        // The numbers below belong to no group.
        (number > 2).then(|| format!("in-{number}"))
    })
}
