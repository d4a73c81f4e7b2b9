//! Sends requests of Remote-Write 2.0, or of 1.0 when that is configured or all that the receiver knows.

use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mixer_adapter_sdk::BuildError;
use mixer_adapter_sdk::delivery::http::{Answer, Credential, HttpClient, NoAnswer, Url};
use mixer_adapter_sdk::delivery::{Backend, BackendMetrics, Outcome, Payload, RequestId};
use mixer_adapter_sdk::typed::Refused;
use prost::Message as _;

use super::body::{Body, Counts};
use super::encode::{self, Parts};
use super::message::Request;
use super::snapshot::Item;
use crate::config::{Auth, Destination, Protocol};

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");
pub(super) const SAMPLES: &str = "x-prometheus-remote-write-samples-written";
pub(super) const HISTOGRAMS: &str = "x-prometheus-remote-write-histograms-written";
pub(super) const EXEMPLARS: &str = "x-prometheus-remote-write-exemplars-written";

/// What is known of the receiver.
const UNKNOWN: u8 = 0;
const SPEAKS_V1: u8 = 1;
const SPEAKS_V2: u8 = 2;

/// A receiver of remote write.
#[derive(Debug)]
pub(super) struct Receiver {
    client: HttpClient,
    url: Url,
    protocol: Protocol,
    parts: Parts,
    auth: Login,
    headers: HeaderMap,
    header_files: Vec<(HeaderName, Credential)>,
    speaks: AtomicU8,
    /// The status of the last answer.
    answered: AtomicU16,
    metrics: BackendMetrics,
}

#[derive(Debug)]
enum Login {
    None,
    Basic { username: String, password: Credential },
    Bearer(Credential),
}

impl Receiver {
    pub(super) async fn new(to: &Destination, metrics: BackendMetrics) -> Result<Self, BuildError> {
        let failed =
            |error: &dyn std::fmt::Display| BuildError(format!("remote_write to {}: {error}", to.url));
        let secret =
            async |file: &std::path::Path| Credential::from_file(file).await.map_err(|error| failed(&error));
        let auth = match &to.auth {
            Auth::None => Login::None,
            Auth::Basic { username, password_file } => {
                Login::Basic { username: username.clone(), password: secret(password_file).await? }
            }
            Auth::Bearer { token_file } => Login::Bearer(secret(token_file).await?),
        };
        let mut header_files = Vec::with_capacity(to.header_files.len());
        for (name, file) in &to.header_files {
            header_files.push((name.clone(), secret(file).await?));
        }
        Ok(Self {
            client: HttpClient::new(&to.http).map_err(|error| failed(&error))?,
            url: to.url.clone(),
            protocol: to.protocol,
            parts: Parts { exemplars: to.exemplars, native_histograms: to.native_histograms },
            auth,
            headers: to.headers.clone(),
            header_files,
            speaks: AtomicU8::new(UNKNOWN),
            answered: AtomicU16::new(0),
            metrics,
        })
    }

    fn uses_v1(&self) -> bool {
        self.protocol == Protocol::V1 || self.speaks.load(Ordering::Relaxed) == SPEAKS_V1
    }

