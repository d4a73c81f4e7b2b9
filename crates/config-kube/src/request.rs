//! Requests to the API server with everything bounded: time, size of answers, length of lines of a watch.
//!
//! The client library's own watcher keeps the resource version after an HTTP 410, waits five minutes for a dead
//! connection and repeats a closed watch without pause; so lists and watches are spoken here, over its client.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

/// Bytes of one answer.
const MAX_ANSWER: usize = 64 << 20;
/// Bytes of the text of an error.
const MAX_ERROR: usize = 16 << 10;
/// The longest time that an API server may ask to wait.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Why a request failed, as far as it decides what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// 410: the place in the history is too old; list again.
    Gone,
    /// 404: the kind or the object does not exist.
    Missing,
    /// 409: somebody else changed it first, or it exists already.
    Conflict,
    /// 401 or 403: the service account may not do this.
    Forbidden,
    /// 429: too many requests.
    TooMany,
    /// 422 or 400: the request itself is refused.
    Invalid,
    /// 5xx, or another code.
    Server,
    /// No answer: connection, TLS, timeout.
    Unreachable,
    /// An answer that is none, or larger than the limits.
    Malformed,
}

impl Cause {
    /// The value of the label `reason` of metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Missing => "not_found",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::TooMany => "too_many_requests",
            Self::Invalid => "invalid",
            Self::Server => "server_error",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }
}

/// A request that did not do what it was for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// What the API server or the connection said, and what to look at.
    pub(crate) message: String,
    /// How long the API server wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), retry_after: None }
    }

    /// What a `Status` object says.
    pub(crate) fn of_status(code: u16, status: &Value) -> Self {
        let said = status.get("message").and_then(Value::as_str).unwrap_or_default();
        let after = status.pointer("/details/retryAfterSeconds").and_then(Value::as_u64);
        let cause = match code {
            410 => Cause::Gone,
            404 => Cause::Missing,
            409 => Cause::Conflict,
            401 | 403 => Cause::Forbidden,
            429 => Cause::TooMany,
            400 | 422 => Cause::Invalid,
            _ => Cause::Server,
        };
        let mut message = match said {
            "" => format!("the API server answered {code}"),
            said => format!("the API server answered {code}: {said}"),
        };
        if cause == Cause::Forbidden {
            message.push_str("; see which roles docs/kubernetes.md lists for the service account");
        }
        Self {
            cause,
            message,
            retry_after: after.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER)),
        }
    }
}

/// The API server, with a time limit for each answer.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    /// How long the first byte, and a whole answer, may take.
    pub(crate) timeout: Duration,
}

impl Api {
    pub(crate) fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await
    }

    /// POST of a new object.
    pub(crate) async fn create(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(("application/json", object))).await
    }

    /// PUT: the whole object, under the resource version that it names.
    pub(crate) async fn replace(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        self.call(Method::PUT, path, Some(("application/json", object))).await
    }

    /// PATCH by RFC 7386.
    pub(crate) async fn merge(&self, path: &str, patch: &Value) -> Result<Value, Failure> {
        self.call(Method::PATCH, path, Some(("application/merge-patch+json", patch))).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, &Value)>,
    ) -> Result<T, Failure> {
        let request = request(method, path, body)?;
        let whole = async {
            let response = self.send(request).await?;
            let bytes = read(response.into_body(), MAX_ANSWER).await?;
            serde_json::from_slice(&bytes).map_err(|error| {
                Failure::new(Cause::Malformed, format!("{path}: the answer is not readable: {error}"))
            })
        };
        timeout(self.timeout, whole).await.map_err(|_| self.late(path))?
    }

    /// GET of something that goes on: the answer's body, and only the time until it begins is limited.
    pub(crate) async fn open(&self, path: &str) -> Result<Body, Failure> {
        let request = request(Method::GET, path, None)?;
        let response = timeout(self.timeout, self.send(request)).await.map_err(|_| self.late(path))??;
        Ok(response.into_body())
    }

    fn late(&self, path: &str) -> Failure {
        Failure::new(Cause::Unreachable, format!("no answer to {path} within {:?}", self.timeout))
    }

    /// Sends; an answer that is no success becomes a failure with what it says.
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let response = self.client.send(request).await.map_err(|error| {
            Failure::new(Cause::Unreachable, format!("the API server cannot be asked: {}", chain(&error)))
        })?;
        let code = response.status();
        if code.is_success() {
            return Ok(response);
        }
        let header = retry_after(&response);
        let text = read(response.into_body(), MAX_ERROR).await.unwrap_or_default();
        let status = serde_json::from_slice(&text).unwrap_or_else(|_| plain(code, &text));
        let mut failure = Failure::of_status(code.as_u16(), &status);
        failure.retry_after = header.or(failure.retry_after);
        Err(failure)
    }
}

fn request(
    method: Method,
    path: &str,
    body: Option<(&'static str, &Value)>,
) -> Result<Request<Body>, Failure> {
    let invalid = |error: String| Failure::new(Cause::Invalid, format!("{path}: {error}"));
    let mut builder = Request::builder().method(method).uri(path).header("accept", "application/json");
    let mut bytes = Vec::new();
    if let Some((content_type, value)) = body {
        builder = builder.header("content-type", content_type);
        bytes = serde_json::to_vec(value).map_err(|error| invalid(error.to_string()))?;
    }
    builder.body(Body::from(bytes)).map_err(|error| invalid(error.to_string()))
}

/// An error page that is no `Status`: a proxy's, or a server that is starting.
fn plain(code: StatusCode, text: &[u8]) -> Value {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().next().unwrap_or_default().trim();
    let line: String = line.chars().take(200).collect();
    let line = if line.is_empty() { code.canonical_reason().unwrap_or_default().to_owned() } else { line };
    serde_json::json!({ "message": line })
}

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds: u64 = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Failure> {
    let collected = Limited::new(body, limit).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        Failure::new(
            Cause::Malformed,
            format!("the answer ended early or is larger than {limit} bytes: {error}"),
        )
    })
}

/// An error and what it comes from, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}
