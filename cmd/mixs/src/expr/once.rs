//! `mixs expr eval`: one expression, attributes from flags, an answer for people.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use mixer_attribute::{Bag, Referenced};
use mixer_cli::AttributeArgs;

use super::{encode, vocabulary};
use crate::flags::Compat;

/// Flags of `mixs expr eval`.
#[derive(Args, Debug)]
pub(crate) struct EvalArgs {
    /// The expression, for instance: source.labels["app"] | "unknown"
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    expression: String,
    #[command(flatten)]
    attributes: AttributeArgs,
    /// A file with attributemanifest resources, which give attributes their types, besides the built-in ones; can
    /// be given several times. An attribute that no manifest has gets the type of the value given for it.
    #[arg(long, value_name = "FILE")]
    manifest: Vec<PathBuf>,
    /// Answers as the original does where the two differ.
    #[arg(long, value_name = "VERSION")]
    compat: Option<Compat>,
}

/// Prints type, value or error, and what was read. Fails when the expression does not compile; exits with 1 when
/// it has no value.
pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let (text, has_value) = answer(args)?;
    std::io::stdout().write_all(text.as_bytes()).context("cannot write the answer")?;
    Ok(if has_value { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The answer, and whether there is a value.
fn answer(args: &EvalArgs) -> anyhow::Result<(String, bool)> {
    let given = args.attributes.attributes()?;
    let mut builder = vocabulary::declare(&args.manifest, &given)?;
    let program = mixer_expr::compile(&args.expression, &mut builder, &super::options(args.compat))?;
    let mut bag = Bag::new(builder.finish());
    for (name, value) in &given {
        if let Some(slot) = bag.vocabulary().slot(name) {
            bag.set_value(slot, value);
        }
    }
    let mut refs = Referenced::new();
    let outcome = program.eval(&bag, &mut refs);
    let line = match &outcome {
        Ok(value) => {
            let mut json = Vec::new();
            encode::value(&mut json, value);
            format!("value:      {}", String::from_utf8_lossy(&json))
        }
        Err(error) => format!("error:      {error}"),
    };
    let value_type = program.value_type();
    let references = encode::references(&refs, &bag).join(" ");
    Ok((format!("type:       {value_type}\n{line}\nreferenced: {references}\n"), outcome.is_ok()))
}

#[cfg(test)]
mod tests;
