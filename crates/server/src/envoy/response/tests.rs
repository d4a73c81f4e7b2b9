//! Decisions in, ext_authz answers out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use mixer_adapter_api::{ErrorKind, HandlerError};
use mixer_attribute::Referenced;
use mixer_dispatch::{DirectResponse, Stage};

use super::*;

fn outcome(status: Status, route_directive: Option<RouteDirective>) -> CheckOutcome {
    CheckOutcome {
        status,
        valid_duration: Duration::ZERO,
        valid_use_count: 0,
        referenced: Referenced::new(),
        route_directive,
        quotas: Vec::new(),
        calls: Vec::new(),
    }
}

fn change(name: &str, value: &str, operation: HeaderOperation) -> HeaderChange {
    HeaderChange { name: name.into(), value: value.to_owned(), operation }
}

/// The answer as one line: code, kind, HTTP status, removed and set headers, body.
fn show(response: &CheckResponse) -> String {
    let headers = |options: &[HeaderValueOption]| {
        let one = |option: &HeaderValueOption| {
            let header = option.header.as_ref().unwrap();
            let append = option.append_action == i32::from(HeaderAppendAction::AppendIfExistsOrAdd);
            format!("{}{}{}", header.key, if append { "+=" } else { "=" }, header.value)
        };
        options.iter().map(one).collect::<Vec<_>>().join(",")
    };
    let code = response.status.as_ref().unwrap().code;
    match response.http_response.as_ref().unwrap() {
        HttpResponse::OkResponse(ok) => format!(
            "{code} ok remove [{}] request [{}] response [{}]",
            ok.headers_to_remove.join(","),
            headers(&ok.headers),
            headers(&ok.response_headers_to_add)
        ),
        HttpResponse::DeniedResponse(denied) => format!(
            "{code} denied {} [{}] {}",
            denied.status.as_ref().unwrap().code,
            headers(&denied.headers),
            denied.body
        ),
        HttpResponse::ErrorResponse(error) => {
            format!("{code} error {} {}", error.status.as_ref().unwrap().code, error.body.trim())
        }
    }
}

#[test]
fn decisions_become_answers() {
    let directive = RouteDirective {
        request_headers: vec![
            change("x-gone", "", HeaderOperation::Remove),
            change("x-user", "me", HeaderOperation::Replace),
            change("x-more", "1", HeaderOperation::Append),
        ],
        response_headers: vec![change("x-seen", "yes", HeaderOperation::Replace)],
        direct_response: None,
    };
    let direct = RouteDirective {
        response_headers: vec![change("set-cookie", "a=b; Expires=Mon, 1 Jan", HeaderOperation::Append)],
        direct_response: Some(DirectResponse { code: 418, body: "teapot".to_owned() }),
        ..RouteDirective::default()
    };
    let denied = || Status::new(code::PERMISSION_DENIED, "closed.ns:no");
    for (status, directive, expected) in [
        (Status::ok(), None, "0 ok remove [] request [] response []"),
        (
            Status::ok(),
            Some(directive),
            "0 ok remove [x-gone] request [x-user=me,x-more+=1] response [x-seen=yes]",
        ),
        (denied(), None, "7 denied 403 [] closed.ns:no"),
        (Status::new(code::RESOURCE_EXHAUSTED, "q"), None, "8 denied 429 [] q"),
        (Status::new(99, "?"), None, "99 denied 500 [] ?"),
        (denied(), Some(direct), "7 denied 418 [set-cookie+=a=b; Expires=Mon, 1 Jan] teapot"),
    ] {
        assert_eq!(show(&decided(&outcome(status, directive))), expected);
    }
}

#[test]
fn what_cannot_be_said_is_counted() {
    let response_headers = vec![
        change("server", "", HeaderOperation::Remove),
        change("x-seen", "yes", HeaderOperation::Replace),
    ];
    let directive = RouteDirective { response_headers, ..RouteDirective::default() };
    assert_eq!(inexpressible(&outcome(Status::ok(), Some(directive))), 1);
    assert_eq!(inexpressible(&outcome(Status::ok(), None)), 0);
}

#[test]
fn a_refusal_is_known_to_the_access_log() {
    assert!(decided(&outcome(Status::ok(), None)).dynamic_metadata.is_none());
    let refused = decided(&outcome(Status::new(code::PERMISSION_DENIED, "closed.ns:no"), None));
    let metadata = refused.dynamic_metadata.unwrap();
    let text = |key| super::super::derive::struct_text(&metadata, key);
    assert_eq!((text("check.error_code"), text("check.error_message")), (Some("7"), Some("closed.ns:no")));
}

#[test]
fn a_failure_says_so_and_refuses_where_that_is_not_understood() {
    let error = CheckError {
        stage: Stage::Check,
        failures: vec![(
            "h.ns".into(),
            HandlerError::new(ErrorKind::Unavailable, "h.ns at 10.0.0.1:1 is down"),
        )],
        referenced: Referenced::new(),
    };
    let answer = failed(&error);
    assert_eq!(show(&answer), "14 error 503 the policy check failed; see the log of mixs");
    // The reason is for the operator: it is in the status and the metadata, not in the body.
    assert_eq!(answer.status.unwrap().message, "h.ns at 10.0.0.1:1 is down");
}
