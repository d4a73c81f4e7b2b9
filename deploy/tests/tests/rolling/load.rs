//! A steady load through Envoy, each answer of which is looked at: requests that `mixs` has to let pass, Checks and Reports.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use mixer_attribute::Value;
use mixer_harness::{HttpClient, client};
use mixer_proto::mixer::v1::{CheckRequest, ReportRequest};
use mixer_rpc::mixer::v1::mixer_client::MixerClient;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::transport::{Channel, Endpoint};

use super::PATIENCE;
use super::cluster;
use super::configuration::PATH;
use super::envoy::{GRPC_PORT, HTTP_PORT};

/// Callers of each kind.
const CALLERS: usize = 3;

/// The time between two calls of a caller, if the answers come so fast.
const PERIOD: Duration = Duration::from_millis(20);

/// Bags of a Report.
const BAGS: usize = 4;

/// What became of the calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Requests of clients of Envoy that were answered.
    pub(crate) requests: usize,
    /// Checks that let pass.
    pub(crate) checks: usize,
    /// Ids of the bags that were acknowledged.
    pub(crate) acknowledged: Vec<String>,
    /// What the other calls came to.
    pub(crate) failures: Vec<String>,
}

impl Ledger {
    /// All calls.
    pub(crate) fn calls(&self) -> usize {
        self.requests + self.checks + self.acknowledged.len() / BAGS + self.failures.len()
    }

    /// Calls of the kind of which there were the fewest.
    fn least(&self) -> usize {
        self.requests.min(self.checks).min(self.acknowledged.len() / BAGS)
    }
}

/// A load that goes on until it is stopped.
pub(crate) struct Load {
    ledger: Arc<Mutex<Ledger>>,
    stop: Arc<AtomicBool>,
    callers: JoinSet<()>,
}

impl Load {
    /// Callers of an Envoy.
    pub(crate) fn start(envoy: Ipv4Addr) -> Self {
        let (ledger, stop) = (Arc::<Mutex<Ledger>>::default(), Arc::<AtomicBool>::default());
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (http, uri) = (client(), format!("http://{envoy}:{HTTP_PORT}{PATH}"));
            let channel =
                Endpoint::from_shared(format!("http://{envoy}:{GRPC_PORT}")).unwrap().connect_lazy();
            let caller = Caller { ledger: ledger.clone(), stop: stop.clone(), number };
            callers.spawn(caller.clone().requests(http, uri));
            callers.spawn(caller.clone().checks(MixerClient::new(channel.clone())));
            callers.spawn(caller.reports(MixerClient::new(channel)));
        }
        Self { ledger, stop, callers }
    }

    /// Waits until there were so many more calls of each kind, or something failed.
    pub(crate) async fn more(&self, calls: usize) {
        let before = self.ledger.lock().least();
        let enough = async {
            while self.ledger.lock().least() < before + calls {
                assert_eq!(self.ledger.lock().failures, [] as [String; 0]);
                tokio::time::sleep(PERIOD).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.unwrap();
    }

    /// Lets the calls that are under way finish.
    pub(crate) async fn stop(mut self) -> Ledger {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.callers.join_next().await {
            ended.unwrap();
        }
        self.ledger.lock().clone()
    }
}

#[derive(Clone)]
struct Caller {
    ledger: Arc<Mutex<Ledger>>,
    stop: Arc<AtomicBool>,
    number: usize,
}

impl Caller {
    /// Waits for the next turn; whether there is one.
    async fn turn(&self, clock: &mut Interval) -> bool {
        clock.tick().await;
        !self.stop.load(Ordering::SeqCst)
    }

    /// Notes how a call ended.
    fn note(&self, result: Result<(), String>, count: impl FnOnce(&mut Ledger)) {
        let mut ledger = self.ledger.lock();
        match result {
            Ok(()) => count(&mut ledger),
            Err(failure) => ledger.failures.push(failure),
        }
    }

    async fn requests(self, http: HttpClient, uri: String) {
        let mut clock = clock();
        while self.turn(&mut clock).await {
            let result = request(&http, &uri).await;
            self.note(result, |ledger| ledger.requests += 1);
        }
    }

    async fn checks(self, mut mixer: MixerClient<Channel>) {
        let mut clock = clock();
        while self.turn(&mut clock).await {
            let result = check(&mut mixer).await;
            self.note(result, |ledger| ledger.checks += 1);
        }
    }

    async fn reports(self, mut mixer: MixerClient<Channel>) {
        let (mut clock, mut round) = (clock(), 0);
        while self.turn(&mut clock).await {
            round += 1;
            let ids: Vec<String> = (0..BAGS).map(|bag| format!("{}-{round}-{bag}", self.number)).collect();
            let result = report(&mut mixer, &ids).await;
            self.note(result, |ledger| ledger.acknowledged.extend(ids));
        }
    }
}

fn clock() -> Interval {
    let mut clock = interval(PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}

async fn request(http: &HttpClient, uri: &str) -> Result<(), String> {
    let response =
        http.request(cluster::request(uri)).await.map_err(|error| format!("request: {error:?}"))?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| format!("request: {error:?}"))?;
    let body = body.to_bytes();
    match status == 200 && body == "hello" {
        true => Ok(()),
        false => Err(format!("request: {status} {}", String::from_utf8_lossy(&body))),
    }
}

async fn check(mixer: &mut MixerClient<Channel>) -> Result<(), String> {
    let bag = mixer_wire::compress([("request.path", &Value::text(PATH))], 0);
    let check = CheckRequest { attributes: Some(bag), ..CheckRequest::default() };
    let answer = mixer.check(check).await.map_err(|status| format!("Check: {status}"))?;
    let status = answer.into_inner().precondition.and_then(|result| result.status);
    match status.filter(|status| status.code != 0) {
        None => Ok(()),
        Some(status) => Err(format!("Check: {status:?}")),
    }
}

async fn report(mixer: &mut MixerClient<Channel>, ids: &[String]) -> Result<(), String> {
    let bag = |id: &String| mixer_wire::compress([("request.id", &Value::text(id))], 0);
    let report = ReportRequest {
        attributes: ids.iter().map(bag).collect(),
        repeated_attributes_semantics: 1,
        ..ReportRequest::default()
    };
    mixer.report(report).await.map(drop).map_err(|status| format!("Report: {status}"))
}
