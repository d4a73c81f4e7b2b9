//! HTTP/1.1: connections, requests to objects, answers.

use std::convert::Infallible;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::objects::{Refusal, merge};
use crate::watch::Watch;
use crate::{Fault, Seen, Shared, admission};

type Answer = Response<BoxBody<Bytes, io::Error>>;

pub(crate) async fn run(listener: TcpListener, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        if !shared.state().away {
            tokio::spawn(connection(stream, shared.clone()));
        }
    }
}

async fn connection(stream: TcpStream, shared: Shared) {
    let mut cuts = shared.cuts.subscribe();
    let service = service_fn(move |request| answer(request, shared.clone()));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        _ = cuts.changed() => {}
    }
}

async fn answer(request: Request<Incoming>, shared: Shared) -> Result<Answer, Infallible> {
    let (parts, body) = request.into_parts();
    let line = format!("{} {}", parts.method, parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let fault = {
        let mut state = shared.state();
        state.seen.push(Seen { at: Instant::now(), line: line.clone() });
        let at = state.faults.iter().position(|(when, _)| when.matches(&line));
        at.map(|at| state.faults.remove(at).1)
    };
    let path = parts.uri.path().to_owned();
    match &fault {
        Some(Fault::Status(code, after)) => return Ok(failure(*code, "as the script says", *after)),
        Some(Fault::Body(bytes)) => return Ok(ok(bytes.clone())),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Meddle) => meddle(&shared, &path),
        _ => {}
    }
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let query = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if query("watch") == Some("true") {
        let seconds = query("timeoutSeconds").and_then(|text| text.parse().ok()).unwrap_or(300);
        let watch = Watch {
            collection: path,
            version: query("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0),
            timeout: Duration::from_secs(seconds),
            bookmarks: query("allowWatchBookmarks") == Some("true"),
            shared,
        };
        return Ok(response(StatusCode::OK, watch.body(fault)));
    }
    let limit = query("limit").and_then(|text| text.parse().ok());
    let from = query("continue").unwrap_or_default().to_owned();
    Ok(match object(&shared, parts.method.clone(), (path, limit, from), body).await {
        Ok((code, value)) => response(code, full(value.to_string())),
        Err((code, message)) => failure(code, &message, None),
    })
}

/// Somebody else annotates the object.
fn meddle(shared: &Shared, path: &str) {
    let path = path.strip_suffix("/status").unwrap_or(path);
    let mut state = shared.state();
    if let Ok(mut object) = state.objects.get(path) {
        merge(
            &mut object,
            &json!({"metadata": {"annotations": {"meddled": state.objects.version().to_string()}}}),
        );
        let _ = state.objects.replace(path, object, false);
    }
    drop(state);
    shared.changed();
}

async fn object(
    shared: &Shared,
    method: Method,
    (path, limit, from): (String, Option<usize>, String),
    body: Value,
) -> Result<(StatusCode, Value), Refusal> {
    if path == "/apis/config.istio.io/v1alpha2" {
        return shared.state().objects.group().map(|list| (StatusCode::OK, list));
    }
    let (target, is_status) = match path.strip_suffix("/status") {
        Some(object) => (object, true),
        None => (path.as_str(), false),
    };
    let is_collection = is_collection(target);
    let collection = if is_collection {
        target
    } else {
        target.rsplit_once('/').map_or(target, |(collection, _)| collection)
    };
    if !shared.state().objects.is_defined(collection) {
        return Err((404, format!("the server could not find {path}")));
    }
    let code = if method == Method::POST { StatusCode::CREATED } else { StatusCode::OK };
    let old = shared.state().objects.get(target).ok();
    let new = match method {
        Method::GET if is_collection => return Ok((code, list(shared, target, limit, &from)?)),
        Method::GET => return shared.state().objects.get(target).map(|object| (code, object)),
        Method::PATCH => {
            let mut object = old.clone().ok_or_else(|| (404, format!("{target} not found")))?;
            merge(&mut object, &body);
            object
        }
        Method::DELETE => Value::Null,
        Method::POST | Method::PUT => body,
        _ => return Err((405, "no such method".to_owned())),
    };
    if !is_status {
        admission::ask(shared, &method, target, (&old, &new)).await?;
    }
    let mut state = shared.state();
    let result = match method {
        Method::POST => state.objects.create(target, new),
        Method::DELETE => state.objects.delete(target),
        _ => state.objects.replace(target, new, is_status),
    };
    drop(state);
    shared.changed();
    result.map(|object| (code, object))
}

/// `/api/v1/namespaces/N/things`, `/apis/G/V/things` and so on; one segment more is an object.
fn is_collection(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let prefix = if segments.first() == Some(&"api") { 2 } else { 3 };
    let rest = &segments[prefix.min(segments.len())..];
    match rest {
        ["namespaces", _, _] => true,
        ["namespaces", ..] => false,
        rest => rest.len() == 1,
    }
}

fn list(shared: &Shared, collection: &str, limit: Option<usize>, from: &str) -> Result<Value, Refusal> {
    let state = shared.state();
    let version = state.objects.version();
    let (from, at) = match from.split_once('@') {
        None => ("", version),
        Some((from, at)) => (from, at.parse().unwrap_or(0)),
    };
    if state.objects.since(collection, at).is_none() {
        return Err((410, "The provided continue parameter is too old".to_owned()));
    }
    let mut all: Vec<_> =
        state.objects.list(collection).into_iter().filter(|(path, _)| path.as_str() > from).collect();
    let limit = state.page.or(limit).unwrap_or(usize::MAX);
    let more = all.len() > limit;
    all.truncate(limit);
    let next = match (more, all.last()) {
        (true, Some((path, _))) => format!("{path}@{at}"),
        _ => String::new(),
    };
    let items: Vec<Value> = all.into_iter().map(|(_, object)| object).collect();
    Ok(json!({
        "kind": "List", "apiVersion": "v1",
        "metadata": {"resourceVersion": at.to_string(), "continue": next},
        "items": items,
    }))
}

fn failure(code: u16, message: &str, retry_after: Option<u64>) -> Answer {
    let status =
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code});
    let mut answer = response(
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        full(status.to_string()),
    );
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert("retry-after", seconds.into());
    }
    answer
}

fn ok(bytes: Bytes) -> Answer {
    response(StatusCode::OK, full(bytes))
}

fn full(bytes: impl Into<Bytes>) -> BoxBody<Bytes, io::Error> {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

fn response(code: StatusCode, body: BoxBody<Bytes, io::Error>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = code;
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    answer
}
