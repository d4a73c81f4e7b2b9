//! Asks validating webhooks before an object is stored, as an API server does: over TLS, trusting their `caBundle`
//! alone, with `failurePolicy`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::Shared;
use crate::objects::Refusal;

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// Asks every webhook whose rules name the group of the object.
pub(crate) async fn ask(
    shared: &Shared,
    method: &Method,
    path: &str,
    (old, new): (&Option<Value>, &Value),
) -> Result<(), Refusal> {
    if !path.starts_with("/apis/config.istio.io/") {
        return Ok(());
    }
    let configurations = shared.state().objects.list(WEBHOOKS);
    let webhooks: Vec<Value> = configurations
        .iter()
        .filter_map(|(_, one)| one.get("webhooks").and_then(Value::as_array))
        .flatten()
        .cloned()
        .collect();
    let operation = match *method {
        Method::POST => "CREATE",
        Method::DELETE => "DELETE",
        _ => "UPDATE",
    };
    for webhook in &webhooks {
        let object = if new.is_null() { old.clone().unwrap_or_default() } else { new.clone() };
        let text = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
                "kind": {"group": "config.istio.io", "version": "v1alpha2", "kind": text("/kind")},
                "name": text("/metadata/name"), "namespace": text("/metadata/namespace"),
                "operation": operation, "object": new, "oldObject": old, "dryRun": false,
            },
        });
        let answer = tokio::time::timeout(Duration::from_secs(10), call(webhook, &review)).await;
        let fails_closed = webhook.get("failurePolicy").and_then(Value::as_str) != Some("Ignore");
        match answer.unwrap_or_else(|_| Err("timeout".to_owned())) {
            Ok(answer) => {
                if answer.pointer("/response/allowed") != Some(&Value::Bool(true)) {
                    let said = answer
                        .pointer("/response/status/message")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    return Err((403, format!("admission webhook denied the request: {said}")));
                }
            }
            Err(error) if fails_closed => return Err((500, format!("failed calling webhook: {error}"))),
            Err(_) => {}
        }
    }
    Ok(())
}

async fn call(webhook: &Value, review: &Value) -> Result<Value, String> {
    let url =
        webhook.pointer("/clientConfig/url").and_then(Value::as_str).ok_or("clientConfig.url is missing")?;
    let url = url::Url::parse(url).map_err(|error| error.to_string())?;
    let host = url.host_str().ok_or("no host")?.to_owned();
    let bundle = webhook.pointer("/clientConfig/caBundle").and_then(Value::as_str).unwrap_or_default();
    let bundle = STANDARD.decode(bundle).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bundle) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let port = url.port_or_known_default().unwrap_or(443);
    let stream =
        tokio::net::TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let request = Request::post(url.path())
        .header("host", host)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(review.to_string())))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let code = response.status();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    connection.abort();
    match code.is_success() {
        true => serde_json::from_slice(&body).map_err(|error| error.to_string()),
        false => Err(format!("{code}: {}", String::from_utf8_lossy(&body))),
    }
}
