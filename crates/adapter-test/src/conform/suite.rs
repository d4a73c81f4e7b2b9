//! One run: the connection, the calls, and what is remembered between cases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mixer_proto::adapter::v1beta1 as model;
use mixer_template::{Template, Variety};
use prost::Message as _;
use prost_types::Any;
use tokio::sync::Mutex;

use super::Options;
use super::client::{Answer, Connection, Place, Way};
use super::frame::HandleRequest;
use super::observe::{self, Channel, Line};
use super::sample::{Sample, Sent};
use super::target::Target;

/// Why a case does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Fail(String),
    Skip(String),
}

impl From<String> for Stop {
    /// No answer at all.
    fn from(text: String) -> Self {
        Self::Fail(text)
    }
}

pub(crate) type Outcome = Result<(), Stop>;

pub(crate) fn fail<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Fail(text.into()))
}

pub(crate) fn skip<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Skip(text.into()))
}

/// A run.
pub(crate) struct Suite {
    pub(crate) target: Target,
    pub(crate) options: Options,
    pub(crate) services: Vec<Arc<Template>>,
    /// What calls carry: the configuration, or the id of a session.
    pub(crate) config: Option<Any>,
    pub(crate) channel: Channel,
    pub(crate) way: Way,
    pub(crate) observed: AtomicBool,
    connection: Mutex<Option<Arc<Connection>>>,
    run: u32,
    counter: AtomicU64,
}

impl Suite {
    pub(crate) fn new(target: Target, channel: Channel, options: Options) -> Self {
        Self {
            way: Way {
                place: Place::parse(&target.address),
                tls: target.tls.clone(),
                headers: target.headers.clone(),
            },
            services: target.templates.clone(),
            config: None,
            target,
            options,
            channel,
            observed: AtomicBool::new(false),
            connection: Mutex::new(None),
            run: fastrand::u32(..),
            counter: AtomicU64::new(0),
        }
    }

