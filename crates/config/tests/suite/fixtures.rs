//! The configuration that operators of the original used, when it is beside the project: which problems each file
//! has. Goldens hold file names and problems, nothing of the files.

use std::path::{Path, PathBuf};

use mixer_config::{CompileOptions, Problem, RawResource, ReadOptions, Severity, compile, parse_documents};

use crate::registry::registry;

fn root() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/istio-1.3.8");
    if !root.is_dir() {
        println!("skipped: ../shared is not beside the project");
        return None;
    }
    Some(root)
}

fn read(root: &Path, files: &[&str]) -> (Vec<RawResource>, Vec<Problem>) {
    let mut resources = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let (found, wrong) = parse_documents(file, &text, &ReadOptions::default());
        resources.extend(found);
        problems.extend(wrong);
    }
    (resources, problems)
}

fn problems(root: &Path, files: &[&str]) -> Vec<Problem> {
    let (resources, mut problems) = read(root, files);
    problems.extend(compile(&resources, &registry(), &CompileOptions::default()).problems);
    problems
}

#[test]
fn each_file_alone() {
    let Some(root) = root() else { return };
    let mut lines = Vec::new();
    for folder in ["adapters", "config", "templates"] {
        let mut files: Vec<_> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|e| e.unwrap().file_name()).collect();
        files.sort();
        for file in files {
            let file = format!("{folder}/{}", file.to_str().unwrap());
            lines.push(format!("# {file}"));
            lines.extend(problems(&root, &[&file]).iter().map(Problem::to_string));
        }
    }
    insta::with_settings!({ snapshot_path => "../fixtures", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("each-file", lines.join("\n"));
    });
}

#[test]
fn sets_that_belong_together_have_no_errors() {
    let Some(root) = root() else { return };
    let attributes = "config/attributes.yaml";
    for files in [
        &[
            attributes,
            "config/metrics.yaml",
            "config/tcpmetrics.yaml",
            "config/prometheus.yaml",
            "config/accesslog.yaml",
            "config/tcp_accesslog.yaml",
        ][..],
        &[attributes, "config/listcheck.yaml"],
        &[attributes, "config/quota.yaml"],
        &[attributes, "config/deny.yaml", "config/source_ip_deny.yaml", "config/source_user_filter.yaml"],
        &[attributes, "config/kubernetesenv.yaml"],
        &[attributes, "config/metrictemplate.yaml", "config/listentrytemplate.yaml", "config/metrics.yaml"],
        &[
            "templates/listentry.yaml",
            "adapters/listbackend-nosession.yaml",
            "adapters/listcheckoop.yaml",
            "adapters/listentryoop.yaml",
        ],
        &["templates/keyval.yaml", "adapters/keyval.yaml"],
    ] {
        let errors: Vec<String> = problems(&root, files)
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(Problem::to_string)
            .collect();
        assert!(errors.is_empty(), "{files:?}: {errors:#?}");
    }
}
