//! `--selfTest`: builds one handler and lets it check its backend, without serving anything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mixer_adapter_api::{Adapter, HandlerSpec};

use super::error::ServeError;
use crate::params;

/// How long the backend may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tests a configuration; without a file that of a handler without `params`.
pub(super) async fn run(adapter: Arc<dyn Adapter>, file: Option<&Path>) -> Result<(), ServeError> {
    let failed = |message: String| Err(ServeError::SelfTest(message));
    let info = *adapter.info();
    let params = match file {
        None => Bytes::new(),
        Some(file) => {
            let text = match tokio::fs::read_to_string(file).await {
                Ok(text) => text,
                Err(error) => return failed(format!("{} cannot be read: {error}", file.display())),
            };
            match params::encode(&info, &text) {
                Ok(params) => params,
                Err(problem) => return failed(format!("{}: {problem}", file.display())),
            }
        }
    };
    let spec = HandlerSpec { name: info.name.into(), params, instances: Vec::new() };
    let problems = adapter.validate(&spec);
    if !problems.is_empty() {
        return failed(format!("the configuration is not valid: {}", params::join(&problems)));
    }
    tracing::info!("the configuration is valid");
    let testing = async {
        let handler = match adapter.build(spec).await {
            Ok(handler) => handler,
            Err(error) => return failed(format!("the handler could not be built: {error}")),
        };
        let tested = handler.self_test().await;
        handler.close().await;
        tested.or_else(|error| failed(format!("the backend would not take what is sent: {error}")))
    };
    match tokio::time::timeout(PATIENCE, testing).await {
        Ok(tested) => tested?,
        Err(_) => return failed(format!("the backend has not answered within {PATIENCE:?}")),
    }
    tracing::info!(adapter = info.name, "the self-test passed");
    Ok(())
}
