//! One review: what the object would do to the configuration, by the server's own compile step.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mixer_config::{KindClass, Problem, RawResource, ResourceId, Severity, class_of, compile};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::Reviewer;
use crate::metrics::KubeMetrics;
use crate::object;
use crate::status::parts;
use crate::store::Content;

/// Reviews that compile at once; others wait.
const AT_ONCE: usize = 2;
/// An API server gives up after ten seconds; by then it has to have an answer.
const LATEST: Duration = Duration::from_secs(8);
/// Warnings of one answer, and characters of each: API servers cut beyond these.
const MAX_WARNINGS: usize = 12;
const MAX_WARNING: usize = 250;
/// Problems that a refusal lists.
const MAX_CAUSES: usize = 20;

/// Answers reviews.
pub(super) struct Reviews {
    reviewer: Reviewer,
    metrics: KubeMetrics,
    room: Semaphore,
    /// What is wrong without the object, and with which content that is so.
    before: Mutex<Option<Before>>,
}

/// A content, and everything that is wrong with it.
type Before = (Arc<Content>, Arc<HashSet<String>>);

/// What is answered.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    /// Field and text of each error; with one, the object is refused.
    refused: Vec<(String, String)>,
    warnings: Vec<String>,
}

impl Reviews {
    pub(super) fn new(reviewer: Reviewer, metrics: KubeMetrics) -> Self {
        Self { reviewer, metrics, room: Semaphore::new(AT_ONCE), before: Mutex::default() }
    }

    /// A connection that brought no request.
    pub(super) fn failed_connection(&self) {
        self.metrics.handshakes.inc();
    }

    /// The answer to an `AdmissionReview`; the error is for a request that is none.
    pub(super) async fn answer(self: Arc<Self>, review: Value) -> Result<Value, String> {
        let request =
            review.get("request").filter(|request| request.is_object()).ok_or("request is missing")?.clone();
        let uid = request.get("uid").cloned().unwrap_or_default();
        let this = self.clone();
        let compiled = async move {
            let _room = this.room.acquire().await.ok()?;
            let this = this.clone();
            tokio::task::spawn_blocking(move || this.review(&request)).await.ok()
        };
        let late = || Answer {
            warnings: vec![
                "not checked: mixs did not come to it in time; see the object's status".to_owned(),
            ],
            ..Answer::default()
        };
        let answer = tokio::time::timeout(LATEST, compiled).await.ok().flatten().unwrap_or_else(late);
        let result = if answer.refused.is_empty() { "allowed" } else { "denied" };
        self.metrics.reviews.with_label_values(&[result]).inc();
        Ok(json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": response(uid, &answer),
        }))
    }

    fn review(&self, request: &Value) -> Answer {
        let content = self.reviewer.state.borrow().content.clone();
        let text = |pointer: &str| request.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind: Arc<str> = text("/kind/kind").into();
        let Some(content) = content else {
            let warnings = vec!["not checked: mixs has not read the configuration yet".to_owned()];
            return Answer { warnings, ..Answer::default() };
        };
        let class = class_of(&kind, &self.reviewer.registry);
        if matches!(class, KindClass::Client | KindClass::Unknown) {
            return Answer::default();
        }
        let object = request.get("object").filter(|object| object.is_object());
        let is_delete = text("/operation") == "DELETE" || object.is_none();
        let subject = if is_delete { request.get("oldObject") } else { object };
        // With generateName there is no name yet.
        let (namespace, name) = subject.and_then(object::key).unwrap_or_default();
        let name = if name.is_empty() { "unnamed".to_owned() } else { name };
        let namespace = if namespace.is_empty() { text("/namespace").to_owned() } else { namespace };
        let id = ResourceId {
            kind: kind.clone(),
            namespace: namespace.as_str().into(),
            name: name.as_str().into(),
        };
        let mut resources: Vec<RawResource> =
            content.resources.iter().filter(|resource| resource.id != id).cloned().collect();
        let mut answer = Answer::default();
        let mut resource = None;
        if let (false, Some(object)) = (is_delete, object) {
            let mut object = object.clone();
            object["metadata"]["name"] = name.as_str().into();
            object["metadata"]["namespace"] = namespace.as_str().into();
            let read = object::read(&kind, (&namespace, &name), object);
            sort_out(&mut answer, None, read.problems.iter());
            resource = read.resource;
            resources.extend(resource.clone());
        }
        let problems = compile(&resources, &self.reviewer.registry, &self.reviewer.compile).problems;
        let is_own = |problem: &&Problem| problem.resource.as_ref() == Some(&id);
        sort_out(&mut answer, resource.as_ref(), problems.iter().filter(is_own));
        let before = self.before(&content);
        let others =
            problems.iter().filter(|problem| problem.severity == Severity::Error && !is_own(problem));
        let new = others.map(told).filter(|text| !before.contains(text));
        answer.warnings.extend(new.map(|text| format!("after this change: {text}")));
        if !answer.refused.is_empty() && changes_nothing(request) {
            // Labels and finalizers of an object that is wrong already can be changed.
            let refused = std::mem::take(&mut answer.refused);
            answer.warnings.extend(refused.into_iter().map(|(field, text)| format!("{field}: {text}")));
        }
        answer
    }

    /// What is wrong already.
    fn before(&self, content: &Arc<Content>) -> Arc<HashSet<String>> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, problems)) = &*before
            && Arc::ptr_eq(known, content)
        {
            return problems.clone();
        }
        let compiled = compile(&content.resources, &self.reviewer.registry, &self.reviewer.compile);
        let problems = Arc::new(compiled.problems.iter().map(told).collect::<HashSet<_>>());
        *before = Some((content.clone(), problems.clone()));
        problems
    }
}

