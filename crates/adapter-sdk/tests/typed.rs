//! Adapters written as types: what their authors write is all that is needed, for shipped templates and for one of
//! their own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::typed::template::{Kubernetes, ListEntry, Metric, Quota, variety};
use mixer_adapter_sdk::typed::{
    HandleCheck, HandleCheckWithOutput, HandleGenerate, HandleQuota, HandleReport, Refused, Template,
    TypedCall, TypedQuota, TypedReport,
};
use mixer_adapter_sdk::view::InstanceView;
use mixer_adapter_sdk::wire::Malformed;
use mixer_adapter_sdk::{
    Batch, BuildError, Call, CheckResult, Config, ErrorKind, FieldProblem, Handler, HandlerError,
    HandlerSpec, Process, QuotaCall, QuotaResult, ReportCall, ReportOutcome, ServeArgs, Server, Status,
    TypedAdapter, code, hosted,
};
use mixer_proto::policy::v1beta1::{self as policy, value};
use mixer_proto::template as messages;
use prost::Message;

/// The configuration as it is written.
#[derive(Clone, PartialEq, Message)]
struct Params {
    #[prost(string, tag = "1")]
    suffix: String,
    #[prost(int64, tag = "2")]
    limit: i64,
}

/// The configuration as it is meant.
struct Limits {
    suffix: String,
    limit: i64,
}

impl Config for Limits {
    type Params = Params;
    const MESSAGE: &'static str = "sample.Params";
    const DESCRIPTOR: &'static [u8] = &[];

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        if params.suffix.is_empty() {
            problems.add("suffix", "is missing");
        }
        let limit = problems.at_least("limit", Some(params.limit), 1, 1);
        problems.unless_any(Self { suffix: params.suffix, limit })
    }
}

/// A template of the author's own.
enum Pair {}

#[derive(Clone, PartialEq, Message)]
struct PairInstance {
    #[prost(string, tag = "1")]
    key: String,
}

#[derive(Clone, PartialEq, Message)]
struct PairOutput {
    #[prost(string, tag = "1")]
    value: String,
}

impl Template for Pair {
    const NAME: &'static str = "pair";
    const SERVICE: &'static str = "sample.HandlePairService";
    const METHOD: &'static str = "HandlePair";
    const DESCRIPTOR: &'static [u8] = &[];
    type Variety = variety::CheckWithOutput;
    type View<'a> = InstanceView<'a>;
    type Owned = PairInstance;
    type Output = PairOutput;

    fn view(bytes: &[u8]) -> Result<InstanceView<'_>, Malformed> {
        Ok(InstanceView::new(bytes))
    }
}

#[derive(Default)]
struct Sample {
    closed: Arc<AtomicUsize>,
}

struct SampleHandler {
    config: Limits,
    closed: Arc<AtomicUsize>,
}

impl TypedAdapter for Sample {
    type Config = Limits;
    type Handler = SampleHandler;
    type Templates = (ListEntry, Metric, Quota, Kubernetes, Pair);

    const NAME: &'static str = "sample";
    const DESCRIPTION: &'static str = "Shows every variety.";

    async fn build(&self, config: Limits, _: HandlerSpec) -> Result<SampleHandler, BuildError> {
        Ok(SampleHandler { config, closed: self.closed.clone() })
    }

    async fn close(handler: &SampleHandler) {
        handler.closed.fetch_add(1, Ordering::SeqCst);
    }

    async fn self_test(handler: &SampleHandler) -> Result<(), HandlerError> {
        match handler.config.limit {
            13 => Err(HandlerError::new(ErrorKind::Unavailable, "the backend is out")),
            _ => Ok(()),
        }
    }
}

impl HandleCheck<ListEntry> for SampleHandler {
    async fn check(&self, call: TypedCall<'_, ListEntry>) -> Result<CheckResult, HandlerError> {
        let text = call.view()?.value().map(|value| value.text()).unwrap_or_default();
        let status = match text.ends_with(&self.config.suffix) {
            true => Status::ok(),
            false => Status::new(code::PERMISSION_DENIED, format!("{text} is somewhere else")),
        };
        Ok(CheckResult { status, ..Default::default() })
    }
}

