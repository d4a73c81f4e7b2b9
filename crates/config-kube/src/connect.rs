//! The way to the API server: from inside a cluster by the service account, from outside by a kubeconfig file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::request::chain;

/// Where the service account's namespace stands inside a pod.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// There is no way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No service account.
    #[error(
        "this process runs in no Kubernetes cluster that it can find ({0}); write k8s:///absolute/path/of/kubeconfig, or \
         let the pod mount its service account's token"
    )]
    NotInCluster(String),
    /// A kubeconfig file that cannot be used.
    #[error("the kubeconfig {} cannot be used: {message}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// TLS or addresses that cannot be used.
    #[error("the client of the API server cannot be made: {0}")]
    Client(String),
}

/// Whose API server it is.
#[derive(Clone)]
pub struct Place {
    /// The API server.
    pub client: Client,
    /// Its address.
    pub address: String,
    /// The namespace of the process, or of the kubeconfig's context.
    pub namespace: String,
}

/// Whether this process runs in a pod.
pub fn in_cluster() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

/// Makes a client; nothing is asked yet. Must be called on a runtime.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Place, ConnectError> {
    let mut config = match kubeconfig {
        None => Config::incluster().map_err(|error| ConnectError::NotInCluster(chain(&error)))?,
        Some(path) => from_file(path).await?,
    };
    // Failures are seen, counted and waited for where the requests are made.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    let address = config.cluster_url.to_string();
    let namespace = match kubeconfig {
        None => std::fs::read_to_string(NAMESPACE)
            .map_or_else(|_| config.default_namespace.clone(), |text| text.trim().to_owned()),
        Some(_) => config.default_namespace.clone(),
    };
    let client = Client::try_from(config).map_err(|error| ConnectError::Client(chain(&error)))?;
    Ok(Place { client, address, namespace })
}

async fn from_file(path: &Path) -> Result<Config, ConnectError> {
    let unusable = |message| ConnectError::Kubeconfig { path: path.to_owned(), message };
    let file = Kubeconfig::read_from(path).map_err(|error| unusable(chain(&error)))?;
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(file, &options).await.map_err(|error| unusable(chain(&error)))
}
