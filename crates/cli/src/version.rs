//! The `version` command that every program has.

use std::fmt::Write as _;

/// Flags of `version`.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct VersionArgs {
    /// The version alone.
    #[arg(short, long)]
    pub short: bool,
    /// One of json and yaml.
    #[arg(short, long)]
    pub output: Option<Format>,
}

/// How facts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Facts about a build; `unknown` for those that are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildFacts {
    /// The version of the packages.
    pub version: &'static str,
    /// The commit.
    pub revision: &'static str,
    /// The image registry.
    pub hub: &'static str,
    /// The image tag.
    pub tag: &'static str,
    /// `Clean` or `Modified`.
    pub status: &'static str,
}

impl VersionArgs {
    /// What the command prints, without the last line break. JSON and YAML have the original's key
    /// `clientVersion`.
    pub fn text(&self, program: &str, facts: &BuildFacts) -> String {
        match self.output {
            Some(Format::Json) => json(facts),
            Some(Format::Yaml) => yaml(facts),
            None if self.short => facts.version.to_owned(),
            None => format!("{program} {} (revision {}, {})", facts.version, facts.revision, facts.status),
        }
    }
}

fn named(facts: &BuildFacts) -> [(&'static str, &'static str); 5] {
    [
        ("version", facts.version),
        ("revision", facts.revision),
        ("hub", facts.hub),
        ("status", facts.status),
        ("tag", facts.tag),
    ]
}

/// The facts are words of plain ASCII, so that Rust's quotation marks are JSON's.
fn json(facts: &BuildFacts) -> String {
    let facts = named(facts).map(|(name, fact)| format!("    {name:?}: {fact:?}"));
    format!("{{\n  \"clientVersion\": {{\n{}\n  }}\n}}", facts.join(",\n"))
}

fn yaml(facts: &BuildFacts) -> String {
    let mut text = "clientVersion:".to_owned();
    for (name, fact) in named(facts) {
        let _ = write!(text, "\n  {name}: {fact:?}");
    }
    text
}
