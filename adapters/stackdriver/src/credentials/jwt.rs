//! Tokens that we sign with the key of a service account (RS256, RFC 7515 and 7519).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mixer_adapter_sdk::Secret;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;

use super::SCOPE;
use super::file::ServiceAccount;

/// The longest that Google takes.
const LIFETIME: Duration = Duration::from_secs(3600);

/// By which the token endpoint knows us.
pub(super) fn assertion(account: &ServiceAccount) -> Result<Secret, String> {
    let now = now();
    let claims = json!({
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now,
        "exp": now + LIFETIME.as_secs(),
    });
    sign(account, &claims)
}

/// A token that an API takes without the token endpoint, and how long it is good.
pub(super) fn for_audience(account: &ServiceAccount, audience: &str) -> Result<(Secret, Duration), String> {
    let now = now();
    let claims = json!({
        "iss": account.client_email,
        "sub": account.client_email,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME.as_secs(),
    });
    Ok((sign(account, &claims)?, LIFETIME))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn sign(account: &ServiceAccount, claims: &serde_json::Value) -> Result<Secret, String> {
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if !account.private_key_id.is_empty()
        && let Some(header) = header.as_object_mut()
    {
        header.insert("kid".to_owned(), account.private_key_id.clone().into());
    }
    let encode = |part: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(&header), encode(claims));
    let key = key(account.private_key.expose())?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .map_err(|_| "private_key cannot sign".to_owned())?;
    Ok(Secret::from(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
}

/// The key of PEM text, in either of its usual forms.
fn key(pem: &str) -> Result<RsaKeyPair, String> {
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes());
    let pair = match der.map_err(|_| "private_key is no key in PEM form".to_owned())? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err("private_key is no RSA key".to_owned()),
    };
    pair.map_err(|error| format!("private_key is not usable: {error}"))
}
