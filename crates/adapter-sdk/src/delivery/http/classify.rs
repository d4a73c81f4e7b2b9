//! What follows from an answer, for backends that use the statuses as RFC 9110 means them.

use ::http::StatusCode;

use super::{Answer, NoAnswer};
use crate::delivery::Outcome;

/// The beginning of an answer that is worth a log line.
const SHOWN: usize = 300;

impl Answer {
    /// What follows: any 2xx is delivered; 408 and 429 are tried again, as is everything from 500; 413 is split; the rest
    /// will never be taken.
    pub fn outcome(&self) -> Outcome {
        match self.status.as_u16() {
            200..=299 => Outcome::Delivered,
            408 | 429 | 500.. => self.again(),
            413 => Outcome::Split,
            _ => self.never(),
        }
    }

    /// It may be taken later, as `Retry-After` says.
    pub fn again(&self) -> Outcome {
        Outcome::Retry { after: self.retry_after, detail: self.text() }
    }

    /// It will never be taken.
    pub fn never(&self) -> Outcome {
        Outcome::Drop { reason: word(self.status), detail: self.text() }
    }

    /// The status and the beginning of the body, in one line.
    pub fn text(&self) -> String {
        let body = String::from_utf8_lossy(self.body.get(..SHOWN).unwrap_or(&self.body));
        let body: String = body.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("the backend answered {}: {}", self.status, body.trim())
    }
}

impl NoAnswer {
    /// It is tried again: the backend recognizes what it has got by the request id.
    pub fn outcome(&self) -> Outcome {
        Outcome::Retry { after: None, detail: format!("no answer: {self}") }
    }
}

/// A fixed word for a status.
fn word(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "http_400",
        401 => "http_401",
        403 => "http_403",
        404 => "http_404",
        405 => "http_405",
        409 => "http_409",
        410 => "http_410",
        411 => "http_411",
        414 => "http_414",
        415 => "http_415",
        422 => "http_422",
        431 => "http_431",
        _ if status.is_redirection() => "http_redirect",
        _ if status.is_client_error() => "http_4xx",
        _ => "http_other",
    }
}
