//! A payload is taken apart into the items that it was made of, as when it comes from the disk and is too large.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mixer_adapter_sdk::Secret;
use mixer_adapter_sdk::delivery::http::HttpOptions;

use super::*;
use crate::generated::params::Region;

#[tokio::test]
async fn payloads_are_taken_apart() {
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let key = std::sync::Arc::new(Credential::from(Secret::from("key")));
    let items: Vec<&[u8]> = vec![br#"{"a":"]},[{","b":[1,2.50]}"#, br#"{"c":{"d":"\"}"}}"#, b"{}"];
    for common in [vec![], vec![("cluster.name".into(), "]}[".into())]] {
        for api in Api::ALL {
            let target = Target::Region(Region::Us);
            let ingest = Ingest::new(api, client.clone(), key.clone(), target, &common);
            let body = ingest.encode(items.iter().copied());
            assert_eq!(ingest.decode(&body).unwrap(), items, "{api:?} {common:?}");
            assert_eq!(ingest.decode(&body[..body.len() / 2]), None);
            assert_eq!(ingest.decode(&gzip(b"{}")), None);
        }
    }
}
