//! What is written is what the generated messages read.

use mixer_proto::template::metric::{HandleMetricRequest, InstanceMsg};
use mixer_proto::template::quota::HandleQuotaRequest;
use prost::Message as _;

use super::{HandleRequest, unknown_fields};

#[test]
fn requests_are_read_back() {
    for length in [0, 1, 127, 128, 20_000] {
        for padded in [false, true] {
            let instance = InstanceMsg { name: "n".repeat(length), ..Default::default() };
            let request = HandleRequest {
                instances: vec![instance.encode_to_vec(); 2],
                config: Some(prost_types::Any { type_url: "t".into(), value: vec![1] }),
                dedup_id: "id".into(),
                quota: Some(("q".into(), -3, true)),
                tail: unknown_fields(),
                padded,
            };
            let bytes = request.encode();
            let read = HandleMetricRequest::decode(bytes.clone()).unwrap();
            assert_eq!(read.instances, [instance.clone(), instance]);
            assert_eq!((read.adapter_config, read.dedup_id.as_str()), (request.config, "id"));
            let quota = HandleQuotaRequest::decode(bytes).unwrap().quota_request.unwrap();
            assert_eq!((quota.quotas["q"].amount, quota.quotas["q"].best_effort), (-3, true));
        }
    }
}