impl HandleReport<Metric> for SampleHandler {
    async fn report(&self, report: TypedReport<'_, Metric>) -> Result<ReportOutcome, HandlerError> {
        Ok(report.each(|_, metric| match metric.value()?.and_then(|value| value.as_i64()) {
            Some(number) if number <= self.config.limit => Ok(()),
            Some(number) => Err(Reason::Refused(Refused::new("too_much", number.to_string()))),
            None => Err(Reason::Refused(Refused::new("no_number", "no number"))),
        }))
    }
}

/// An author's own reasons.
#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Refused(Refused),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl mixer_adapter_sdk::typed::DropReason for Reason {
    fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.reason,
            Self::Malformed(_) => Malformed::REASON,
        }
    }
}

impl HandleQuota<Quota> for SampleHandler {
    async fn quota(&self, ask: TypedQuota<'_, Quota>) -> Result<QuotaResult, HandlerError> {
        Ok(QuotaResult { amount: ask.amount.min(self.config.limit), ..Default::default() })
    }
}

impl HandleGenerate<Kubernetes> for SampleHandler {
    async fn generate(
        &self,
        call: TypedCall<'_, Kubernetes>,
    ) -> Result<messages::kubernetes::OutputMsg, HandlerError> {
        let source_pod_name = call.view()?.source_uid.to_owned();
        Ok(messages::kubernetes::OutputMsg { source_pod_name, ..Default::default() })
    }
}

impl HandleCheckWithOutput<Pair> for SampleHandler {
    async fn check_with_output(
        &self,
        call: TypedCall<'_, Pair>,
    ) -> Result<(CheckResult, PairOutput), HandlerError> {
        Ok((CheckResult::default(), PairOutput { value: call.owned()?.key + "!" }))
    }
}

fn params(suffix: &str, limit: i64) -> Bytes {
    Params { suffix: suffix.to_owned(), limit }.encode_to_vec().into()
}

fn spec(params: Bytes) -> HandlerSpec {
    HandlerSpec { name: "h".into(), params, instances: Vec::new() }
}

async fn handler() -> Arc<dyn Handler> {
    hosted(Sample::default()).build(spec(params(".com", 5))).await.unwrap()
}

fn call<'a>(template: &'a str, bytes: impl Into<Bytes>) -> Call<'a> {
    Call { template, instance: "i.instance.ns", bytes: bytes.into(), deadline: None }
}

fn entry(text: &str) -> Vec<u8> {
    let value = policy::Value { value: Some(value::Value::StringValue(text.to_owned())) };
    messages::listentry::InstanceMsg { name: "i".into(), value: Some(value) }.encode_to_vec()
}

#[test]
fn the_facts_come_from_the_types() {
    let adapter = hosted(Sample::default());
    let info = adapter.info();
    assert_eq!((info.name, info.config_message), ("sample", "sample.Params"));
    assert_eq!(info.templates, ["listentry", "metric", "quota", "kubernetes", "pair"]);
}

#[tokio::test]
async fn every_problem_of_a_configuration_is_told() {
    let adapter = hosted(Sample::default());
    let told = |params| {
        let problems = adapter.validate(&spec(params));
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told(params(".com", 1)), Vec::<String>::new());
    assert_eq!(told(Bytes::new()), ["suffix: is missing", "limit: is 0; must be at least 1"]);
    assert_eq!(told(Bytes::from_static(&[0x0a, 0x7f])).len(), 1);
    let error = adapter.build(spec(Bytes::new())).await.err().unwrap();
    assert!(error.to_string().contains("suffix: is missing; limit"), "{error}");
}

#[tokio::test]
async fn each_call_reaches_the_trait_of_its_template() {
    let handler = handler().await;
    let check = async |text| handler.check(call("listentry", entry(text))).await.unwrap().status.code;
    assert_eq!((check("a.com").await, check("a.org").await), (code::OK, code::PERMISSION_DENIED));

    let quota = QuotaCall { call: call("quota", ""), amount: 9, best_effort: true, dedup_id: "" };
    assert_eq!(handler.quota(quota).await.unwrap().amount, 5);

    let pod = messages::kubernetes::InstanceMsg { source_uid: "pod".into(), ..Default::default() };
    let output = handler.generate(call("kubernetes", pod.encode_to_vec())).await.unwrap();
    assert_eq!(messages::kubernetes::OutputMsg::decode(output).unwrap().source_pod_name, "pod");

    let pair = PairInstance { key: "k".into() }.encode_to_vec();
    let (result, output) = handler.check_with_output(call("pair", pair)).await.unwrap();
    assert!(result.status.is_ok());
    assert_eq!(PairOutput::decode(output).unwrap().value, "k!");
}

