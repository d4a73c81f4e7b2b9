//! How log entries become events and service checks, checked.

use std::collections::{BTreeMap, HashMap};

use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::text_template::TextTemplate;

use crate::generated::Params;
use crate::generated::params::event_info::{AlertType, Priority};
use crate::generated::params::service_check_info::Status;
use crate::generated::params::{EventInfo, ServiceCheckInfo};
use crate::log_entry::{Entry, Event, ServiceCheck};
use crate::tags::{FixedTags, fit_field};

pub(super) fn check(params: &Params, problems: &mut Problems) -> HashMap<String, Vec<Entry>> {
    let mut entries: HashMap<String, Vec<Entry>> = HashMap::new();
    for (instance, info) in &params.events {
        let event = check_event(&format!("events[{instance}]"), info, problems);
        entries.entry(instance.clone()).or_default().push(Entry::Event(event));
    }
    for (instance, info) in &params.service_checks {
        let check = check_service(&format!("service_checks[{instance}]"), info, problems);
        entries.entry(instance.clone()).or_default().push(Entry::ServiceCheck(check));
    }
    entries
}

fn check_event(field: &str, info: &EventInfo, problems: &mut Problems) -> Event {
    if info.title.is_empty() {
        problems.add(format!("{field}.title"), "is missing");
    }
    let mut fixed = String::new();
    match Priority::try_from(info.priority) {
        Ok(Priority::Normal) => {}
        Ok(Priority::LowPriority) => fixed.push_str("|p:low"),
        Err(_) => problems.add(format!("{field}.priority"), "is not NORMAL or LOW_PRIORITY"),
    }
    if !info.source_type_name.is_empty() {
        fixed.push_str("|s:");
        fixed.push_str(&fit_field(&info.source_type_name));
    }
    let alert_type = |number: &i32| match AlertType::try_from(*number) {
        Ok(AlertType::Info) => Some("info"),
        Ok(AlertType::Error) => Some("error"),
        Ok(AlertType::Warning) => Some("warning"),
        Ok(AlertType::Success) => Some("success"),
        Err(_) => None,
    };
    let alert_types = by_severity((field, "alert_types"), &info.alert_types, alert_type, problems);
    let mut template = |name: &str, text: &str| template(&format!("{field}.{name}"), text, problems);
    Event {
        title: template("title", &info.title),
        text: (!info.text.is_empty()).then(|| template("text", &info.text)),
        aggregation_key: template("aggregation_key", &info.aggregation_key),
        hostname: template("hostname", &info.hostname),
        fixed,
        alert_types,
        tags: FixedTags::of(&info.tags),
        tag_variables: info.tag_variables.clone(),
    }
}

fn check_service(field: &str, info: &ServiceCheckInfo, problems: &mut Problems) -> ServiceCheck {
    if info.name.is_empty() {
        problems.add(format!("{field}.name"), "is missing");
    }
    let status = |number: &i32| Status::try_from(*number).ok().map(i32::from);
    let statuses = by_severity((field, "statuses"), &info.statuses, status, problems);
    let mut template = |name: &str, text: &str| template(&format!("{field}.{name}"), text, problems);
    ServiceCheck {
        name: fit_field(&info.name).into_owned(),
        message: template("message", &info.message),
        hostname: template("hostname", &info.hostname),
        statuses,
        tags: FixedTags::of(&info.tags),
        tag_variables: info.tag_variables.clone(),
    }
}

fn by_severity<T>(
    (field, name): (&str, &str),
    given: &BTreeMap<String, i32>,
    read: impl Fn(&i32) -> Option<T>,
    problems: &mut Problems,
) -> HashMap<String, T> {
    let mut found = HashMap::new();
    for (severity, number) in given {
        match read(number) {
            Some(value) => {
                found.insert(severity.clone(), value);
            }
            None => problems.add(format!("{field}.{name}[{severity}]"), "is not one of its words"),
        }
    }
    found
}

fn template(field: &str, text: &str, problems: &mut Problems) -> TextTemplate {
    text.parse().unwrap_or_else(|error| {
        problems.add(field, format!("failed to parse template: {error}"));
        TextTemplate::default()
    })
}