    /// The operator's headers and those of the version.
    fn headers(&self, v1: bool) -> Result<HeaderMap, String> {
        let mut headers = self.headers.clone();
        let sensitive = |text: String| {
            let value = HeaderValue::try_from(text);
            let mut value = value.map_err(|_| "a credential has characters that no header may have")?;
            value.set_sensitive(true);
            Ok::<_, &str>(value)
        };
        match &self.auth {
            Login::None => {}
            Login::Basic { username, password } => {
                let pair = format!("{username}:{}", password.get().expose());
                let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
                headers.insert(header::AUTHORIZATION, sensitive(value)?);
            }
            Login::Bearer(token) => {
                headers.insert(header::AUTHORIZATION, sensitive(format!("Bearer {}", token.get().expose()))?);
            }
        }
        for (name, value) in &self.header_files {
            headers.insert(name, value.header().map_err(|error| format!("header {name}: {error}"))?);
        }
        let (content_type, version) = match v1 {
            true => ("application/x-protobuf", "0.1.0"),
            false => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(VERSION, HeaderValue::from_static(version));
        Ok(headers)
    }

    async fn post(&self, v1: bool, body: Bytes) -> Result<Answer, Outcome> {
        // A credential that cannot be sent may be replaced: its file is looked at again.
        let unusable = |detail| Outcome::Retry { after: None, detail };
        let headers = self.headers(v1).map_err(unusable)?;
        let answer = self.client.post(&self.url, headers, body).await;
        let answer = answer.map_err(|error: NoAnswer| error.outcome())?;
        self.answered.store(answer.status.as_u16(), Ordering::Relaxed);
        Ok(answer)
    }

    /// Sends one sample past everything that waits, and says what the receiver answered.
    ///
    /// # Errors
    ///
    /// The receiver did not write it; the text says why.
    pub(super) async fn self_test(&self, item: Item) -> Result<String, String> {
        let body = self.encode(&[item]).map_err(|refused| refused.detail)?;
        let payload = Payload { body, request_id: RequestId::random(), items: 1, attempt: 1 };
        match self.send(&payload).await {
            Outcome::Delivered => {
                let version = if self.uses_v1() { "1.0" } else { "2.0" };
                Ok(format!("{} by Remote-Write {version}", self.answered.load(Ordering::Relaxed)))
            }
            Outcome::Retry { detail, .. } | Outcome::Drop { detail, .. } | Outcome::Partly { detail, .. } => {
                Err(detail)
            }
            Outcome::Split => Err("the receiver finds a request of one sample too large".to_owned()),
        }
    }

    /// Sends a request of 2.0, and the same as 1.0 when the receiver turns out to know no other.
    async fn send_v2(&self, body: Body) -> Outcome {
        let answer = match self.post(false, body.compressed.clone()).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        let written = Counts::written(&answer.headers);
        let knows_v2 = self.speaks.load(Ordering::Relaxed) == SPEAKS_V2;
        match answer.status.as_u16() {
            // Receivers of 1.0 that do not look at the type find an empty request in it, and are content.
            200..=299 if written.is_none() && !body.counts.is_empty() => {
                let detail = "the receiver took a request of 2.0 but wrote nothing of it";
                self.fall_back(body, "not_written", detail).await
            }
            415 => self.fall_back(body, "http_415", &answer.text()).await,
            400 if written.is_none() && !knows_v2 && self.protocol == Protocol::Auto => {
                self.fall_back(body, "http_400", &answer.text()).await
            }
            _ => {
                if written.is_some() {
                    self.speaks.store(SPEAKS_V2, Ordering::Relaxed);
                }
                self.decide(&answer, &body.counts, written)
            }
        }
    }

    async fn fall_back(&self, body: Body, reason: &'static str, detail: &str) -> Outcome {
        if self.protocol == Protocol::V2 {
            return Outcome::Drop { reason, detail: detail.to_owned() };
        }
        let Some(old) = body.downgraded() else {
            return Outcome::Drop {
                reason: "not_encoded",
                detail: "the request cannot be read back".to_owned(),
            };
        };
        let outcome = self.send_v1(old).await;
        // A bad request of either version is no proof.
        let is_proven = reason != "http_400" || outcome == Outcome::Delivered;
        if is_proven && self.speaks.swap(SPEAKS_V1, Ordering::Relaxed) != SPEAKS_V1 {
            tracing::info!(url = %self.url, "the receiver does not know Remote-Write 2.0; it gets 1.0 from now on: {detail}");
        }
        outcome
    }

    async fn send_v1(&self, body: Body) -> Outcome {
        match self.post(true, body.compressed.clone()).await {
            // A receiver of 1.0 does not say what it wrote.
            Ok(answer) => {
                let written = Counts::written(&answer.headers);
                self.decide(&answer, &body.counts, written)
            }
            Err(outcome) => outcome,
        }
    }

    /// What follows from an answer; `written` is what the receiver says it wrote.
    fn decide(&self, answer: &Answer, sent: &Counts, written: Option<Counts>) -> Outcome {
        let status = answer.status.as_u16();
        if status == 429 || status >= 500 {
            return answer.again();
        }
        let Some(written) = written else {
            return match status {
                200..=299 => Outcome::Delivered,
                413 => Outcome::Split,
                _ => answer.never(),
            };
        };
        let lost_exemplars = sent.exemplars.saturating_sub(written.exemplars);
        if lost_exemplars > 0 {
            self.metrics.dropped("exemplar_not_written", lost_exemplars as usize);
        }
        let points = |counts: &Counts| counts.samples + counts.histograms;
        let lost = points(sent).saturating_sub(points(&written));
        match (status, lost) {
            (200..=299, 0) => Outcome::Delivered,
            (413, _) if points(&written) == 0 => Outcome::Split,
            (_, lost) if lost < points(sent) => Outcome::Partly {
                refused: lost as usize,
                reason: "not_written",
                detail: format!("{lost} of {} samples were not written; {}", points(sent), answer.text()),
            },
            (200..=299, _) => Outcome::Drop {
                reason: "not_written",
                detail: format!("nothing was written; {}", answer.text()),
            },
            _ => answer.never(),
        }
    }
}

impl Backend for Receiver {
    type Item = Item;

    fn size(&self, item: &Item) -> usize {
        item.size()
    }

    fn encode(&self, items: &[Item]) -> Result<Bytes, Refused> {
        let request: Request = encode::request(items, self.parts);
        let counts = Counts::of(&request);
        let body = match self.uses_v1() {
            true => Body::new(true, counts, &encode::downgraded(&request).encode_to_vec()),
            false => Body::new(false, counts, &request.encode_to_vec()),
        };
        match body {
            Some(body) => Ok(body.to_bytes()),
            None => Err(Refused {
                reason: "not_encoded",
                detail: "the request is too large to be compressed".to_owned(),
            }),
        }
    }

    fn halves(&self, body: &Bytes, items: usize) -> Option<[(Bytes, usize); 2]> {
        let [first, second] = Body::from_bytes(body)?.halves()?;
        Some([(first.to_bytes(), items / 2), (second.to_bytes(), items - items / 2)])
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let Some(body) = Body::from_bytes(&payload.body) else {
            return Outcome::Drop {
                reason: "not_encoded",
                detail: "the payload is not one of ours".to_owned(),
            };
        };
        match body.is_v1 {
            true => self.send_v1(body).await,
            false => self.send_v2(body).await,
        }
    }
}
