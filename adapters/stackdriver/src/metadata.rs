//! The metadata server of Google Cloud: where we run, and tokens of the machine's service account. It is asked directly,
//! never through a proxy.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mixer_adapter_sdk::delivery::http::{HttpClient, HttpOptions, HttpOptionsError, ProxySettings, Url};

use crate::environment::Environment;

const DEFAULT_HOST: &str = "metadata.google.internal";
/// It is next to us: who is not there in this time is not there at all.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The metadata server.
#[derive(Clone, Debug)]
pub(crate) struct MetadataServer {
    client: HttpClient,
    /// None when the environment says that there is none.
    base: Option<Url>,
}

/// Something cannot be had from the metadata server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metadata server: {0}")]
pub(crate) struct MetadataError(String);

impl MetadataServer {
    /// The server that GCE_METADATA_HOST names, or the usual one. With NO_GCE_CHECK=true there is none.
    pub(crate) fn new(environment: &Environment) -> Result<Self, HttpOptionsError> {
        let client = HttpClient::new(&HttpOptions {
            timeout: TIMEOUT,
            connect_timeout: TIMEOUT,
            proxy: ProxySettings::default(),
            ..HttpOptions::default()
        })?;
        let host = environment.get("GCE_METADATA_HOST");
        let none = environment.get("NO_GCE_CHECK").is_some_and(|value| value == "true") && host.is_none();
        let base = format!("http://{}/computeMetadata/v1/", host.as_deref().unwrap_or(DEFAULT_HOST));
        let base = base.parse().map_err(|_| {
            HttpOptionsError::Client("GCE_METADATA_HOST is not an address; write it as host:port".to_owned())
        })?;
        Ok(Self { client, base: (!none).then_some(base) })
    }

    /// What stands at a path.
    pub(crate) async fn get(&self, path: &str) -> Result<String, MetadataError> {
        let Some(base) = &self.base else {
            return Err(MetadataError("NO_GCE_CHECK says that there is none".to_owned()));
        };
        let url = base.join(path).map_err(|error| MetadataError(error.to_string()))?;
        let mut headers = HeaderMap::new();
        // Without it the server refuses: a page in a browser cannot set it.
        headers.insert(HeaderName::from_static("metadata-flavor"), HeaderValue::from_static("Google"));
        let answer = self.client.get(&url, headers).await;
        let answer = answer.map_err(|error| MetadataError(format!("{path}: {error}")))?;
        if answer.status != StatusCode::OK {
            return Err(MetadataError(format!("{path}: status {}", answer.status)));
        }
        Ok(String::from_utf8_lossy(&answer.body).trim().to_owned())
    }

    /// The project.
    pub(crate) async fn project_id(&self) -> Result<String, MetadataError> {
        self.get("project/project-id").await
    }

    /// The name of the cluster, which only machines of a cluster have.
    pub(crate) async fn cluster_name(&self) -> Result<String, MetadataError> {
        self.get("instance/attributes/cluster-name").await
    }

    /// The place of the cluster, or of the machine.
    pub(crate) async fn location(&self) -> Result<String, MetadataError> {
        match self.get("instance/attributes/cluster-location").await {
            Ok(location) if !location.is_empty() => Ok(location),
            // `projects/123/zones/us-central1-a`
            _ => Ok(last_part(&self.get("instance/zone").await?)),
        }
    }

    /// A token of the machine's service account, as the server tells it.
    pub(crate) async fn token(&self, scope: &str) -> Result<String, MetadataError> {
        let scope: String = url::form_urlencoded::byte_serialize(scope.as_bytes()).collect();
        self.get(&format!("instance/service-accounts/default/token?scopes={scope}")).await
    }
}

fn last_part(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