#[tokio::test]
async fn instances_that_cannot_be_used_are_counted_by_reason() {
    let metric = |number: i64| {
        let value = policy::Value { value: Some(value::Value::Int64Value(number)) };
        let metric = messages::metric::InstanceMsg { value: Some(value), ..Default::default() };
        (Arc::from("m"), Bytes::from(metric.encode_to_vec()))
    };
    let broken = |bytes: &'static [u8]| (Arc::from("b"), Bytes::from_static(bytes));
    let batch = Batch::from_instances([
        metric(1),
        metric(6),
        metric(7),
        broken(&[0x0a, 0x7f]),
        // The field of the value is there, what is in it is broken.
        broken(&[0x0a, 0x01, 0x08]),
        broken(&[]),
    ]);
    let report = ReportCall { template: "metric", batch, deadline: None };
    let outcome = handler().await.report(report).await.unwrap();
    let dropped: Vec<_> = outcome
        .dropped
        .iter()
        .map(|dropped| (dropped.reason, dropped.count, dropped.detail.as_str()))
        .collect();
    assert_eq!(dropped[0], ("too_much", 2, "m: 6"));
    assert_eq!((dropped[1].0, dropped[1].1), ("malformed", 2));
    assert_eq!(dropped[2], ("no_number", 1, "b: no number"));
}

#[tokio::test]
async fn what_does_not_fit_is_an_error_that_names_it() {
    let handler = handler().await;
    let error = handler.check(call("listentry", &[0x0a, 0x7f][..])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert!(error.message.contains("i.instance.ns is malformed"), "{error}");
    let error = handler.check(call("checknothing", "")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unimplemented);
    let error = handler.check(call("pair", "")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unimplemented, "the template is handled by another method");
}

#[tokio::test]
async fn a_handler_is_closed_and_tested_by_the_functions_of_its_adapter() {
    let sample = Sample::default();
    let closed = sample.closed.clone();
    let adapter = hosted(sample);
    let good = adapter.build(spec(params(".com", 5))).await.unwrap();
    good.self_test().await.unwrap();
    good.close().await;
    assert_eq!(closed.load(Ordering::SeqCst), 1);
    let bad = adapter.build(spec(params(".com", 13))).await.unwrap();
    assert_eq!(bad.self_test().await.unwrap_err().message, "the backend is out");
}

#[tokio::test]
async fn a_process_serves_the_author_s_own_template_and_says_what_configuration_is_missing() {
    let args = ServeArgs { drain_delay: std::time::Duration::ZERO, ..Default::default() };
    let server = Server::of(Process::typed(Sample::default()), args).await.unwrap();
    let target = format!("http://{}", server.address());
    let running = tokio::spawn(server.run(std::future::pending()));
    let channel = tonic::transport::Endpoint::from_shared(target).unwrap().connect().await.unwrap();
    let ask = async |config: Option<Bytes>| {
        let config = config.map(|value| prost_types::Any { type_url: String::new(), value: value.into() });
        let request = PairRequest { instance: Some(PairInstance { key: "k".into() }), config };
        let mut client = tonic::client::Grpc::new(channel.clone());
        let path = http::uri::PathAndQuery::from_static("/sample.HandlePairService/HandlePair");
        let request = tonic::Request::new(Bytes::from(request.encode_to_vec()));
        mixer_rpc::raw::unary(&mut client, path, request).await
    };
    ask(Some(params(".com", 1))).await.unwrap();
    let error = ask(None).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::InvalidArgument);
    for part in ["suffix: is missing; limit: is 0", "`session_based: false`", "resource sample"] {
        assert!(error.message().contains(part), "{error}");
    }
    running.abort();
}

#[derive(Clone, PartialEq, Message)]
struct PairRequest {
    #[prost(message, optional, tag = "1")]
    instance: Option<PairInstance>,
    #[prost(message, optional, tag = "2")]
    config: Option<prost_types::Any>,
}
