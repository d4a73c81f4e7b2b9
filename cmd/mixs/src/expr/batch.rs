//! `mixs expr batch`: one JSON line in, one JSON line out, in order. Expressions are compiled once for each
//! manifest text they come with.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use mixer_attribute::{Bag, Referenced, ValueType, VocabularyBuilder};
use mixer_expr::{Options, Program};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::encode;
use super::given::{Entries, Given, Text};
use super::lines::{Lines, Next};
use crate::flags::Compat;

/// Flags of `mixs expr batch`.
#[derive(Args, Debug)]
pub(crate) struct BatchArgs {
    /// Answers as the original does where the two differ.
    #[arg(long, value_name = "VERSION")]
    compat: Option<Compat>,
}

/// How many compiled expressions are kept; then all are forgotten.
const MOST_COMPILED: usize = 10_000;
/// Output is written when this much has gathered, or when there is nothing more to read.
const OUTPUT: usize = 1 << 16;

/// Answers standard input on standard output.
pub(crate) fn run(args: &BatchArgs) -> anyhow::Result<ExitCode> {
    match answer_all(io::stdin().lock(), io::stdout().lock(), &super::options(args.compat)) {
        // Whoever reads the answers has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => result.map(|()| ExitCode::SUCCESS).context("standard input and output"),
    }
}

/// Answers every line.
fn answer_all(input: impl Read, mut output: impl Write, options: &Options) -> io::Result<()> {
    let mut lines = Lines::new(input);
    let mut batch = Batch::new(*options);
    let (mut line, mut out) = (Vec::new(), Vec::with_capacity(2 * OUTPUT));
    for number in 1u64.. {
        let next = lines.next(&mut line, || {
            output.write_all(&out)?;
            out.clear();
            output.flush()
        })?;
        match next {
            Next::Line => batch.answer(number, &line, &mut out),
            Next::TooLong => malformed(number, "the line is too long", &mut out),
            Next::End => break,
        }
        if out.len() >= OUTPUT {
            output.write_all(&out)?;
            out.clear();
        }
    }
    output.write_all(&out)?;
    output.flush()
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    expr: Cow<'a, str>,
    #[serde(borrow, default)]
    manifest: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<Entries<'a, Given<'a>>>,
}

/// An expression compiled against a manifest, with room for its attributes.
struct Compiled {
    program: Result<Program, String>,
    bag: Bag,
    refs: Referenced,
}

struct Batch {
    options: Options,
    /// By manifest as written, then by expression.
    compiled: HashMap<Box<str>, HashMap<Box<str>, Compiled>>,
    count: usize,
}

impl Batch {
    fn new(options: Options) -> Self {
        Self { options, compiled: HashMap::new(), count: 0 }
    }

    /// Adds the answer to a line.
    fn answer(&mut self, number: u64, line: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if let Err(what) = self.try_answer(line, out) {
            out.truncate(start);
            malformed(number, &what, out);
        }
    }

    fn try_answer(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| describe(&error))?;
        let input = line.input.unwrap_or_default();
        let Some(manifest) = line.manifest else {
            // The types are those of the values, which differ from line to line.
            let types = input.0.iter().map(|(name, given)| Ok((&*name.0, given.value_type())));
            compile(&line.expr, types, &self.options)?.evaluate(&input, out);
            return Ok(());
        };
        let known = self.compiled.get_mut(manifest.get()).and_then(|programs| programs.get_mut(&*line.expr));
        if let Some(compiled) = known {
            compiled.evaluate(&input, out);
            return Ok(());
        }
        let types: Entries<'_, Text<'_>> = serde_json::from_str(manifest.get())
            .map_err(|error| format!("manifest: {}", describe(&error)))?;
        let types = types.0.iter().map(|(name, type_name)| {
            let value_type: ValueType =
                type_name.0.parse().map_err(|error| format!("manifest: attribute {}: {error}", name.0))?;
            Ok((&*name.0, value_type))
        });
        let mut compiled = compile(&line.expr, types, &self.options)?;
        compiled.evaluate(&input, out);
        if self.count >= MOST_COMPILED {
            self.compiled.clear();
            self.count = 0;
        }
        self.count += 1;
        self.compiled.entry(manifest.get().into()).or_default().insert(line.expr.into(), compiled);
        Ok(())
    }
}

fn compile<'n>(
    expr: &str,
    types: impl Iterator<Item = Result<(&'n str, ValueType), String>>,
    options: &Options,
) -> Result<Compiled, String> {
    let mut builder = VocabularyBuilder::new();
    for declared in types {
        let (name, value_type) = declared?;
        builder.attribute(name, value_type).map_err(|error| format!("manifest: {error}"))?;
    }
    let program = mixer_expr::compile(expr, &mut builder, options).map_err(|error| error.to_string());
    let vocabulary = builder.finish();
    let refs = Referenced::with_capacity(vocabulary.len());
    Ok(Compiled { program, bag: Bag::new(vocabulary), refs })
}

impl Compiled {
    /// Adds the answer for an input.
    fn evaluate(&mut self, input: &Entries<'_, Given<'_>>, out: &mut Vec<u8>) {
        out.push(b'{');
        match &self.program {
            Ok(program) => {
                self.bag.clear();
                self.refs.clear();
                for (name, given) in &input.0 {
                    // What the manifest does not have, no expression can read.
                    if let Some(slot) = self.bag.vocabulary().slot(&name.0) {
                        given.set(&mut self.bag, slot);
                    }
                }
                let outcome = program.eval(&self.bag, &mut self.refs);
                let references = encode::references(&self.refs, &self.bag);
                encode::outcome(out, program.value_type(), &outcome, &references);
            }
            Err(error) => {
                encode::member(out, "compile_error");
                encode::text(out, error);
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// The answer to a line that is none.
fn malformed(number: u64, what: &str, out: &mut Vec<u8>) {
    out.push(b'{');
    encode::member(out, "error");
    encode::text(out, &format!("line {number}: {what}"));
    out.extend_from_slice(b"}\n");
}

/// What is wrong and where; the line is named by the caller.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
