//! Keeps certificates: one authority in a Secret for all replicas, its certificate in the webhook configuration, and a
//! certificate of its own for each replica. Whoever comes first makes what is missing; conflicts mean that somebody was
//! faster.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::WebhookOptions;
use super::certificates::{Authority, seconds};
use super::serve::Certificate;
use crate::backoff::Backoff;
use crate::metrics::KubeMetrics;
use crate::request::{Api, Cause, Failure};

/// The Secret's fields.
const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";
const ENDS: &str = "ca.ends";
/// The authority before, which certificates that are in use may still come from.
const PREVIOUS: &str = "previous.crt";

pub(super) struct Keeper {
    pub(super) api: Api,
    pub(super) options: WebhookOptions,
    pub(super) certificate: Arc<Certificate>,
    pub(super) metrics: KubeMetrics,
}

/// What the Secret says.
struct Shared {
    authority: Authority,
    previous: String,
    resource_version: String,
}

impl Keeper {
    pub(super) async fn run(self) {
        let mut backoff = Backoff::new(Duration::from_secs(1).min(self.options.look), self.options.look);
        let mut said = None;
        let mut serving: Option<(Authority, u64)> = None;
        loop {
            match self.step(&mut serving).await {
                Ok(()) => {
                    backoff.reset();
                    said = None;
                    sleep(self.options.look.mul_f64(0.8 + fastrand::f64() * 0.4)).await;
                }
                Err(failure) => {
                    self.metrics.certificates.with_label_values(&[failure.cause.word()]).inc();
                    if said.as_deref() != Some(&*failure.message) {
                        tracing::warn!("the webhook's certificates cannot be kept: {failure}");
                        said = Some(failure.message.clone());
                    }
                    backoff.wait(&failure).await;
                }
            }
        }
    }

    /// One look at everything.
    async fn step(&self, serving: &mut Option<(Authority, u64)>) -> Result<(), Failure> {
        let now = SystemTime::now();
        let shared = self.shared(now).await?;
        let renew = match serving {
            None => true,
            Some((authority, ends)) => {
                *authority != shared.authority || seconds(now + self.options.certificate_life / 3) >= *ends
            }
        };
        // The API server has to trust a certificate before it sees it. Without a configuration nobody asks, and the
        // certificate can be there already.
        let trusted = self.trust(&shared).await;
        if renew {
            let issued = shared
                .authority
                .issue(&self.options.names, now, self.options.certificate_life)
                .map_err(|error| broken(&error.to_string()))?;
            let ends = issued.ends;
            self.certificate.set(issued).map_err(|error| broken(&error))?;
            self.metrics.certificates.with_label_values(&["issued"]).inc();
            self.metrics.certificate_end.set(i64::try_from(ends).unwrap_or(i64::MAX));
            tracing::info!(names = ?self.options.names, ends, "the webhook has a new certificate");
            *serving = Some((shared.authority, ends));
        }
        trusted
    }

    /// The authority that all replicas share; a new one when there is none or it is old.
    async fn shared(&self, now: SystemTime) -> Result<Shared, Failure> {
        let (collection, name) =
            (format!("/api/v1/namespaces/{}/secrets", self.options.namespace), &self.options.secret);
        let path = format!("{collection}/{name}");
        loop {
            let before = match self.api.get(&path).await {
                Ok(secret) => Some(secret),
                Err(failure) if failure.cause == Cause::Missing => None,
                Err(failure) => return Err(failure),
            };
            let shared = before.as_ref().and_then(read);
            if let Some(shared) = shared {
                if !shared.authority.is_old(now, self.options.authority_life) {
                    return Ok(shared);
                }
                let secret = self.secret(now, Some(&shared))?;
                self.put(&collection, Some(&path), &secret).await?;
            } else {
                // A Secret that was made empty by a chart is filled.
                let mut secret = self.secret(now, None)?;
                if let Some(version) = before.as_ref().and_then(crate::object::resource_version) {
                    secret["metadata"]["resourceVersion"] = version.into();
                }
                self.put(&collection, before.as_ref().map(|_| path.as_str()), &secret).await?;
            }
        }
    }

    async fn put(&self, collection: &str, path: Option<&str>, secret: &Value) -> Result<(), Failure> {
        let result = match path {
            Some(path) => self.api.replace(path, secret).await,
            None => self.api.create(collection, secret).await,
        };
        match result {
            Ok(_) => {
                self.metrics.certificates.with_label_values(&["authority"]).inc();
                tracing::info!(secret = %self.options.secret, "the webhook has a new authority");
                Ok(())
            }
            // Another replica was faster; its authority is as good.
            Err(failure) if failure.cause == Cause::Conflict => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn secret(&self, now: SystemTime, before: Option<&Shared>) -> Result<Value, Failure> {
        let authority =
            Authority::new(now, self.options.authority_life).map_err(|error| broken(&error.to_string()))?;
        let encoded = |text: &str| STANDARD.encode(text);
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": self.options.secret, "namespace": self.options.namespace},
            "data": {
                CERTIFICATE: encoded(&authority.certificate),
                KEY: encoded(&authority.key),
                ENDS: encoded(&authority.ends.to_string()),
            },
        });
        if let Some(before) = before {
            secret["data"][PREVIOUS] = encoded(&before.authority.certificate).into();
            secret["metadata"]["resourceVersion"] = before.resource_version.as_str().into();
        }
        Ok(secret)
    }

    /// Puts the authorities into every webhook of the configuration.
    async fn trust(&self, shared: &Shared) -> Result<(), Failure> {
        let root = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
        let path = format!("{root}/{}", self.options.configuration);
        let bundle = STANDARD.encode(format!("{}{}", shared.authority.certificate, shared.previous));
        let mut configuration = self.api.get(&path).await.map_err(|mut failure| {
            if failure.cause == Cause::Missing {
                failure.message = format!(
                    "there is no ValidatingWebhookConfiguration {}, so no API server asks; apply one, or leave out --webhook",
                    self.options.configuration
                );
            }
            failure
        })?;
        let mut changed = false;
        for webhook in configuration.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(client) = webhook.get_mut("clientConfig").and_then(Value::as_object_mut) else {
                continue;
            };
            if client.get("caBundle").and_then(Value::as_str) != Some(&bundle) {
                client.insert("caBundle".to_owned(), bundle.as_str().into());
                changed = true;
            }
        }
        if !changed {
            return Ok(());
        }
        match self.api.replace(&path, &configuration).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.cause == Cause::Conflict => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

fn read(secret: &Value) -> Option<Shared> {
    let field = |name: &str| {
        let bytes = STANDARD.decode(secret.get("data")?.get(name)?.as_str()?).ok()?;
        String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    };
    Some(Shared {
        authority: Authority {
            certificate: field(CERTIFICATE)?,
            key: field(KEY)?,
            ends: field(ENDS)?.parse().ok()?,
        },
        previous: field(PREVIOUS).unwrap_or_default(),
        resource_version: crate::object::resource_version(secret).unwrap_or_default().to_owned(),
    })
}

fn broken(message: &str) -> Failure {
    Failure::new(
        Cause::Malformed,
        format!("a certificate cannot be made: {message}; delete the Secret to start anew"),
    )
}
