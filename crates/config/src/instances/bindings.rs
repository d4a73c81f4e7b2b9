//! Attribute bindings: which attributes an attribute generator's output becomes.
//!
//! `output.FIELD` names a field; `$out.FIELD` is the older way to write it, which the original replaced by the
//! name of an internal attribute. Both are read in every instance.

use mixer_expr::Scope;
use mixer_template::ParamsDialect;

use super::{Compiler, Written};
use crate::expressions::report_compile_error;
use crate::fields::Text;
use crate::outputs::{self, OutputNames, OutputScope};
use crate::report::Report;
use crate::snapshot::Generator;

/// `$` is no part of names, so `$out` is read as a name of the same length: places in messages stay right.
const WRITTEN: &str = "$out.";
const READ: &str = "_out.";

/// Compiles the bindings; those with problems are left out.
pub(super) fn compile(
    compiler: &mut Compiler<'_>,
    name: &str,
    written: &Written<'_>,
    bindings: Vec<(Text<'_>, Text<'_>)>,
    report: &mut Report<'_>,
) -> Generator {
    let output = outputs::slots(&written.template, name, compiler.vocabulary);
    let mut names = OutputNames::default();
    names.add("output.", &output);
    names.add(READ, &output);
    if written.dialect == ParamsDialect::Expressions {
        names.add(&format!("{}.output.", written.template.package().replace('.', "_")), &output);
    }
    let mut compiled = Vec::with_capacity(bindings.len());
    for (attribute, expression) in bindings {
        let field = format!("{}[{}]", written.bindings_path, attribute.text);
        let Some((slot, value_type)) = Scope::attribute(compiler.vocabulary, attribute.text) else {
            let hint = compiler.vocabulary.suggest(attribute.text);
            let hint = hint.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            let message =
                format!("unknown attribute {}{hint}; declare it in an attributemanifest", attribute.text);
            report.error(&field, attribute.position, message);
            continue;
        };
        let text = read_outputs(expression.trimmed());
        let mut scope = OutputScope { vocabulary: compiler.vocabulary, outputs: &names };
        match mixer_expr::compile_expecting(&text, value_type, &mut scope, compiler.options) {
            Ok(program) => compiled.push((slot, program)),
            Err(mut error) => {
                error.message = error.message.replace(READ, WRITTEN);
                error.hint = error.hint.map(|hint| hint.replace(READ, WRITTEN));
                report_compile_error(report, &field, expression.position, &error);
            }
        }
    }
    Generator { output, bindings: compiled }
}

/// `$out.` outside of string literals as the name it is read as.
fn read_outputs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if quote.is_none()
            && let Some(after) = rest.strip_prefix(WRITTEN)
        {
            out.push_str(READ);
            rest = after;
            continue;
        }
        let mut taken = c.len_utf8();
        match quote {
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            Some(open) if c == open => quote = None,
            // Whatever is escaped ends no literal; raw ones have no escapes.
            Some('"' | '\'') if c == '\\' => taken += rest.chars().nth(1).map_or(0, char::len_utf8),
            _ => {}
        }
        let (done, after) = rest.split_at(taken);
        out.push_str(done);
        rest = after;
    }
    out
}
