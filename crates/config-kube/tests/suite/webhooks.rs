//! The webhook's certificates: made, shared, rotated, and trusted all the time.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_config::CompileOptions;
use mixer_config_kube::{Reviewer, Webhook, WebhookOptions};
use mixer_kube_sim::{Fault, When};
use serde_json::{Value, json};

use crate::world::{Replica, World, adapters, eventually, rule, status_options};

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const SECRET: &str = "/api/v1/namespaces/istio-system/secrets/mixs-webhook-ca";

struct Served {
    world: World,
    replica: Replica,
    life: Duration,
}

impl Served {
    async fn new(life: Duration) -> Self {
        let world = World::sim().await;
        let replica = Replica::start(world.source(), status_options(&world, "one"));
        let mut state = replica.state.clone();
        state.wait_for(|update| update.content.is_some()).await.unwrap();
        Self { world, replica, life }
    }

    async fn webhook(&self) -> Webhook {
        let options = WebhookOptions {
            address: ([127, 0, 0, 1], 0).into(),
            names: vec!["127.0.0.1".to_owned()],
            look: Duration::from_millis(50),
            authority_life: self.life,
            certificate_life: self.life / 2,
            ..WebhookOptions::default()
        };
        let reviewer = Reviewer {
            registry: adapters(),
            compile: CompileOptions::default(),
            state: self.replica.state.clone(),
        };
        let client = self.world.client.clone();
        Webhook::start(client, options, reviewer, self.replica.metrics.clone()).await.unwrap()
    }

    async fn configure(&self, webhook: &Webhook) {
        let url = format!("https://127.0.0.1:{}/validate", webhook.address().port());
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "mixs"},
            "webhooks": [{"name": "config.mixs.istio.io", "failurePolicy": "Fail", "clientConfig": {"url": url}}],
        });
        self.world.apply(WEBHOOKS, &configuration).await;
    }

    fn secret(&self, field: &str) -> Option<String> {
        let secret = self.world.play().object(SECRET)?;
        let text = STANDARD.decode(secret["data"][field].as_str()?).ok()?;
        String::from_utf8(text).ok()
    }

    /// Whether the API server can ask, which a webhook that fails closed shows.
    async fn asks(&self) -> bool {
        let result = self.world.create("rule", "bad", rule("1 +")).await;
        result.is_err_and(|error| error.contains("spec.match"))
    }
}

#[tokio::test]
async fn replicas_share_one_authority() {
    let served = Served::new(Duration::from_secs(3600)).await;
    let (one, two) = (served.webhook().await, served.webhook().await);
    served.configure(&one).await;
    eventually("one to be asked", || async { served.asks().await }).await;
    let authority = served.secret("ca.crt").unwrap();
    served.configure(&two).await;
    eventually("two to be asked", || async { served.asks().await }).await;
    assert_eq!(served.secret("ca.crt").unwrap(), authority);
    assert!(served.secret("previous.crt").is_none());
}

#[tokio::test]
async fn authorities_and_certificates_rotate_under_trust() {
    // An authority is replaced after two thirds of six seconds.
    let served = Served::new(Duration::from_secs(6)).await;
    let webhook = served.webhook().await;
    served.configure(&webhook).await;
    eventually("to be asked", || async { served.asks().await }).await;
    let first = served.secret("ca.crt").unwrap();
    let mut refused = 0;
    let rotated = || served.secret("previous.crt").is_some_and(|previous| previous == first);
    let deadline = std::time::Instant::now() + crate::world::PATIENCE;
    while !rotated() {
        assert!(std::time::Instant::now() < deadline, "no rotation");
        refused += usize::from(served.asks().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(refused > 0);
    let second = served.secret("ca.crt").unwrap();
    assert_ne!(first, second);
    let path = format!("{WEBHOOKS}/mixs");
    let bundle = || {
        let object = served.world.play().object(&path).unwrap();
        let bundle = object
            .pointer("/webhooks/0/clientConfig/caBundle")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        String::from_utf8(STANDARD.decode(bundle).unwrap()).unwrap()
    };
    eventually("both in the bundle", || async {
        bundle() == format!("{second}{first}") || served.secret("ca.crt").as_deref() != Some(&second)
    })
    .await;
    eventually("to be asked under the new one", || async { served.asks().await }).await;
}

#[tokio::test]
async fn failures_on_the_way_are_overcome() {
    let served = Served::new(Duration::from_secs(3600)).await;
    let play = served.world.play();
    play.fault(When::line(&["GET", "/secrets/"]), Fault::Status(500, None));
    play.fault(When::line(&["POST", "/secrets"]), Fault::Status(409, None));
    play.fault(When::line(&["PUT", "/validatingwebhookconfigurations/"]), Fault::Meddle);
    // A Secret that a chart made empty.
    play.put(
        SECRET,
        json!({"kind": "Secret", "metadata": {"name": "mixs-webhook-ca", "namespace": "istio-system"}}),
    );
    let webhook = served.webhook().await;
    served.configure(&webhook).await;
    eventually("to be asked", || async { served.asks().await }).await;
}

/// The client of the API server speaks TLS and trusts what the kubeconfig says, nothing else: tried on the webhook's
/// port, which is a server of ours.
#[tokio::test]
async fn a_kubeconfig_says_which_authority_is_trusted() {
    let served = Served::new(Duration::from_secs(3600)).await;
    let webhook = served.webhook().await;
    eventually("an authority", || async { served.secret("ca.crt").is_some() }).await;
    served.configure(&webhook).await;
    eventually("a certificate", || async { served.asks().await }).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap().cert.pem();
    for (authority, is_trusted) in [(served.secret("ca.crt").unwrap(), true), (other, false)] {
        let text = served.world.play().kubeconfig();
        let cluster = format!(
            "server: \"https://127.0.0.1:{}\", certificate-authority-data: {}",
            webhook.address().port(),
            STANDARD.encode(authority)
        );
        let text = text.replace(&format!("server: \"{}\"", served.world.play().url()), &cluster);
        std::fs::write(&file, text).unwrap();
        let client = mixer_config_kube::connect(Some(&file)).await.unwrap().client;
        let answer = client.request_text(http::Request::get("/healthz").body(Vec::new()).unwrap()).await;
        assert_eq!(answer.is_ok(), is_trusted, "{answer:?}");
    }
}
