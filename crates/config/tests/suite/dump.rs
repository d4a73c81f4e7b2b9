//! A snapshot and its problems as text for goldens.

use mixer_config::snapshot::{HandlerKind, HeaderTemplate, OutputSlots, Snapshot};
use mixer_config::{Compiled, Problem};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn output(snapshot: &Snapshot, label: &str, output: &OutputSlots) -> String {
    let names: Vec<String> = output
        .slots
        .iter()
        .map(|slot| format!("{}: {}", snapshot.vocabulary.name(*slot), snapshot.vocabulary.value_type(*slot)))
        .collect();
    format!("    {label} [{}]", names.join(", "))
}

fn headers(label: &str, headers: &[HeaderTemplate], out: &mut Vec<String>) {
    for header in headers {
        let values: Vec<&str> = header.values.iter().map(mixer_expr::Program::text).collect();
        out.push(format!("    {label} {:?} {} = {values:?}", header.operation, header.name));
    }
}

fn handlers(snapshot: &Snapshot, out: &mut Vec<String>) {
    for (id, handler) in snapshot.handlers.iter().enumerate() {
        let kind = match &handler.kind {
            HandlerKind::Hosted { adapter } => format!("hosted {adapter}"),
            HandlerKind::Grpc(grpc) => format!("{grpc:?}"),
            HandlerKind::Broken { reason } => format!("BROKEN: {reason}"),
        };
        let (name, policy) = (&handler.spec.name, handler.failure_policy);
        out.push(format!("handler {id} {name} ({}) {policy:?}: {kind}", handler.adapter));
        if !handler.spec.params.is_empty() {
            out.push(format!("    params {}", hex(&handler.spec.params)));
        }
        for instance in &handler.spec.instances {
            let inferred = hex(&instance.inferred_type);
            out.push(format!("    takes {} ({}) {inferred}", instance.name, instance.template));
        }
    }
}

fn rules(snapshot: &Snapshot, out: &mut Vec<String>) {
    for rule in &snapshot.rules {
        let condition = rule.condition.map_or_else(
            || "always".to_owned(),
            |id| format!("if {} {:?}", id.0, snapshot.conditions[id.0].text),
        );
        out.push(format!("rule {} in {} {condition}", rule.name, rule.namespace));
        for action in &rule.actions {
            let instances: Vec<usize> = action.instances.iter().map(|id| id.0).collect();
            out.push(format!("    handler {} gets {instances:?}", action.handler.0));
            out.extend(action.output.as_ref().map(|slots| output(snapshot, "output", slots)));
        }
        headers("request", &rule.request_headers, out);
        headers("response", &rule.response_headers, out);
    }
}

/// The problems, then the snapshot.
pub(crate) fn dump(compiled: &Compiled) -> String {
    let snapshot = &compiled.snapshot;
    let mut out: Vec<String> = compiled.problems.iter().map(Problem::to_string).collect();
    out.push("---".to_owned());
    handlers(snapshot, &mut out);
    for (id, instance) in snapshot.instances.iter().enumerate() {
        let (name, short, template) = (&instance.name, &instance.short_name, instance.template.name());
        out.push(format!("instance {id} {name} ({short}): {template}"));
        if let Some(generator) = &instance.generator {
            out.push(output(snapshot, "output", &generator.output));
            for (slot, program) in &generator.bindings {
                out.push(format!("    {} = {}", snapshot.vocabulary.name(*slot), program.text()));
            }
        }
    }
    for (id, condition) in snapshot.conditions.iter().enumerate() {
        assert_eq!(*condition.text, *condition.program.text());
        out.push(format!("condition {id} {:?}", condition.text));
    }
    rules(snapshot, &mut out);
    let counts = &snapshot.counts;
    out.push(format!("valid {:?}", counts.valid));
    out.push(format!("errors {:?}, of match {}", counts.errors, counts.match_errors));
    out.join("\n")
}
