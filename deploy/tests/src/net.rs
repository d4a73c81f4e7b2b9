//! A small cluster's network on one machine: network namespaces on a bridge, each with an address and a name service of its
//! own, as pods have. Everything is gone when the network is dropped.

use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns` keeps names, and files that take the place of those in `/etc`.
const NAMES: &str = "/run/netns";
const FILES: &str = "/etc/netns";

/// All names begin like this, followed by the process id of their owner.
const PREFIX: &str = "mxpods";

/// Makes names of one process different.
static NETWORKS: AtomicU32 = AtomicU32::new(0);

/// A bridge, and namespaces at it.
#[derive(Debug)]
pub struct Network {
    ip: PathBuf,
    prefix: String,
    namespaces: Mutex<Vec<String>>,
}

/// A namespace at the bridge: what a pod has of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodNetwork {
    /// The name that `ip netns` knows.
    pub namespace: String,
    /// Its address on the bridge, which no other pod ever gets.
    pub address: Ipv4Addr,
}

impl Network {
    /// A network, by the program `ip` of iproute2. Needs root.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new(ip: &Path) -> anyhow::Result<Self> {
        sweep(ip)?;
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("{PREFIX}-{}-{number}", std::process::id());
        let network = Self { ip: ip.to_owned(), prefix, namespaces: Mutex::default() };
        let hub = network.add("hub")?;
        network.run(&["-n", &hub, "link", "add", "br0", "type", "bridge"])?;
        let address = format!("{}/24", network.hub_address());
        network.run(&["-n", &hub, "addr", "add", &address, "dev", "br0"])?;
        network.run(&["-n", &hub, "link", "set", "br0", "up"])?;
        Ok(network)
    }

    /// The address of the bridge itself: what a node, a name service or a server outside of the cluster has.
    pub fn hub_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, 1)
    }

    /// A namespace with an address of its own, which asks the hub's address for names.
    ///
    /// # Errors
    /// The system refuses, or there were 250 already.
    pub fn pod(&self) -> anyhow::Result<PodNetwork> {
        let number = u8::try_from(self.namespaces.lock().len() + 1).ok().filter(|number| *number < 252);
        let number = number.context("the network has no address left")?;
        let address = Ipv4Addr::new(10, 77, 0, number);
        let (hub, port) = (format!("{}-hub", self.prefix), format!("port{number}"));
        let namespace = self.add(&number.to_string())?;
        self.run(&[
            "-n", &hub, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace,
        ])?;
        self.run(&["-n", &hub, "link", "set", &port, "master", "br0", "up"])?;
        self.run(&["-n", &namespace, "addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
        self.run(&["-n", &namespace, "link", "set", "eth0", "up"])?;
        let hub = self.hub_address().to_string();
        self.run(&["-n", &namespace, "route", "add", "default", "via", &hub])?;
        Ok(PodNetwork { namespace, address })
    }

    /// Runs something in the hub's namespace, on a thread of its own: its sockets, and the programs that it starts, are
    /// there.
    ///
    /// # Errors
    /// The system refuses.
    pub fn inside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let hub = fs::File::open(format!("{NAMES}/{}-hub", self.prefix))?;
        let entered = || {
            move_into_link_name_space(hub.as_fd(), Some(LinkNameSpaceType::Network))?;
            anyhow::Ok(task())
        };
        match std::thread::scope(|scope| scope.spawn(entered).join()) {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// A program in the namespace of a pod.
    pub fn command(&self, pod: &PodNetwork, program: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.ip);
        command.args(["netns", "exec", &pod.namespace]).arg(program);
        // Proxies of this machine are none of a pod's.
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    fn add(&self, name: &str) -> anyhow::Result<String> {
        let namespace = format!("{}-{name}", self.prefix);
        self.run(&["netns", "add", &namespace])?;
        self.namespaces.lock().push(namespace.clone());
        self.run(&["-n", &namespace, "link", "set", "lo", "up"])?;
        let files = Path::new(FILES).join(&namespace);
        fs::create_dir_all(&files)?;
        let server = self.hub_address();
        fs::write(files.join("resolv.conf"), format!("nameserver {server}\noptions timeout:1 attempts:5\n"))?;
        // Names end with `local` in a cluster, and nobody but its name service knows them.
        fs::write(files.join("nsswitch.conf"), "hosts: files dns\n")?;
        Ok(namespace)
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run(&self.ip, arguments)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in self.namespaces.lock().iter() {
            remove(&self.ip, namespace);
        }
    }
}

/// Removes what a process that was killed left behind.
fn sweep(ip: &Path) -> anyhow::Result<()> {
    let Ok(names) = fs::read_dir(NAMES) else { return Ok(()) };
    for entry in names {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(&format!("{PREFIX}-")).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            remove(ip, &name);
        }
    }
    Ok(())
}

fn remove(ip: &Path, namespace: &str) {
    // Best effort: what stays is swept by the next network.
    let _ = run(ip, &["netns", "del", namespace]);
    let _ = fs::remove_dir_all(Path::new(FILES).join(namespace));
}

fn run(ip: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = std::process::Command::new(ip).args(arguments).output();
    let output = output.with_context(|| format!("cannot start {}", ip.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {said}", arguments.join(" "));
    Ok(())
}