/// Errors of the object itself refuse it. What it refers to may be applied next, so references are warnings.
fn sort_out<'p>(
    answer: &mut Answer,
    resource: Option<&RawResource>,
    problems: impl Iterator<Item = &'p Problem>,
) {
    let parts = parts(resource, problems);
    let field = |problem: &&Problem| {
        if problem.field.is_empty() { "metadata.name".to_owned() } else { problem.field.clone() }
    };
    answer.refused.extend(parts.own.iter().map(|problem| (field(problem), problem.message.clone())));
    let warnings = parts.references.iter().chain(&parts.warnings);
    answer.warnings.extend(warnings.map(|problem| format!("{}: {}", field(problem), problem.message)));
}

fn told(problem: &Problem) -> String {
    let resource = problem.resource.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{resource}: {}: {}", problem.field, problem.message)
}

/// An update of something that configuration does not consist of.
fn changes_nothing(request: &Value) -> bool {
    let part = |object: &str, pointer: &str| request.pointer(&format!("/{object}{pointer}")).cloned();
    request.get("oldObject").is_some_and(Value::is_object)
        && part("object", "/spec") == part("oldObject", "/spec")
        && part("object", "/metadata/annotations") == part("oldObject", "/metadata/annotations")
}

fn response(uid: Value, answer: &Answer) -> Value {
    let mut warnings: Vec<String> = answer.warnings.iter().take(MAX_WARNINGS).map(|text| cut(text)).collect();
    if answer.warnings.len() > MAX_WARNINGS {
        warnings.push(format!("and {} more; mixs validate lists all", answer.warnings.len() - MAX_WARNINGS));
    }
    let mut response = json!({"uid": uid, "allowed": answer.refused.is_empty(), "warnings": warnings});
    if !answer.refused.is_empty() {
        let all: Vec<String> =
            answer.refused.iter().take(MAX_CAUSES).map(|(field, text)| format!("{field}: {text}")).collect();
        let causes = answer.refused.iter().take(MAX_CAUSES);
        let causes: Vec<Value> = causes
            .map(|(field, text)| json!({"reason": "FieldValueInvalid", "field": field, "message": text}))
            .collect();
        response["status"] = json!({"code": 422, "reason": "Invalid", "message": all.join("; "), "details": {"causes": causes}});
    }
    response
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_WARNING) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
