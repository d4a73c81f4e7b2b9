//! `mixgen adapter`: the resource of an adapter.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use mixer_codegen::{Adapter, Metadata, adapter_resource, config_descriptor};

use super::template::NAMESPACE;
use super::{Imports, Make};
use crate::record;

/// Makes the resource of an adapter, ready for `kubectl apply` or a configuration directory.
#[derive(clap::Args, Debug)]
pub(crate) struct AdapterArgs {
    /// Name of the resource: what handlers call the adapter.
    #[arg(short, long)]
    name: String,
    /// Namespace of the resource.
    #[arg(long, default_value = NAMESPACE)]
    namespace: String,
    /// What the adapter is for, for people.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    description: String,
    /// The adapter's configuration, which has a message Params: a .proto file, or the descriptor set that protoc
    /// --include_imports makes of one. An adapter without configuration has none.
    #[arg(short, long, value_name = "FILE", value_parser = path_or_nothing)]
    config: Option<PathBuf>,
    /// Whether the adapter is configured by sessions (-s, -s=true) instead of with every call (-s=false). The default
    /// is false; that of the original was true.
    #[arg(
        short,
        long = "session_based",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = parse_bool
    )]
    session_based: Option<bool>,
    /// Name of a template whose instances the adapter takes, or NAME.NAMESPACE; may be given several times.
    #[arg(short, long, value_name = "NAME")]
    templates: Vec<String>,
    /// File to write, or a directory in which NAME.yaml is written; standard output when not given.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    #[command(flatten)]
    imports: Imports,
}

/// Empty text, the original's default, means that there is no file.
fn path_or_nothing(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(PathBuf::from(text))
}

/// The words that the original's flags take.
fn parse_bool(text: &str) -> Result<bool, String> {
    mixer_cli::parse_bool(text).map_err(|error| error.to_string())
}

impl AdapterArgs {
    /// An adapter without sessions, with the configuration that stands in a file.
    pub(crate) fn new(name: &str, namespace: &str, description: &str, config: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            description: description.to_owned(),
            config: Some(config),
            session_based: Some(false),
            templates: Vec::new(),
            output: None,
            imports: Imports::default(),
        }
    }

    /// With the templates whose instances it takes.
    pub(crate) fn taking(self, templates: Vec<String>) -> Self {
        Self { templates, ..self }
    }

    /// Says so when the default differs from what the original would have done.
    pub(crate) fn warn(&self) {
        if self.session_based.is_none() {
            // The warning has nowhere else to go when standard error is closed.
            let _ = writeln!(
                std::io::stderr(),
                "warning: --session_based is not given: false is written, where the original's default was true; \
                 write -s=false or -s=true"
            );
        }
    }

    fn config(&self) -> Option<&Path> {
        self.config.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    pub(crate) fn output(&self) -> Option<PathBuf> {
        let output = self.output.as_ref()?;
        Some(if output.is_dir() { output.join(format!("{}.yaml", self.name)) } else { output.clone() })
    }
}

impl Make for AdapterArgs {
    fn text(&self, base: &Path) -> anyhow::Result<String> {
        let metadata = Metadata::new(&self.name, &self.namespace)?;
        let config =
            self.config().map(|path| config_descriptor(&self.imports.protos(base), &base.join(path)));
        let adapter = Adapter {
            description: self.description.clone(),
            session_based: self.session_based.unwrap_or(false),
            templates: self.templates.clone(),
            config: config.transpose()?.unwrap_or_default(),
        };
        Ok(adapter_resource(&metadata, &adapter))
    }

    fn arguments(&self, from: &Path) -> anyhow::Result<Vec<String>> {
        let mut arguments = vec!["adapter".to_owned(), "-n".to_owned(), self.name.clone()];
        let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
        if self.namespace != NAMESPACE {
            add("--namespace", self.namespace.clone());
        }
        if !self.description.is_empty() {
            add("-d", self.description.clone());
        }
        if let Some(config) = self.config() {
            add("-c", record::seen_from(from, config)?);
        }
        for template in &self.templates {
            add("-t", template.clone());
        }
        arguments.push(format!("-s={}", self.session_based.unwrap_or(false)));
        arguments.extend(self.imports.arguments(from)?);
        Ok(arguments)
    }

    fn framed(&self, text: &str, command: &str) -> String {
        record::head("#", command) + text
    }
}
