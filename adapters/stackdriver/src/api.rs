//! What the three APIs have in common: authorised requests, and what their errors mean
//! (<https://cloud.google.com/apis/design/errors>).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mixer_adapter_sdk::delivery::Outcome;
use mixer_adapter_sdk::delivery::http::{Answer, HttpClient, Url};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::credentials::Tokens;

/// The beginning of a message that is worth a log line, in characters.
const SHOWN: usize = 500;
/// So many tokens in a row are refused before it is sure that another one will be too.
const TOKENS_REFUSED: u32 = 3;

/// An API with who we are there.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) client: HttpClient,
    pub(crate) tokens: Arc<Tokens>,
    /// For whom a token is: `https://monitoring.googleapis.com/`.
    pub(crate) audience: &'static str,
    /// The project that pays for calls.
    pub(crate) quota_project: Option<HeaderValue>,
    /// The role that is needed, for error texts.
    pub(crate) role: &'static str,
}

/// An error as the APIs tell it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct GoogleError {
    /// Name of a google.rpc.Code, such as `INVALID_ARGUMENT`.
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) details: Vec<Json>,
}

impl GoogleError {
    /// Reads an answer that is no success; none when nobody of Google's has said it.
    pub(crate) fn read(answer: &Answer) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            error: GoogleError,
        }
        serde_json::from_slice::<Body>(&answer.body).ok().map(|body| body.error)
    }

    /// The detail of this type.
    pub(crate) fn detail<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Option<T> {
        let of_type = |detail: &&Json| {
            let kind = detail.get("@type").and_then(Json::as_str).unwrap_or_default();
            kind.rsplit('/').next() == Some(name)
        };
        let detail = self.details.iter().find(of_type)?;
        T::deserialize(detail).ok()
    }

    /// One line for the log.
    pub(crate) fn text(&self) -> String {
        let message: String = self.message.chars().take(SHOWN).collect();
        let message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("the API answered {}: {message}", self.status)
    }
}

impl Api {
    /// Sends JSON once.
    ///
    /// # Errors
    ///
    /// There is no answer that says anything about the data, and what follows from that.
    pub(crate) async fn post(
        &self,
        url: &Url,
        body: Bytes,
        gzip: bool,
        attempt: u32,
    ) -> Result<Answer, Outcome> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let token = self.authorise(&mut headers).await?;
        let answer = self.client.post(url, headers, body).await.map_err(|error| error.outcome())?;
        self.check_token(answer, &token, attempt)
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// As [`Api::post`].
    pub(crate) async fn get(&self, url: &Url) -> Result<Answer, Outcome> {
        let mut headers = HeaderMap::new();
        let token = self.authorise(&mut headers).await?;
        let answer = self.client.get(url, headers).await.map_err(|error| error.outcome())?;
        self.check_token(answer, &token, 1)
    }

    async fn authorise(&self, headers: &mut HeaderMap) -> Result<HeaderValue, Outcome> {
        // Credentials may be replaced: their file is looked at again.
        let token = self.tokens.header(self.audience).await;
        let token = token.map_err(|error| Outcome::Retry { after: None, detail: error.to_string() })?;
        headers.insert(header::AUTHORIZATION, token.clone());
        if let Some(project) = &self.quota_project {
            headers.insert(HeaderName::from_static("x-goog-user-project"), project.clone());
        }
        Ok(token)
    }

    /// A token that is not taken is not used again.
    fn check_token(&self, answer: Answer, token: &HeaderValue, attempt: u32) -> Result<Answer, Outcome> {
        if answer.status.as_u16() != 401 {
            return Ok(answer);
        }
        self.tokens.refused(self.audience, token);
        let (said, source) = (describe(&answer), self.tokens.describe());
        let detail = format!("{said}; are the credentials ({source}) still valid?");
        Err(match attempt < TOKENS_REFUSED {
            true => Outcome::Retry { after: None, detail },
            false => Outcome::Drop { reason: "unauthenticated", detail },
        })
    }

    /// What follows from an answer, when nothing more is known of the API.
    pub(crate) fn outcome(&self, answer: &Answer) -> Outcome {
        let detail = describe(answer);
        match answer.status.as_u16() {
            200..=299 => Outcome::Delivered,
            413 => Outcome::Split,
            408 | 429 | 500.. => Outcome::Retry { after: answer.retry_after, detail },
            403 => Outcome::Drop {
                reason: "permission_denied",
                detail: format!(
                    "{detail}; does {} have the role {}, and is the API enabled?",
                    self.tokens.describe(),
                    self.role
                ),
            },
            _ => Outcome::Drop { reason: reason(answer), detail },
        }
    }
}

/// What an answer says, in one line.
pub(crate) fn describe(answer: &Answer) -> String {
    GoogleError::read(answer).map_or_else(|| answer.text(), |error| error.text())
}

fn reason(answer: &Answer) -> &'static str {
    match GoogleError::read(answer) {
        Some(error) => word(&error.status),
        None => "http_other",
    }
}

/// A fixed word for the name of a google.rpc.Code.
pub(crate) fn word(status: &str) -> &'static str {
    match status {
        "CANCELLED" => "cancelled",
        "INVALID_ARGUMENT" => "invalid_argument",
        "DEADLINE_EXCEEDED" => "deadline_exceeded",
        "NOT_FOUND" => "not_found",
        "ALREADY_EXISTS" => "already_exists",
        "PERMISSION_DENIED" => "permission_denied",
        "RESOURCE_EXHAUSTED" => "resource_exhausted",
        "FAILED_PRECONDITION" => "failed_precondition",
        "ABORTED" => "aborted",
        "OUT_OF_RANGE" => "out_of_range",
        "UNIMPLEMENTED" => "unimplemented",
        "INTERNAL" => "internal",
        "UNAVAILABLE" => "unavailable",
        "DATA_LOSS" => "data_loss",
        "UNAUTHENTICATED" => "unauthenticated",
        _ => "unknown",
    }
}

/// The name of a google.rpc.Code.
pub(crate) fn code_name(code: i64) -> &'static str {
    match code {
        1 => "CANCELLED",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}
