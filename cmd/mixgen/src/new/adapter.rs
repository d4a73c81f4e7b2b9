//! `mixgen new adapter`: a package with an adapter that works, to be changed into the one that is wanted.

mod code;
mod sdk;
mod takes;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::deploy::DeployArgs;
use crate::doc::DocArgs;
use crate::make::{AdapterArgs, Make as _, TemplateArgs};
use crate::words::fill;
use crate::{output, record};
use sdk::Sdk;
use takes::{Own, Takes};

/// Where the resources belong: what is there is seen from every namespace.
const NAMESPACE: &str = "istio-system";

/// Starts an adapter in Rust: a package with handler, configuration, tests, Dockerfile and Kubernetes manifests. It
/// compiles, and its tests pass, from the start.
#[derive(clap::Args, Debug)]
pub(crate) struct NewAdapterArgs {
    /// Name of the adapter: lower-case letters, digits and single dashes, a letter first. The package and its program
    /// are called mixer-NAME-adapter.
    #[arg(value_parser = name)]
    name: String,
    /// What the adapter takes: names of shipped templates (metric,logentry), and files with templates of your own
    /// (path/to/template.proto).
    #[arg(short, long, value_name = "TEMPLATE", required = true, value_delimiter = ',')]
    template: Vec<String>,
    /// Folder to make; ./NAME when not given.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Where the package gets the SDK from: path:DIR (a clone of mixer-rs), git:URL, git:URL#REVISION or
    /// version:VERSION. By default the clone that the current folder is in.
    #[arg(long, value_name = "SOURCE")]
    sdk: Option<String>,
    /// Port of gRPC when the program is given no other; metrics and probes are 100 above.
    #[arg(long, default_value_t = 9080, value_parser = clap::value_parser!(u16).range(1..=65435))]
    port: u16,
    /// One sentence that says what the adapter is for.
    #[arg(short, long, value_parser = description, default_value = "Prints what it gets.")]
    description: String,
}

/// Words that cannot stand as modules in Rust, which a part of the name becomes.
const RESERVED: &str = "abstract as async await become box break const continue crate do dyn else enum extern false \
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct \
    super trait true try type typeof unsafe unsized use virtual where while yield";

fn name(text: &str) -> Result<String, String> {
    let parts_hold = text.split('-').all(|part| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    let letter_first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    // "mixer-NAME-adapter" has to be a DNS label.
    if !parts_hold || !letter_first || text.len() > 49 {
        return Err(
            "an adapter's name has lower-case letters, digits and single dashes, a letter first, and at \
                    most 49 characters"
                .to_owned(),
        );
    }
    match RESERVED.split(' ').any(|word| word == text) {
        true => Err("is a word of Rust; choose another name".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn description(text: &str) -> Result<String, String> {
    match text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '{' | '}')) {
        true => Err("the description is one line without quotes, backslashes and braces".to_owned()),
        false => Ok(text.to_owned()),
    }
}

pub(super) fn run(args: &NewAdapterArgs) -> anyhow::Result<()> {
    let takes = takes::read(&args.template)?;
    let folder = args.output.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    if folder.file_name().is_none() {
        bail!("{} is no name of a new folder; name one with -o", folder.display());
    }
    if folder.is_file() || fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is there and not empty; remove it, or name another folder with -o", folder.display());
    }
    let sdk = Sdk::read(args.sdk.as_deref())?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sdk.check_place(parent)?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let place = parent.canonicalize().with_context(|| format!("cannot find {}", parent.display()))?;
    // Everything is made beside the place where it belongs, so that nothing stays half written.
    let workshop = tempfile::Builder::new()
        .prefix(".mixgen-new-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write in {}", parent.display()))?;
    let made = workshop.path().join(&args.name);
    let package = Package { args, takes, sdk, parent: &place };
    package.write(&made)?;
    fs::rename(&made, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
    writeln!(
        std::io::stdout(),
        "{} is ready: change src/handler.rs, and run `cargo test` there",
        folder.display()
    )?;
    Ok(())
}

/// The package that is made.
struct Package<'a> {
    args: &'a NewAdapterArgs,
    takes: Vec<Takes>,
    sdk: Sdk,
    /// Where the package's folder will be.
    parent: &'a Path,
}

/// Files in which only names change.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("adapter/files/Cargo.toml.txt")),
    ("build.rs", include_str!("adapter/files/build.rs.txt")),
    ("config.proto", include_str!("adapter/files/config.proto.txt")),
    ("example.yaml", include_str!("adapter/files/example.yaml.txt")),
    ("src/config.rs", include_str!("adapter/files/config.rs.txt")),
    ("src/lib.rs", include_str!("adapter/files/lib.rs.txt")),
    ("src/main.rs", include_str!("adapter/files/main.rs.txt")),
    ("tests/config.rs", include_str!("adapter/files/config_test.rs.txt")),
    ("tests/scenarios.rs", include_str!("adapter/files/scenarios.rs.txt")),
    ("deploy/handler.yaml", include_str!("adapter/files/handler.yaml.txt")),
    ("Dockerfile", include_str!("adapter/files/Dockerfile.txt")),
    (".dockerignore", include_str!("adapter/files/dockerignore.txt")),
    (".gitignore", include_str!("adapter/files/gitignore.txt")),
];

const README: &str = include_str!("adapter/files/README.md.txt");

