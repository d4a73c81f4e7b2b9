//! Helm charts as what they become: Helm of both generations, and the objects that it makes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::Context as _;
use mixer_harness::real_program;
use serde_json::Value;

/// The top of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program of the workspace, which `cargo build --workspace --bins` has put beside the tests.
///
/// # Errors
/// It was not built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    // target/debug/deps/test
    let path = here.ancestors().nth(2).context("the test has no folder")?.join(name);
    anyhow::ensure!(path.is_file(), "{} is missing: cargo build --workspace --bins", path.display());
    Ok(path)
}

/// Runs a program on an input, to its end.
///
/// # Errors
/// It cannot be run.
pub fn run(command: &mut Command, input: &str) -> anyhow::Result<Output> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {shown}"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    std::thread::scope(|scope| {
        // A program that does not read its input to the end says on its own what is wrong.
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output().with_context(|| shown.clone())
    })
}

/// As what a chart is installed.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
}

/// Helm.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
}

impl Helm {
    /// Helm 3 and Helm 4. None when they are not there and nobody asked for real counterparts: the test is skipped.
    ///
    /// # Errors
    /// They are missing although they are required.
    pub fn both() -> anyhow::Result<Option<[Self; 2]>> {
        let found = (real_program("MIXER_HELM3")?, real_program("MIXER_HELM4")?);
        Ok(match found {
            (Some(three), Some(four)) => Some([Self { program: three }, Self { program: four }]),
            _ => None,
        })
    }

    /// What a chart becomes with values: the objects, in the order of their names.
    ///
    /// # Errors
    /// Helm refuses; the text is its own.
    pub fn template(&self, chart: &Path, release: Release<'_>, values: &Value) -> anyhow::Result<Vec<Value>> {
        documents(&self.text(chart, release, values)?)
    }

    /// The same as the text that Helm writes.
    ///
    /// # Errors
    /// As with [`Helm::template`].
    pub fn text(&self, chart: &Path, release: Release<'_>, values: &Value) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("template").arg(release.name).arg(chart).args(["--namespace", release.namespace]);
        self.run(&mut command, values)
    }

    /// Asks Helm for its opinion of a chart with values.
    ///
    /// # Errors
    /// Helm finds faults.
    pub fn lint(&self, chart: &Path, values: &Value) -> anyhow::Result<()> {
        let text = self.run(Command::new(&self.program).arg("lint").arg("--strict").arg(chart), values)?;
        anyhow::ensure!(!text.contains("[WARNING]") && !text.contains("[ERROR]"), "{text}");
        Ok(())
    }

    fn run(&self, command: &mut Command, values: &Value) -> anyhow::Result<String> {
        let output = run(command.args(["--values", "-"]), &values.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{command:?}: {said}{text}");
        Ok(text)
    }
}

/// The objects of a stream of YAML, ordered by kind, namespace and name: the order of a stream means nothing.
///
/// # Errors
/// It is no YAML.
pub fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let mut found: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| anyhow::anyhow!("{error}: {text}"))?;
    found.retain(|document| !document.is_null());
    found.sort_by_key(id);
    Ok(found)
}

/// KIND/NAMESPACE/NAME of an object.
pub fn id(document: &Value) -> String {
    let text = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// Whether an object is of the kinds that Mixer is configured with.
pub fn is_mixer(document: &Value) -> bool {
    document["apiVersion"] == "config.istio.io/v1alpha2"
}
