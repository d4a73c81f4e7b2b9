//! Header operations: names checked, values compiled to STRING programs.

use mixer_attribute::ValueType;

use super::Compiler;
use crate::expressions::report_compile_error;
use crate::outputs::{OutputNames, OutputScope};
use crate::report::Report;
use crate::snapshot::{HeaderOperation, HeaderTemplate};
use crate::spec::{HeaderSpec, RuleSpec};

/// The operations on the request and on the response. With a problem in one of them none is made: half of a
/// rule's headers could say something else than all of them.
pub(super) fn compile(
    spec: &RuleSpec<'_>,
    compiler: &mut Compiler<'_, '_>,
    names: &OutputNames,
    report: &mut Report<'_>,
) -> (Vec<HeaderTemplate>, Vec<HeaderTemplate>) {
    let before = report.errors();
    let mut all = |headers: &[HeaderSpec<'_>]| -> Vec<HeaderTemplate> {
        headers.iter().map(|header| template(header, compiler, names, report)).collect()
    };
    let compiled = (all(&spec.request_headers), all(&spec.response_headers));
    if report.errors() > before {
        return (Vec::new(), Vec::new());
    }
    compiled
}

fn template(
    header: &HeaderSpec<'_>,
    compiler: &mut Compiler<'_, '_>,
    names: &OutputNames,
    report: &mut Report<'_>,
) -> HeaderTemplate {
    let name = header.name.unwrap_or_default();
    let field = format!("{}.name", header.path);
    if name.text.is_empty() {
        report.error(&field, header.position, "is missing; say which header");
    } else if !is_header_name(name.text) {
        let message = format!("{:?} is no header name: letters, digits and - _ . only", name.text);
        report.error(&field, name.position, message);
    }
    let field = format!("{}.values", header.path);
    let removes = header.operation == HeaderOperation::Remove;
    if removes && !header.values.is_empty() {
        report.warning(
            &field,
            header.position,
            "play no part: REMOVE takes the header away whatever its value",
        );
    } else if !removes && header.values.is_empty() {
        report.warning(&field, header.position, "are missing, so nothing is done; add an expression");
    }
    let mut values = Vec::with_capacity(header.values.len());
    for (index, value) in header.values.iter().enumerate().filter(|_| !removes) {
        let mut scope = OutputScope { vocabulary: compiler.vocabulary, outputs: names };
        match mixer_expr::compile_expecting(value.trimmed(), ValueType::String, &mut scope, compiler.options)
        {
            Ok(program) => values.push(program),
            Err(error) => report_compile_error(report, &format!("{field}[{index}]"), value.position, &error),
        }
    }
    HeaderTemplate { name: name.text.into(), operation: header.operation, values }
}

/// A token of RFC 9110, or a pseudo-header such as `:path`.
fn is_header_name(name: &str) -> bool {
    let name = name.strip_prefix(':').unwrap_or(name);
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
