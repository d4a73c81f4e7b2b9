//! Each variety of template has its own form of request and answer.

use mixer_proto::adapter::v1beta1 as model;
use mixer_proto::google::rpc;
use mixer_proto::policy::v1beta1 as policy;
use mixer_proto::template;
use mixer_rpc::template::metric::handle_metric_service_client::HandleMetricServiceClient;
use mixer_rpc::template::quota::handle_quota_service_client::HandleQuotaServiceClient;
use prost::Message as _;

use super::toy::{call, check, get, run};

#[tokio::test]
async fn a_check_answers_status_details_and_how_long_it_is_good() {
    let running = run().await;
    let result = check(&running.channel, "deny.instance.ns", None).await.unwrap();
    let instance =
        template::listentry::InstanceMsg { name: "deny.instance.ns".into(), value: None }.encode_to_vec();
    assert_eq!(
        result,
        model::CheckResult {
            status: Some(rpc::Status {
                code: 7,
                message: "no".into(),
                details: vec![prost_types::Any { type_url: "type.googleapis.com/x".into(), value: instance }],
            }),
            valid_duration: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
            valid_use_count: 7,
        }
    );
}

fn metric(name: &str, value: Option<i64>) -> template::metric::InstanceMsg {
    template::metric::InstanceMsg {
        name: name.into(),
        value: value.map(|value| policy::Value { value: Some(policy::value::Value::Int64Value(value)) }),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_report_brings_named_instances_and_counts_what_is_dropped() {
    let running = run().await;
    let request = template::metric::HandleMetricRequest {
        instances: vec![metric("a", Some(1)), metric("b", None), metric("a", Some(3)), metric("b", None)],
        ..Default::default()
    };
    let mut client = HandleMetricServiceClient::new(running.channel.clone());
    client.handle_metric(request).await.unwrap();
    assert_eq!(*running.toy.seen.lock(), ["a", "b", "a", "b"]);
    let (status, metrics) = get(running.monitoring, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "mixer_adapter_instances_total{template=\"metric\"} 4",
        "mixer_adapter_instances_dropped_total{reason=\"no_value\",template=\"metric\"} 2",
        "mixer_adapter_calls_total{code=\"OK\",template=\"metric\"} 1",
        "mixer_adapter_handlers 1",
        "mixer_adapter_handler_builds_total{result=\"ok\"} 1",
        "mixer_adapter_calls_in_flight 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not among\n{metrics}");
    }
}

#[tokio::test]
async fn an_instance_whose_name_cannot_be_read_does_not_spoil_the_report() {
    let running = run().await;
    let mut request =
        template::metric::HandleMetricRequest { instances: vec![metric("a", Some(1))], ..Default::default() }
            .encode_to_vec();
    request.extend([0x0a, 0x02, 0x12, 0x7f]); // an instance that ends in the middle of a field
    call(&running.channel, "/metric.HandleMetricService/HandleMetric", Raw(request)).await.unwrap();
    assert_eq!(*running.toy.seen.lock(), ["a"]);
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    let line = "mixer_adapter_instances_dropped_total{reason=\"malformed\",template=\"metric\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_quota_is_answered_by_the_name_that_was_asked() {
    let running = run().await;
    let params = model::quota_request::QuotaParams { amount: 5, best_effort: true };
    let request = template::quota::HandleQuotaRequest {
        instance: Some(template::quota::InstanceMsg { name: "q.instance.ns".into(), ..Default::default() }),
        adapter_config: None,
        dedup_id: "d1".into(),
        quota_request: Some(model::QuotaRequest { quotas: [("q.instance.ns".to_owned(), params)].into() }),
    };
    let mut client = HandleQuotaServiceClient::new(running.channel.clone());
    let result = client.handle_quota(request.clone()).await.unwrap().into_inner();
    let granted = model::quota_result::Result {
        valid_duration: Some(prost_types::Duration { seconds: 9, nanos: 0 }),
        granted_amount: 4,
        status: Some(rpc::Status { code: 8, message: "less than wanted".into(), details: vec![] }),
    };
    assert_eq!(result.quotas, [("q.instance.ns".to_owned(), granted)].into());
    assert_eq!(*running.toy.seen.lock(), ["q.instance.ns", "d1 true"]);

    let nothing = template::quota::HandleQuotaRequest { quota_request: None, ..request };
    let error = client.handle_quota(nothing).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::InvalidArgument);
    assert!(error.message().contains("quota_request.quotas"), "{error}");
}

#[tokio::test]
async fn an_attribute_generator_answers_the_templates_output() {
    let running = run().await;
    let request = template::kubernetes::HandleKubernetesRequest {
        instance: Some(template::kubernetes::InstanceMsg { name: "k".into(), ..Default::default() }),
        ..Default::default()
    };
    let path = "/adapter.template.kubernetes.HandleKubernetesService/HandleKubernetes";
    let output = call(&running.channel, path, request).await.unwrap();
    let output = template::kubernetes::OutputMsg::decode(output).unwrap();
    assert_eq!(output.source_namespace, "k");
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeyvalResponse {
    #[prost(message, optional, tag = "1")]
    result: Option<model::CheckResult>,
    #[prost(message, optional, tag = "2")]
    output: Option<policy::Uri>,
}

#[tokio::test]
async fn a_check_with_output_answers_both() {
    let running = run().await;
    let request = template::checknothing::HandleCheckNothingRequest {
        instance: Some(template::checknothing::InstanceMsg { name: "kv".into() }),
        ..Default::default()
    };
    let answer = call(&running.channel, "/keyval.HandleKeyvalService/HandleKeyval", request).await.unwrap();
    let answer = KeyvalResponse::decode(answer).unwrap();
    assert_eq!(answer.result.unwrap().valid_use_count, 3);
    assert_eq!(answer.output.unwrap().value, "output for kv");
}

#[tokio::test]
async fn the_parts_of_an_instance_are_one_instance() {
    let running = run().await;
    let part = |name: &str| template::listentry::HandleListEntryRequest {
        instance: Some(template::listentry::InstanceMsg { name: name.into(), value: None }),
        ..Default::default()
    };
    let mut request = part("other").encode_to_vec();
    request.extend(part("ok").encode_to_vec());
    call(&running.channel, "/listentry.HandleListEntryService/HandleListEntry", Raw(request)).await.unwrap();
    assert_eq!(*running.toy.seen.lock(), ["ok"], "of a field sent twice the last one counts");
}

/// Bytes that are sent as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl prost::Message for Raw {
    fn encode_raw(&self, buffer: &mut impl bytes::BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        _: u32,
        _: prost::encoding::WireType,
        _: &mut impl bytes::Buf,
        _: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        unreachable!("is only sent")
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
