//! Makes what the Helm charts hold of other files: definitions, descriptors and dashboards that they bring, the schema of
//! their values, and the table of values in their README.

mod values;

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::{Outputs, entries};

const CHARTS: &str = "deploy/helm";
const DEFINITIONS: &str = "deploy/crds";
const TEMPLATES: &str = "templates";
const HEAD: &str = "# Made by `cargo xtask gen`; do not edit.\n";

/// Between these lines of a README the table is.
const TABLE: (&str, &str) =
    ("<!-- values: made by `cargo xtask gen` of values.yaml -->", "<!-- end of values -->");

/// Files that a chart brings under another name: from, to.
const COPIES: [(&str, &str); 3] = [
    ("adapters/newrelic/src/config.desc", "mixer-newrelic-adapter/files/config.desc"),
    ("adapters/newrelic/dashboard.json", "mixer-newrelic-adapter/files/dashboard.json"),
    ("crates/config/builtin/attributes.yaml", "mixer/files/attributes.yaml"),
];

/// Templates whose resources the adapter's chart can make; the server's makes all.
const OF_NEWRELIC: [&str; 3] = ["metric", "tracespan", "logentry"];

pub(super) fn generate(root: &Path, outputs: &mut Outputs) -> anyhow::Result<()> {
    let charts = Path::new(CHARTS);
    for name in entries(&root.join(charts))? {
        let chart = charts.join(&name);
        if root.join(&chart).join("values.yaml").is_file() {
            describe(root, &chart, &name, outputs).with_context(|| chart.display().to_string())?;
        }
    }
    if !root.join(charts).is_dir() {
        return Ok(());
    }
    for (from, to) in COPIES {
        outputs.put(charts.join(to), read(root, Path::new(from))?);
    }
    for template in entries(&root.join(TEMPLATES))? {
        let text = read(root, &Path::new(TEMPLATES).join(&template).join("template.yaml"))?;
        let text = copied(&String::from_utf8(text)?);
        let file = format!("files/templates/{template}.yaml");
        if OF_NEWRELIC.contains(&template.as_str()) {
            outputs.put(charts.join("mixer-newrelic-adapter").join(&file), text.clone());
        }
        outputs.put(charts.join("mixer").join(file), text);
    }
    definitions(outputs);
    for folder in ["mixer/crds", "mixer/files", "mixer-newrelic-adapter/files/templates"] {
        outputs.note_present_below(root, &charts.join(folder))?;
    }
    Ok(())
}

/// The text of a generated file under a head of its own: what its first lines say holds where it stands.
fn copied(text: &str) -> String {
    let body: String =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    format!("{HEAD}{body}")
}

/// The definitions of the six kinds, which Helm installs before everything else.
fn definitions(outputs: &mut Outputs) {
    let made: Vec<_> = outputs
        .files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(DEFINITIONS).ok()?.to_owned(), text.clone())))
        .collect();
    for (name, text) in made {
        outputs.put(Path::new(CHARTS).join("mixer/crds").join(name), text);
    }
}

/// The schema of a chart's values, and the table in its README.
fn describe(root: &Path, chart: &Path, name: &str, outputs: &mut Outputs) -> anyhow::Result<()> {
    let text = String::from_utf8(read(root, &chart.join("values.yaml"))?)?;
    let values = values::read(&text)?;
    let mut schema = serde_json::to_string_pretty(&values::schema(name, &values))?;
    schema.push('\n');
    outputs.put(chart.join("values.schema.json"), schema);
    let readme = chart.join("README.md");
    let text = String::from_utf8(read(root, &readme)?)?;
    outputs.put(readme, with_table(&text, &values::table(&values))?);
    Ok(())
}

fn with_table(readme: &str, table: &str) -> anyhow::Result<String> {
    let (head, rest) =
        readme.split_once(TABLE.0).with_context(|| format!("README.md has no line {}", TABLE.0))?;
    let (_, tail) = rest.split_once(TABLE.1).with_context(|| format!("README.md has no line {}", TABLE.1))?;
    Ok(format!("{head}{}\n\n{table}\n{}{tail}", TABLE.0, TABLE.1))
}

fn read(root: &Path, path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(root.join(path)).with_context(|| format!("cannot read {}", path.display()))
}
