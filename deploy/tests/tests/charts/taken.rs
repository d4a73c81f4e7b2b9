//! Whether Kubernetes and the programs take what charts become: each object and each command line is looked at once,
//! however many renderings have it.

use std::collections::BTreeSet;
use std::process::Command;

use mixer_deploy_tests::render::{is_mixer, program, run};
use mixer_deploy_tests::schema::{kubernetes_validate, misfits};
use serde_json::{Value, json};

/// What came out of renderings.
#[derive(Default)]
pub(crate) struct Taken {
    objects: BTreeSet<String>,
    /// Objects of Mixer that stand together, as a stream of YAML.
    configurations: BTreeSet<String>,
    /// Programs with their arguments.
    commands: BTreeSet<(String, Vec<String>)>,
}

impl Taken {
    /// Takes in a rendering.
    pub(crate) fn add(&mut self, documents: &[Value]) {
        self.objects.extend(documents.iter().map(Value::to_string));
        let mixer = documents.iter().filter(|document| is_mixer(document));
        let configuration: String = mixer.map(|document| format!("---\n{document}\n")).collect();
        if !configuration.is_empty() {
            self.configurations.insert(configuration);
        }
        for document in documents {
            let pod = document.pointer("/spec/template/spec").or(document.get("spec"));
            for container in pod.and_then(|pod| pod["containers"].as_array()).into_iter().flatten() {
                let program = if container["name"] == "adapter" { "mixer-newrelic-adapter" } else { "mixs" };
                let args = container["args"].as_array().into_iter().flatten();
                let args =
                    args.map(|arg| arg.as_str().unwrap_or_else(|| panic!("{arg} is no text")).to_owned());
                self.commands.insert((program.to_owned(), args.collect()));
            }
        }
    }

    /// What is not taken.
    pub(crate) fn problems(&self) -> Vec<String> {
        let objects: Vec<Value> =
            self.objects.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let mut problems = misfits(&objects).unwrap();
        match kubernetes_validate(&objects).unwrap() {
            Some(found) => problems.extend(found),
            None => eprintln!("skipped: MIXER_KUBERNETES_VALIDATE is not set"),
        }
        let mixs = program("mixs").unwrap();
        for configuration in &self.configurations {
            let output = run(Command::new(&mixs).args(["validate", "-"]), configuration).unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            if !output.status.success() || !text.contains(": 0 errors, 0 warnings,") {
                problems.push(format!("mixs validate: {text}{}", String::from_utf8_lossy(&output.stderr)));
            }
        }
        for (name, args) in &self.commands {
            // Flags are read before the help is printed.
            let output = run(Command::new(program(name).unwrap()).args(args).arg("--help"), "").unwrap();
            if !output.status.success() {
                problems.push(format!("{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr)));
            }
        }
        problems
    }
}

#[test]
fn what_is_not_taken_is_found() {
    let spec = |container: Value| json!({"containers": [container]});
    let pod =
        |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec});
    let rule = |spec: Value| json!({"apiVersion": "config.istio.io/v1alpha2", "kind": "rule", "metadata": {"name": "r", "namespace": "n"}, "spec": spec});
    for (document, expected) in [
        (pod(spec(json!({"name": "mixs", "args": ["server", "--nosuch"]}))), "--nosuch"),
        (pod(spec(json!({"name": "adapter", "args": ["--logFormat=poem"]}))), "poem"),
        (rule(json!({"match": 5})), "/spec/match"),
        (rule(json!({"match": "nosuch == 5", "actions": []})), "mixs validate"),
    ] {
        let mut taken = Taken::default();
        taken.add(&[document]);
        let problems = taken.problems();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
    }
    let unknown = json!({"apiVersion": "v1", "kind": "Nosuch", "metadata": {"name": "n"}});
    for (document, expected) in [
        (pod(spec(json!({"name": "a", "image": "b", "imag": "c"}))), "Pod//p with Kubernetes 1.29"),
        (unknown, "find schema for kind Nosuch"),
    ] {
        let Some(problems) = kubernetes_validate(&[document]).unwrap() else { return };
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
        assert_eq!(problems.len(), 5, "{problems:?}");
    }
}
