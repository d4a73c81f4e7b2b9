//! Tokens from token endpoints: the grants for service accounts (RFC 7523) and users (RFC 6749), and the exchange of somebody
//! else's token (RFC 8693) with impersonation of a service account.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mixer_adapter_sdk::Secret;
use mixer_adapter_sdk::delivery::http::{Answer, HttpClient, Url};
use serde::Deserialize;
use serde_json::json;

use super::file::{AuthorizedUser, CredentialSource, ExternalAccount, ServiceAccount};
use super::{SCOPE, Token, TokenError, jwt};
use crate::config::parse_endpoint;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Tokens of impersonated accounts are good for an hour.
const IMPERSONATED: Duration = Duration::from_secs(3600);

/// A token for the assertion of a service account.
pub(super) async fn grant(client: &HttpClient, account: &ServiceAccount) -> Result<Token, TokenError> {
    let assertion = jwt::assertion(account).map_err(TokenError)?;
    let form =
        [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.expose())];
    ask(client, "token_uri", &account.token_uri, &form).await
}

/// A token for the refresh token of a user.
pub(super) async fn refresh(client: &HttpClient, user: &AuthorizedUser) -> Result<Token, TokenError> {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", user.client_id.as_str()),
        ("client_secret", user.client_secret.expose()),
        ("refresh_token", user.refresh_token.expose()),
    ];
    ask(client, "token_uri", &user.token_uri, &form).await
}

/// A token for the word of somebody else.
pub(super) async fn exchange(client: &HttpClient, external: &ExternalAccount) -> Result<Token, TokenError> {
    let subject = subject(client, &external.credential_source).await?;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", external.audience.as_str()),
        ("scope", SCOPE),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token_type", external.subject_token_type.as_str()),
        ("subject_token", subject.expose()),
    ];
    let federated = ask(client, "token_url", &external.token_url, &form).await?;
    match &external.service_account_impersonation_url {
        None => Ok(federated),
        Some(url) => impersonate(client, url, federated).await,
    }
}

/// The word of somebody else.
async fn subject(client: &HttpClient, source: &CredentialSource) -> Result<Secret, TokenError> {
    let content = match (&source.file, &source.url) {
        (Some(file), _) => tokio::fs::read_to_string(file)
            .await
            .map_err(|error| TokenError(format!("{} cannot be read: {error}", file.display())))?,
        (None, Some(url)) => {
            // A server of the machine or the cluster, which need not speak TLS.
            let url =
                url.parse::<Url>().map_err(|_| TokenError("credential_source.url is no URL".to_owned()))?;
            let mut headers = HeaderMap::new();
            for (name, value) in &source.headers {
                let pair = (name.parse::<HeaderName>().ok(), HeaderValue::from_str(value).ok());
                let (Some(name), Some(mut value)) = pair else {
                    return Err(TokenError("credential_source.headers are no headers".to_owned()));
                };
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            let answer = client.get(&url, headers).await;
            let answer = answer.map_err(|error| TokenError(format!("credential_source.url: {error}")))?;
            if !answer.status.is_success() {
                return Err(TokenError(format!("credential_source.url: status {}", answer.status)));
            }
            String::from_utf8_lossy(&answer.body).into_owned()
        }
        (None, None) => return Err(TokenError("credential_source has neither file nor url".to_owned())),
    };
    if source.format.r#type != "json" {
        return Ok(Secret::from(content.trim()));
    }
    let name = &source.format.subject_token_field_name;
    let json: serde_json::Value = serde_json::from_str(&content).unwrap_or_default();
    match json.get(name).and_then(serde_json::Value::as_str) {
        Some(token) => Ok(Secret::from(token)),
        None => Err(TokenError(format!("credential_source: there is no text `{name}`"))),
    }
}

async fn impersonate(client: &HttpClient, url: &str, federated: Token) -> Result<Token, TokenError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Impersonated {
        access_token: String,
    }
    let url = parse_url("service_account_impersonation_url", url)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::AUTHORIZATION, federated.header);
    let lifetime = format!("{}s", IMPERSONATED.as_secs());
    let body = json!({"scope": [SCOPE], "lifetime": lifetime}).to_string();
    let answer = client.post(&url, headers, Bytes::from(body)).await;
    let answer = answer.map_err(|error| TokenError(format!("{url}: {error}")))?;
    match serde_json::from_slice::<Impersonated>(&answer.body) {
        Ok(made) if answer.status.is_success() => Token::new(&made.access_token, IMPERSONATED),
        _ => Err(refused(&url, &answer)),
    }
}

async fn ask(
    client: &HttpClient,
    field: &str,
    url: &str,
    form: &[(&str, &str)],
) -> Result<Token, TokenError> {
    let url = parse_url(field, url)?;
    let mut headers = HeaderMap::new();
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, form_type);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let answer = client.post(&url, headers, Bytes::from(body)).await;
    let answer = answer.map_err(|error| TokenError(format!("{url}: {error}")))?;
    match answer.status.is_success() {
        true => read_token(&answer.body),
        false => Err(refused(&url, &answer)),
    }
}

/// Secrets are only sent over TLS, or to this machine.
fn parse_url(field: &str, url: &str) -> Result<Url, TokenError> {
    let mut url = parse_endpoint(url).map_err(|why| TokenError(format!("{field} {why}")))?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// What a token endpoint or the metadata server answered.
pub(super) fn read_token(answer: &[u8]) -> Result<Token, TokenError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
        #[serde(default)]
        expires_in: u64,
    }
    match serde_json::from_slice::<Granted>(answer) {
        // A token that says nothing is good for an hour, as the others.
        Ok(granted) => {
            let seconds = if granted.expires_in == 0 { 3600 } else { granted.expires_in.min(86_400) };
            Token::new(&granted.access_token, Duration::from_secs(seconds))
        }
        Err(_) => Err(TokenError("the answer of the token endpoint holds no access_token".to_owned())),
    }
}

/// The words of RFC 6749, section 5.2, and no others, which could hold secrets.
fn refused(url: &Url, answer: &Answer) -> TokenError {
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let word = |value: Option<&serde_json::Value>| {
        value.and_then(serde_json::Value::as_str).unwrap_or_default().chars().take(200).collect::<String>()
    };
    let (error, description) = match json.get("error") {
        Some(error @ serde_json::Value::Object(_)) => (word(error.get("status")), word(error.get("message"))),
        error => (word(error), word(json.get("error_description"))),
    };
    TokenError(format!(
        "{url} answered {}: {error} {description}; are the credentials still valid, and is the clock right?",
        answer.status
    ))
}
