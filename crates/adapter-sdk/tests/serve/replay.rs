//! A call that comes again with the same `dedup_id` is answered as the first time.

use std::time::Duration;

use mixer_adapter_sdk::templates::Variety;
use mixer_adapter_sdk::{ServeArgs, Server};
use mixer_proto::adapter::v1beta1 as model;
use mixer_proto::template;
use mixer_rpc::template::quota::handle_quota_service_client::HandleQuotaServiceClient;

use super::toy::{Running, adapter, get, quick, run, run_with};

fn request(dedup_id: &str, amount: i64) -> template::quota::HandleQuotaRequest {
    let params = model::quota_request::QuotaParams { amount, best_effort: true };
    template::quota::HandleQuotaRequest {
        instance: Some(template::quota::InstanceMsg { name: "q".into(), ..Default::default() }),
        adapter_config: None,
        dedup_id: dedup_id.to_owned(),
        quota_request: Some(model::QuotaRequest { quotas: [("q".to_owned(), params)].into() }),
    }
}

/// How many allocations the handler saw after these calls.
async fn allocations(running: &Running, requests: &[(&str, i64)]) -> usize {
    let mut client = HandleQuotaServiceClient::new(running.channel.clone());
    for (dedup_id, amount) in requests {
        let result = client.handle_quota(request(dedup_id, *amount)).await.unwrap().into_inner();
        assert_eq!(result.quotas["q"].granted_amount, amount - 1);
    }
    running.toy.seen.lock().len() / 2
}

#[tokio::test]
async fn an_allocation_is_made_once() {
    let running = run().await;
    assert_eq!(allocations(&running, &[("1", 5), ("1", 5), ("1", 5), ("2", 5), ("1", 6)]).await, 3);
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    assert!(metrics.contains("mixer_adapter_calls_replayed_total{template=\"quota\"} 2"), "{metrics}");
    assert_eq!(allocations(&running, &[("", 5), ("", 5)]).await, 5, "without an id every call counts");
}

#[tokio::test]
async fn flags_and_authors_can_turn_it_off() {
    let off = [
        ServeArgs { dedup_window: Duration::ZERO, ..quick() },
        ServeArgs { dedup_entries: 0, ..quick() },
        ServeArgs { dedup_varieties: vec![Variety::Check], ..quick() },
    ];
    for args in off {
        assert_eq!(allocations(&run_with(args).await, &[("1", 5), ("1", 5)]).await, 2);
    }
    let toy = std::sync::Arc::default();
    let process = mixer_adapter_sdk::Process::new(adapter(&toy)).template(super::toy::KEYVAL);
    let server = Server::of(process.without_replay("quota"), quick()).await.unwrap();
    let running = super::toy::run_server(toy, server).await;
    assert_eq!(allocations(&running, &[("1", 5), ("1", 5)]).await, 2);
}

#[tokio::test]
async fn a_call_that_failed_is_tried_again() {
    let running = run().await;
    let mut client = HandleQuotaServiceClient::new(running.channel.clone());
    for _ in 0..2 {
        let nothing = template::quota::HandleQuotaRequest { quota_request: None, ..request("1", 1) };
        let error = client.handle_quota(nothing).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::InvalidArgument);
    }
    let (_, metrics) = get(running.monitoring, "/metrics").await;
    assert!(!metrics.contains("mixer_adapter_calls_replayed_total{"), "{metrics}");
}
