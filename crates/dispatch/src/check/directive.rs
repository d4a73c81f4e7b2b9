//! The header operations of rules that apply to an allowed request.

use mixer_attribute::{Bag, Referenced, Value};
use mixer_config::snapshot::{HeaderOperation, HeaderTemplate, Rule};

use crate::matching::{Look, MatchScratch};
use crate::outcome::{CheckOutcome, HeaderChange, RouteDirective};
use crate::runtime::Runtime;

/// A rule whose header operations are expanded.
struct Expansion<'a> {
    rule: &'a Rule,
    bag: &'a Bag,
    referenced: &'a mut Referenced,
}

impl Runtime {
    /// Adds what the rules of the request's namespaces do to headers, in merge order. Adapter outputs are in the
    /// bag; conditions do not see them.
    pub(super) fn add_directive(&self, bag: &Bag, outcome: &mut CheckOutcome, scratch: &mut MatchScratch) {
        let directives = &self.routes.directives;
        if directives.is_empty() {
            return;
        }
        let mut changes = RouteDirective::default();
        let referenced = &mut outcome.referenced;
        let tables = directives.of(self.routes.namespace(bag, referenced));
        let visit = |entry: &crate::route::Entry, applies: Result<(), _>, referenced: &mut Referenced| {
            let rule = self.snapshot.rules.get(entry.rule as usize).filter(|_| applies.is_ok());
            if let Some(rule) = rule {
                let mut expansion = Expansion { rule, bag, referenced };
                changes.request_headers.extend(self.expand(&mut expansion, &rule.request_headers));
                changes.response_headers.extend(self.expand(&mut expansion, &rule.response_headers));
            }
        };
        self.matcher.visit(&self.snapshot, tables, &mut Look { bag, referenced, scratch }, visit);
        if changes != RouteDirective::default() {
            outcome.route_directive = Some(changes);
        }
    }

    fn expand(&self, expansion: &mut Expansion<'_>, templates: &[HeaderTemplate]) -> Vec<HeaderChange> {
        let mut changes = Vec::new();
        for template in templates {
            let mut add = |value: String| {
                let HeaderTemplate { name, operation, .. } = template;
                changes.push(HeaderChange { name: name.clone(), value, operation: *operation });
            };
            if template.operation == HeaderOperation::Remove {
                add(String::new());
                continue;
            }
            for program in &template.values {
                match program.eval(expansion.bag, expansion.referenced) {
                    Ok(Value::Text(text)) if text.is_empty() => {}
                    Ok(Value::Text(text)) => add(String::from_utf8_lossy(&text).into_owned()),
                    Ok(_) => self.header_failed(expansion.rule, template, "failed", &"the value is not text"),
                    Err(error) => {
                        let reason = if error.is_absent() { "absent" } else { "failed" };
                        self.header_failed(expansion.rule, template, reason, &error);
                    }
                }
            }
        }
        changes
    }

    fn header_failed(
        &self,
        rule: &Rule,
        template: &HeaderTemplate,
        reason: &'static str,
        error: &dyn std::fmt::Display,
    ) {
        self.metrics.losses.value_errors.with_label_values(&[&*rule.name, reason]).inc();
        if let Some(suppressed) = self.logs.values.permit() {
            let (rule, header) = (&*rule.name, &*template.name);
            tracing::warn!(rule, header, suppressed, "the header operation is left out: {error}");
        }
    }
}
