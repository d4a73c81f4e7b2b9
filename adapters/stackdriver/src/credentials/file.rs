//! Files of credentials, as Google's console, gcloud and workload identity federation write them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mixer_adapter_sdk::Secret;
use serde::Deserialize;

/// What a file holds. The secrets of it are not shown.
#[derive(Debug)]
pub(super) enum CredentialFile {
    ServiceAccount(ServiceAccount),
    AuthorizedUser(AuthorizedUser),
    ExternalAccount(Box<ExternalAccount>),
}

/// The key of a service account.
#[derive(Debug, Deserialize)]
pub(super) struct ServiceAccount {
    pub(super) client_email: String,
    #[serde(default)]
    pub(super) private_key_id: String,
    #[serde(deserialize_with = "secret")]
    pub(super) private_key: Secret,
    #[serde(default = "google_token_uri")]
    pub(super) token_uri: String,
    project_id: Option<String>,
    quota_project_id: Option<String>,
}

/// What `gcloud auth application-default login` leaves.
#[derive(Debug, Deserialize)]
pub(super) struct AuthorizedUser {
    pub(super) client_id: String,
    #[serde(deserialize_with = "secret")]
    pub(super) client_secret: Secret,
    #[serde(deserialize_with = "secret")]
    pub(super) refresh_token: Secret,
    #[serde(default = "google_token_uri")]
    pub(super) token_uri: String,
    quota_project_id: Option<String>,
}

/// Workload identity federation: somebody else vouches for us.
#[derive(Debug, Deserialize)]
pub(super) struct ExternalAccount {
    pub(super) audience: String,
    pub(super) subject_token_type: String,
    pub(super) token_url: String,
    pub(super) credential_source: CredentialSource,
    pub(super) service_account_impersonation_url: Option<String>,
    quota_project_id: Option<String>,
}

/// Where the other one's word is.
#[derive(Debug, Deserialize)]
pub(super) struct CredentialSource {
    pub(super) file: Option<PathBuf>,
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) format: Format,
    environment_id: Option<String>,
    executable: Option<serde_json::Value>,
    certificate: Option<serde_json::Value>,
}

/// In which form it is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Format {
    #[serde(default)]
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) subject_token_field_name: String,
}

impl CredentialFile {
    /// Reads a file. Texts of errors hold nothing of it but names.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Kind {
            r#type: String,
        }
        let kind: Kind = serde_json::from_str(text)
            .map_err(|error| format!("is no file of credentials: {}", place(&error)))?;
        let wrong = |error: serde_json::Error| format!("as `{}`: {}", kind.r#type, place(&error));
        match kind.r#type.as_str() {
            "service_account" => Ok(Self::ServiceAccount(serde_json::from_str(text).map_err(wrong)?)),
            "authorized_user" => Ok(Self::AuthorizedUser(serde_json::from_str(text).map_err(wrong)?)),
            "external_account" => {
                let account: ExternalAccount = serde_json::from_str(text).map_err(wrong)?;
                account.credential_source.check()?;
                Ok(Self::ExternalAccount(Box::new(account)))
            }
            other => Err(format!(
                "credentials of type `{other}` are not possible; use service_account, authorized_user or external_account"
            )),
        }
    }

    /// The project of the credentials, and the project that pays for calls.
    pub(super) fn projects(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::ServiceAccount(account) => (account.project_id.clone(), account.quota_project_id.clone()),
            Self::AuthorizedUser(user) => (None, user.quota_project_id.clone()),
            Self::ExternalAccount(external) => (None, external.quota_project_id.clone()),
        }
    }
}

impl CredentialSource {
    fn check(&self) -> Result<(), String> {
        let not_possible = [
            (self.environment_id.is_some(), "environment_id (AWS)"),
            (self.executable.is_some(), "executable"),
            (self.certificate.is_some(), "certificate"),
        ];
        if let Some((_, name)) = not_possible.iter().find(|(there, _)| *there) {
            return Err(format!("credential_source.{name} is not possible; use file or url"));
        }
        if self.file.is_some() == self.url.is_some() {
            return Err("credential_source must have either file or url".to_owned());
        }
        Ok(())
    }
}

/// What is wrong, without what the file holds: serde tells values that it did not expect.
fn place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("missing field ") {
        Some(_) => text,
        None => format!("not the expected JSON at line {} column {}", error.line(), error.column()),
    }
}

fn google_token_uri() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}