    /// Text that no other call of any run has.
    pub(crate) fn mark(&self) -> String {
        format!("{:08x}-{}", self.run, self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        Connection::open(&self.way, self.options.patience).await
    }

    /// The connection that cases share, made anew when it is gone.
    pub(crate) async fn shared(&self) -> Result<Arc<Connection>, String> {
        let mut connection = self.connection.lock().await;
        if let Some(open) = &*connection {
            return Ok(open.clone());
        }
        let opened = Arc::new(self.connect().await?);
        *connection = Some(opened.clone());
        Ok(opened)
    }

    /// Lets go of the shared connection: whatever a case did to it is not the next case's business.
    pub(crate) async fn forget_connection(&self) {
        *self.connection.lock().await = None;
    }

    /// Whether the adapter still answers anything on a new connection; it may take a moment to come back.
    pub(crate) async fn is_alive(&self) -> Result<(), String> {
        let until = tokio::time::Instant::now() + self.options.restart;
        loop {
            let answered = match self.connect().await {
                Ok(connection) => connection.call("/conform.Nobody/Nothing", &[]).await.map(drop),
                Err(error) => Err(error),
            };
            match answered {
                Ok(()) => return Ok(()),
                Err(error) if tokio::time::Instant::now() >= until => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// A call of any method.
    pub(crate) async fn call_path(&self, path: &str, message: &[u8]) -> Result<Answer, Stop> {
        Ok(self.shared().await?.call(path, message).await?)
    }

    pub(crate) async fn call(&self, service: &Template, request: &HandleRequest) -> Result<Answer, Stop> {
        self.call_path(service.grpc_path(), &request.encode()).await
    }

    /// A call that has to be answered with OK.
    pub(crate) async fn call_ok(&self, service: &Template, request: &HandleRequest) -> Result<Bytes, Stop> {
        let answer = self.call(service, request).await?;
        if answer.is_ok() {
            return Ok(answer.body());
        }
        let hint = match answer.code {
            3 | 9 => "; if the adapter has to know the instance, give params that name it",
            16 => "; if the adapter asks for a token, give it to the suite",
            12 => "; the adapter does not serve the template that it says it takes",
            _ => "",
        };
        fail(format!("it answered {}{hint}", answer.status()))
    }

    pub(crate) fn plain(&self, service: &Template, mark: &str) -> Sample {
        Sample::plain(service.instance_message(), &self.options.instance, mark)
    }

    pub(crate) fn empty(&self, service: &Template) -> Sample {
        Sample::empty(service.instance_message(), &self.options.instance)
    }

    pub(crate) fn request(&self, service: &Template, sample: &Sample) -> HandleRequest {
        self.request_of(service, vec![sample.encode()])
    }

    pub(crate) fn request_of(&self, service: &Template, instances: Vec<Vec<u8>>) -> HandleRequest {
        let quota = service.variety() == Variety::Quota;
        HandleRequest {
            instances,
            config: self.config.clone(),
            dedup_id: self.mark(),
            quota: quota.then(|| (self.options.instance.clone(), 1, true)),
            ..HandleRequest::default()
        }
    }

    /// The lines of the dry run behind a position, with the mark where the sample carries one.
    pub(crate) async fn lines(
        &self,
        service: &Template,
        (position, mark): (u64, Option<&str>),
        count: usize,
    ) -> Result<Vec<Line>, Stop> {
        let Channel::DryRun { path } = &self.channel else {
            return skip("only a dry run shows it");
        };
        self.observed.store(true, Ordering::Relaxed);
        let wanted = (count, self.options.look);
        Ok(observe::lines(path, position, (service.name(), mark), wanted).await?)
    }

    /// Sends a sample and looks whether its values arrive.
    pub(crate) async fn send_and_see(&self, service: &Template, sample: &Sample, mark: &str) -> Outcome {
        let position = self.channel.position();
        self.call_ok(service, &self.request(service, sample)).await?;
        match &self.channel {
            Channel::Nothing => skip("no observation channel: whether the values arrive cannot be seen"),
            Channel::DryRun { .. } => {
                let mark = sample.marked.then_some(mark);
                let lines = self.lines(service, (position, mark), 1).await?;
                let Some(line) = lines.last() else { return fail("the dry run shows no such instance") };
                for (path, sent) in &sample.sent {
                    let shown = path.iter().try_fold(&line.instance, |json, name| json.get(name));
                    if !shown.is_some_and(|shown| observe::agrees(shown, sent)) {
                        let shown = shown.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                        return fail(format!("{} was {sent:?} and arrived as {shown}", path.join(".")));
                    }
                }
                Ok(())
            }
            Channel::Prometheus { url, client } => {
                let number = sample.sent.iter().find_map(|(path, sent)| match sent {
                    _ if path.len() != 1 || path.first().is_none_or(|name| name != "value") => None,
                    Sent::Duration(seconds, nanos) => Some(*seconds as f64 + f64::from(*nanos) * 1e-9),
                    _ => None,
                });
                let Some(number) = number.filter(|_| &**service.name() == "metric") else {
                    return skip("a scrape shows only the numbers of metrics");
                };
                self.observed.store(true, Ordering::Relaxed);
                let shown = observe::samples(client, url, mark, self.options.look).await?;
                match shown.iter().any(|shown| (shown - number).abs() < 1e-10) {
                    true => Ok(()),
                    false => fail(format!("value was {number} s and is scraped as {shown:?}")),
                }
            }
        }
    }

    /// Calls a method of the session service.
    pub(crate) async fn backend(&self, method: &str, message: &[u8]) -> Result<Answer, Stop> {
        let path = format!("/istio.mixer.adapter.model.v1beta1.InfrastructureBackend/{method}");
        self.call_path(&path, message).await
    }

    /// Makes a session; its id.
    pub(crate) async fn create_session(&self, config: Option<Any>) -> Result<String, Stop> {
        let inferred = self.services.first().and_then(|service| {
            let kind = service.type_message()?.full_name().to_owned();
            let any = Any { type_url: format!("type.googleapis.com/{kind}"), value: Vec::new() };
            Some((self.options.instance.clone(), any))
        });
        let request = model::CreateSessionRequest {
            adapter_config: config,
            inferred_types: inferred.into_iter().collect(),
        };
        let answer = self.backend("CreateSession", &request.encode_to_vec()).await?;
        if !answer.is_ok() {
            return fail(format!("CreateSession answered {}", answer.status()));
        }
        let response = model::CreateSessionResponse::decode(answer.body())
            .map_err(|error| format!("the answer is no CreateSessionResponse: {error}"))?;
        let status = response.status.unwrap_or_default();
        match status.code {
            0 if response.session_id.is_empty() => fail("CreateSession answered OK without a session_id"),
            0 => Ok(response.session_id),
            code => fail(format!("CreateSession answered {} ({})", crate::code_name(code), status.message)),
        }
    }

    /// Closes a session: whether the adapter says that it did.
    pub(crate) async fn close_session(&self, id: &str) -> Result<bool, Stop> {
        let request = model::CloseSessionRequest { session_id: id.to_owned() };
        let answer = self.backend("CloseSession", &request.encode_to_vec()).await?;
        let response = model::CloseSessionResponse::decode(answer.body())
            .map_err(|error| format!("the answer is no CloseSessionResponse: {error}"))?;
        Ok(answer.is_ok() && response.status.unwrap_or_default().code == 0)
    }
}

/// Whether the answer of a handler service refuses: by the call's status, or by the status in its result.
pub(crate) fn refuses(service: &Template, answer: &Answer) -> bool {
    if !answer.is_ok() {
        return true;
    }
    let check = |bytes: Bytes| {
        let result = model::CheckResult::decode(bytes).unwrap_or_default();
        result.status.unwrap_or_default().code != 0
    };
    match service.variety() {
        Variety::Check => check(answer.body()),
        Variety::CheckWithOutput => mixer_template::split_check_output(&answer.body())
            .is_ok_and(|(result, _)| check(result.into_owned().into())),
        Variety::Quota => {
            let result = model::QuotaResult::decode(answer.body()).unwrap_or_default();
            result.quotas.values().all(|quota| quota.status.clone().unwrap_or_default().code != 0)
        }
        Variety::Report | Variety::AttributeGenerator => false,
    }
}