impl Package<'_> {
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        for inner in ["src", "tests/scenarios", "deploy"] {
            fs::create_dir_all(folder.join(inner))?;
        }
        let words = self.words()?;
        for (path, text) in FILES {
            write(folder, path, &fill(text, &words))?;
        }
        write(folder, "src/handler.rs", &code::handler(&self.type_name(), &self.takes))?;
        write(folder, "deploy/rules.yaml", &self.rules())?;
        for takes in &self.takes {
            let path = format!("tests/scenarios/{}.yaml", takes.name);
            write(folder, &path, &self.scenario(takes))?;
            if let Some(own) = &takes.own {
                self.own(folder, takes, own)?;
            }
        }
        let config = folder.join("config.proto");
        let NewAdapterArgs { name, description, .. } = self.args;
        let adapter = AdapterArgs::new(name, NAMESPACE, description, config.clone());
        let adapter = adapter.taking(self.takes.iter().map(|takes| takes.name.clone()).collect());
        output::write(&adapter, Some(folder.join("deploy/adapter.yaml")))?;
        output::write(&DeployArgs::of(folder.to_owned()), Some(folder.join("deploy/deployment.yaml")))?;
        let doc = DocArgs::new(config);
        let command = record::command_line(&doc.arguments(folder)?)?;
        let reference = ("reference", record::block(&doc.text(Path::new(""))?, &command));
        write(folder, "README.md", &fill(README, &[words, vec![reference]].concat()))?;
        if let Some(lock) = self.sdk.lock_file() {
            fs::copy(&lock, folder.join("Cargo.lock"))
                .with_context(|| format!("cannot copy {}", lock.display()))?;
        }
        Ok(())
    }

    /// Files of a template of the author's own.
    fn own(&self, folder: &Path, takes: &Takes, own: &Own) -> anyhow::Result<()> {
        let proto = format!("{}.proto", takes.name);
        write(folder, &proto, &own.proto)?;
        write(folder, &format!("src/{}.rs", takes.name), &code::own(takes, own))?;
        let template = TemplateArgs::new(folder.join(&proto), &takes.name, NAMESPACE);
        output::write(&template, Some(folder.join(format!("deploy/template-{}.yaml", takes.name))))
            .with_context(|| {
                format!("template {} does not stand alone: put what it imports into the one file", takes.name)
            })
    }

    /// `TallyCount` of `tally-count`.
    fn type_name(&self) -> String {
        takes::capitals(&self.args.name)
    }

    fn words(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let NewAdapterArgs { name, port, description, .. } = self.args;
        let own = || self.takes.iter().filter(|takes| takes.own.is_some());
        let any_own = own().next().is_some();
        let place = self.parent.join(name);
        let dependency = |package: &str, folder: &str| self.sdk.dependency(package, folder, &place);
        let only_own = |text: String| if any_own { text } else { String::new() };
        let shipped = self.takes.iter().any(|takes| takes.own.is_none());
        let names: Vec<&str> = self.takes.iter().map(|takes| takes.name.as_str()).collect();
        Ok(vec![
            ("name", name.clone()),
            ("ident", name.replace('-', "_")),
            ("type", self.type_name()),
            ("description", description.clone()),
            ("namespace", NAMESPACE.to_owned()),
            ("port", port.to_string()),
            ("monitoring", (port + 100).to_string()),
            ("sdk", dependency("mixer-adapter-sdk", "adapter-sdk")?),
            ("test", dependency("mixer-adapter-test", "adapter-test")?),
            ("proto", only_own(format!("mixer-proto = {}\n", dependency("mixer-proto", "proto")?))),
            (
                "codegen",
                only_own(format!(
                    "mixer-codegen = {}\nprost = \"0.14\"\nprost-types = \"0.14\"\n",
                    dependency("mixer-codegen", "codegen")?
                )),
            ),
            ("own", code::build(&self.takes)),
            ("mods", code::modules(&self.takes)),
            ("own_files", own().map(|takes| format!(", and the `template` of {}", takes.name)).collect()),
            (
                "template_import",
                if shipped { "use mixer_adapter_sdk::typed::template;\n" } else { "" }.to_owned(),
            ),
            ("templates", code::tuple(&self.takes)),
            ("template_names", names.join(", ")),
        ])
    }

    /// Instances of every template, and a rule that sends them.
    fn rules(&self) -> String {
        let name = &self.args.name;
        let mut text = "# What of a request is sent, and of which requests.\n".to_owned();
        for takes in &self.takes {
            text += &takes.instance_resource(&format!("{name}-{}", takes.name));
            text += "---\n";
        }
        text += &resource("rule", name);
        text += "  # Every request; for example:\n  # match: destination.service.host == \"reviews.default.svc.cluster.local\"\n";
        text += &format!("  actions:\n  - handler: {name}\n");
        if self.takes.iter().all(Takes::is_check_with_output) {
            text += "    name: answer\n";
        }
        text += "    instances:\n";
        for takes in &self.takes {
            text += &format!("    - {name}-{}\n", takes.name);
        }
        text
    }

    fn scenario(&self, takes: &Takes) -> String {
        let name = &self.args.name;
        let mut text = format!("# The adapter gets an instance of {}.\n", takes.name);
        text += &resource("handler", name);
        text += &format!("  adapter: {name}\n  params: {{prefix: \"{name}\"}}\n---\n");
        text += &takes.instance_resource("example");
        text += "---\n";
        text += &resource("rule", name);
        let action = if takes.is_check_with_output() { ", name: answer" } else { "" };
        text += &format!("  actions:\n  - {{handler: {name}{action}, instances: [example]}}\n---\n");
        let own = self.takes.iter().filter(|takes| takes.own.is_some());
        let own: String = own.map(|takes| format!(", ../../deploy/template-{}.yaml", takes.name)).collect();
        text += &format!("include: [../../deploy/adapter.yaml{own}]\n");
        text + &takes.steps(name)
    }
}

/// The head of a resource.
fn resource(kind: &str, name: &str) -> String {
    format!(
        "apiVersion: config.istio.io/v1alpha2\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\nspec:\n"
    )
}

fn write(folder: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(path);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
