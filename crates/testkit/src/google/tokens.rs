//! Token endpoints (service accounts, users, federation, impersonation) and the metadata server.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::Response;
use hyper::http::request::Parts;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value as Json, json};

use super::{Body, header, respond};

const EMAIL: &str = "mixer@project.iam.gserviceaccount.com";
const KEYS: &[(&str, &str)] = &[("key-1", include_str!("key1.pem")), ("key-2", include_str!("key2.pem"))];
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

#[derive(Debug)]
pub(super) struct Tokens {
    address: SocketAddr,
    project: String,
    /// Public keys.
    keys: HashMap<String, Vec<u8>>,
    issued: HashMap<String, Instant>,
    count: usize,
    pub(super) lifetime: Duration,
    pub(super) script: VecDeque<u16>,
}

/// What a token endpoint says of a request that it does not grant.
type Denied = (&'static str, String);

impl Tokens {
    pub(super) fn new(address: SocketAddr, project: &str) -> io::Result<Self> {
        let mut keys = HashMap::new();
        for (id, pem) in KEYS {
            let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)?;
            let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
            let pair = pair.map_err(|error| io::Error::other(error.to_string()))?;
            keys.insert((*id).to_owned(), pair.public().as_ref().to_vec());
        }
        Ok(Self {
            address,
            project: project.to_owned(),
            keys,
            issued: HashMap::new(),
            count: 0,
            lifetime: Duration::from_secs(3600),
            script: VecDeque::new(),
        })
    }

    pub(super) fn service_account(&self, key: &str) -> String {
        let pem = KEYS.iter().find(|(id, _)| *id == key).map(|(_, pem)| *pem);
        json!({
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": key,
            "private_key": pem,
            "client_email": EMAIL,
            "token_uri": format!("http://{}/token", self.address),
        })
        .to_string()
    }

    pub(super) fn authorized_user(&self) -> String {
        json!({
            "type": "authorized_user",
            "client_id": "client",
            "client_secret": "client-secret",
            "refresh_token": "refresh-token",
            "token_uri": format!("http://{}/token", self.address),
            "quota_project_id": "paying",
        })
        .to_string()
    }

    pub(super) fn external_account(&self, source: &Json, impersonated: bool) -> String {
        let mut file = json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("http://{}/sts", self.address),
            "credential_source": source,
        });
        if let Some(file) = file.as_object_mut().filter(|_| impersonated) {
            let url = format!("http://{}/impersonate/{EMAIL}:generateAccessToken", self.address);
            file.insert("service_account_impersonation_url".to_owned(), url.into());
        }
        file.to_string()
    }

    pub(super) fn revoke(&mut self, key: &str) {
        self.keys.remove(key);
        self.expire();
    }

    pub(super) fn expire(&mut self) {
        self.issued.clear();
    }

    /// Whether a token is one of ours, or one that a service account has signed for this API.
    pub(super) fn is_good(&self, token: &str, api: &str, token_uri: &str) -> bool {
        if self.issued.get(token).is_some_and(|ends| *ends > Instant::now()) {
            return true;
        }
        let audience = format!("https://{api}.googleapis.com/");
        self.verify(token).is_ok_and(|claims| {
            text(&claims, "aud") == audience
                && text(&claims, "aud") != token_uri
                && text(&claims, "iss") == EMAIL
                && text(&claims, "sub") == EMAIL
        })
    }

    /// Answers what is for token endpoints or the metadata server.
    pub(super) fn answer(&mut self, parts: &Parts, body: &Bytes) -> Option<Response<Body>> {
        let path = parts.uri.path();
        if let Some(path) = path.strip_prefix("/computeMetadata/v1/") {
            return Some(self.metadata(parts, path));
        }
        let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let granted = match path {
            "/token" | "/sts" => {
                let typed = header(parts, "content-type") == "application/x-www-form-urlencoded";
                match (typed, path) {
                    (false, _) => Err(("invalid_request", "no form".to_owned())),
                    (true, "/token") => self.grant(&form),
                    (true, _) => self.exchange(&form),
                }
            }
            "/subject" if header(parts, "x-subject") == "yes" => {
                return Some(respond(200, &json!({"id_token": "subject-token"})));
            }
            "/subject" => return Some(respond(403, &json!({}))),
            path if path.starts_with("/impersonate/") => return Some(self.impersonate(parts, body)),
            _ => return None,
        };
        if let Some(status) = self.script.pop_front() {
            return Some(respond(status, &json!({"error": "temporarily_unavailable"})));
        }
        Some(match granted {
            Ok(()) => respond(200, &self.issue()),
            Err((error, description)) => {
                respond(400, &json!({"error": error, "error_description": description}))
            }
        })
    }

    fn issue(&mut self) -> Json {
        self.count += 1;
        let token = format!("token-{}", self.count);
        self.issued.insert(token.clone(), Instant::now() + self.lifetime);
        json!({"access_token": token, "expires_in": self.lifetime.as_secs(), "token_type": "Bearer", "issued_token_type": ACCESS_TOKEN})
    }

    fn grant(&self, form: &HashMap<String, String>) -> Result<(), Denied> {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        match field("grant_type") {
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                let claims = self.verify(field("assertion")).map_err(|error| ("invalid_grant", error))?;
                let good = text(&claims, "iss") == EMAIL
                    && text(&claims, "aud") == format!("http://{}/token", self.address)
                    && text(&claims, "scope") == SCOPE;
                if good { Ok(()) } else { Err(("invalid_grant", format!("claims {claims}"))) }
            }
            "refresh_token" => {
                let wanted = [
                    ("client_id", "client"),
                    ("client_secret", "client-secret"),
                    ("refresh_token", "refresh-token"),
                ];
                match wanted.iter().all(|(name, value)| field(name) == *value) {
                    true => Ok(()),
                    false => Err(("invalid_grant", "Token has been expired or revoked.".to_owned())),
                }
            }
            other => Err(("unsupported_grant_type", other.to_owned())),
        }
    }

    fn exchange(&self, form: &HashMap<String, String>) -> Result<(), Denied> {
        let wanted = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("subject_token", "subject-token"),
            ("scope", SCOPE),
        ];
        for (name, value) in wanted {
            if form.get(name).map(String::as_str) != Some(value) {
                return Err(("invalid_request", format!("{name} is {:?}", form.get(name))));
            }
        }
        let audience = form.get("audience").is_some_and(|audience| audience.starts_with("//iam."));
        if audience { Ok(()) } else { Err(("invalid_target", "audience".to_owned())) }
    }

    fn impersonate(&mut self, parts: &Parts, body: &[u8]) -> Response<Body> {
        let token = header(parts, "authorization").strip_prefix("Bearer ").unwrap_or_default();
        let json: Json = serde_json::from_slice(body).unwrap_or_default();
        let scoped = json.get("scope").and_then(|scope| scope.get(0)) == Some(&SCOPE.into());
        if !self.issued.contains_key(token) || !scoped {
            let error = json!({"code": 401, "status": "UNAUTHENTICATED", "message": "no impersonation"});
            return respond(401, &json!({"error": error}));
        }
        let issued = self.issue();
        respond(
            200,
            &json!({"accessToken": issued.get("access_token"), "expireTime": "2100-01-01T00:00:00Z"}),
        )
    }

    fn metadata(&mut self, parts: &Parts, path: &str) -> Response<Body> {
        if header(parts, "metadata-flavor") != "Google" || parts.method != "GET" {
            return respond(403, &json!({}));
        }
        let text = match path {
            "project/project-id" => self.project.clone(),
            "instance/attributes/cluster-name" => "west".to_owned(),
            "instance/attributes/cluster-location" => "us-west1".to_owned(),
            "instance/zone" => "projects/1/zones/us-west1-a".to_owned(),
            "instance/service-accounts/default/token" => {
                if let Some(status) = self.script.pop_front() {
                    return respond(status, &json!({}));
                }
                return respond(200, &self.issue());
            }
            _ => return respond(404, &json!({})),
        };
        let body = http_body_util::Full::new(Bytes::from(text));
        Response::new(http_body_util::BodyExt::boxed_unsync(body))
    }

    /// The claims of a JWT that a key has signed and that is good now.
    fn verify(&self, jwt: &str) -> Result<Json, String> {
        let parts: Vec<&str> = jwt.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Err("no JWT".to_owned()) };
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string());
        let json = |part: &str| {
            let bytes = decode(part)?;
            serde_json::from_slice::<Json>(&bytes).map_err(|error| error.to_string())
        };
        let (head, own) = (json(header)?, json(claims)?);
        if (text(&head, "alg"), text(&head, "typ")) != ("RS256", "JWT") {
            return Err(format!("header {head}"));
        }
        let key = self.keys.get(text(&head, "kid")).ok_or("Invalid JWT Signature.")?;
        let message = format!("{header}.{claims}");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
            .verify(message.as_bytes(), &decode(signature)?)
            .map_err(|_| "Invalid JWT Signature.")?;
        let time = |name: &str| own.get(name).and_then(Json::as_u64).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (begins, ends) = (time("iat"), time("exp"));
        match begins <= now + 60 && ends > now && ends <= begins + 3600 {
            true => Ok(own),
            false => Err("Invalid JWT: Token must be a short-lived token.".to_owned()),
        }
    }
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}
