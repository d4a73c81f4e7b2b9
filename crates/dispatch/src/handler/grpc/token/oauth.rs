//! A token from a token endpoint by client credentials.
//!
//! Source: RFC 6749, sections 2.3.1 (how a client says who it is), 4.4 (client credentials), 5.1 and 5.2 (the answers).

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use mixer_config::snapshot::OAuth;
use mixer_identity::{RootCertStore, https, roots_of_pem, system_roots};
use serde_json::Value;

use super::Fresh;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer.
const MAX_ANSWER: usize = 64 << 10;

/// A token whose lifetime is not told is asked for anew after this time; until then it counts.
const UNTOLD: Duration = Duration::from_secs(3600);

/// A token is not asked for anew more often than this, however short its life is.
const SHORTEST: Duration = Duration::from_secs(1);

/// The characters of an answer that a message shows.
const SHOWN: usize = 200;

/// A token endpoint.
pub(super) struct OAuthSource {
    config: OAuth,
    authorities: Option<PathBuf>,
    /// The client, and the authorities that it was made with.
    client: Option<(Option<Vec<u8>>, reqwest::Client)>,
    /// Whether the endpoint wants our credentials in the form instead of in the header.
    in_form: bool,
}

/// What came of one request.
enum Failure {
    /// The endpoint does not know us: perhaps as it does not read the header.
    UnknownClient(String),
    Other(String),
}

impl OAuthSource {
    /// The endpoint of this configuration.
    pub(super) fn new(config: OAuth, authorities: Option<PathBuf>) -> Self {
        Self { config, authorities, client: None, in_form: false }
    }

    /// Asks for a token.
    pub(super) async fn fetch(&mut self) -> Result<Fresh, String> {
        let fetched = self.try_fetch().await;
        fetched.map_err(|reason| format!("oauth.tokenUrl {}: {reason}", self.config.token_url))
    }

    async fn try_fetch(&mut self) -> Result<Fresh, String> {
        let path = &self.config.client_secret;
        let secret = tokio::fs::read_to_string(path).await;
        let secret = secret.map_err(|error| format!("the client's secret in {path}: {error}"))?;
        let secret = secret.trim_end_matches(['\r', '\n']).to_owned();
        if secret.is_empty() {
            return Err(format!("the client's secret in {path}: the file is empty"));
        }
        let client = self.client().await?;
        match self.request(&client, &secret, self.in_form).await {
            Ok(fresh) => Ok(fresh),
            Err(Failure::Other(reason)) => Err(reason),
            // RFC 6749 wants endpoints to read the header; not all do.
            Err(Failure::UnknownClient(reason)) => {
                match self.request(&client, &secret, !self.in_form).await {
                    Ok(fresh) => {
                        self.in_form = !self.in_form;
                        Ok(fresh)
                    }
                    Err(_) => Err(reason),
                }
            }
        }
    }

    /// The client, made anew when the authorities have changed.
    async fn client(&mut self) -> Result<reqwest::Client, String> {
        let pem = match &self.authorities {
            None => None,
            Some(file) => {
                let read = tokio::fs::read(file).await;
                Some(read.map_err(|error| format!("caCertificates {}: {error}", file.display()))?)
            }
        };
        if let Some((of, client)) = &self.client
            && *of == pem
        {
            return Ok(client.clone());
        }
        let mut roots: RootCertStore = system_roots();
        if let Some(pem) = &pem {
            let own = roots_of_pem(pem).map_err(|error| format!("caCertificates: {error}"))?;
            roots.extend(own.roots);
        }
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(https(roots, None)?)
            .timeout(TIMEOUT)
            .user_agent(concat!("mixer-rs/", env!("CARGO_PKG_VERSION")))
            // The secret goes where the operator said, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(chain)?;
        self.client = Some((pem, client.clone()));
        Ok(client)
    }

    async fn request(&self, client: &reqwest::Client, secret: &str, in_form: bool) -> Result<Fresh, Failure> {
        let config = &self.config;
        let mut request = client
            .post(&config.token_url)
            .header(ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(config, in_form.then_some(secret)));
        if !in_form {
            request = request.header(AUTHORIZATION, basic(&config.client_id, secret)?);
        }
        let no_answer = |error| Failure::Other(format!("no answer: {}", chain(error)));
        let mut response = request.send().await.map_err(no_answer)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(no_answer)? {
            if body.len() + part.len() > MAX_ANSWER {
                return Err(Failure::Other(format!("the answer is longer than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&part);
        }
        read(status, &body)
    }
}

/// The request of a token; with our credentials when the secret is given.
fn form(config: &OAuth, secret: Option<&str>) -> String {
    let scope = config.scopes.join(" ");
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !scope.is_empty() {
        form.append_pair("scope", &scope);
    }
    if let Some(secret) = secret {
        form.append_pair("client_id", &config.client_id).append_pair("client_secret", secret);
    }
    form.extend_pairs(&config.endpoint_params);
    form.finish()
}

/// RFC 6749, 2.3.1: both parts are form-encoded before they become user and password.
fn basic(id: &str, secret: &str) -> Result<HeaderValue, Failure> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
    let value = HeaderValue::from_str(&format!("Basic {pair}"));
    let mut value =
        value.map_err(|_| Failure::Other("the client's credentials fit in no header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What an answer means. A token in it is never shown.
fn read(status: StatusCode, body: &[u8]) -> Result<Fresh, Failure> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let text = |field: &str| json.as_ref().and_then(|json| json.get(field)).and_then(Value::as_str);
    if !status.is_success() {
        let error = text("error").unwrap_or_default();
        let detail = match (error, text("error_description")) {
            ("", _) => printable(&String::from_utf8_lossy(body)),
            (error, None) => printable(error),
            (error, Some(description)) => printable(&format!("{error}: {description}")),
        };
        let reason = format!("it answered {status}: {detail}; look at clientId, clientSecret and scopes");
        return Err(match status == StatusCode::UNAUTHORIZED || error == "invalid_client" {
            true => Failure::UnknownClient(reason),
            false => Failure::Other(reason),
        });
    }
    let Some(token) = text("access_token").filter(|token| !token.is_empty()) else {
        let what = if json.is_some() { "has no access_token" } else { "is no JSON" };
        return Err(Failure::Other(format!(
            "it answered {status}, and the answer {what}; is this a token endpoint?"
        )));
    };
    // RFC 6749, 5.1 wants a token_type; Bearer is what those mean who leave it out. Its case does not count.
    let kind = match text("token_type").filter(|kind| !kind.is_empty()) {
        None => "Bearer".to_owned(),
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => "Bearer".to_owned(),
        Some(kind) => kind.to_owned(),
    };
    let seconds = json.as_ref().and_then(|json| json.get("expires_in")).and_then(|seconds| match seconds {
        // Some endpoints write the number as text.
        Value::String(text) => text.parse::<f64>().ok(),
        other => other.as_f64(),
    });
    let lifetime = seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let refresh = lifetime.map_or(UNTOLD, |lifetime| {
        // With a fifth of its life left, or a minute of a long one.
        lifetime.saturating_sub((lifetime / 5).min(Duration::from_secs(60)))
    });
    Ok(Fresh { token: token.to_owned(), kind, lifetime, refresh: refresh.max(SHORTEST) })
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

/// An error and what caused it, without the URL, which is named already.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
