//! Snapshots that come from the disk and that a receiver finds too large: they are divided, and everything arrives.

use mixer_adapter_sdk::delivery::spool::{SpoolHome, SpoolOptions};
use mixer_testkit::{FakeRemoteWrite, Knows, Reply};

use super::remote_write::{assert_no_fault, expected_lines, lines, report_some, sending, written};
use super::support::*;

#[tokio::test]
async fn what_is_too_large_is_divided_and_arrives() {
    for (knows, protocol) in
        [(Knows::Both, Protocol::V2), (Knows::Both, Protocol::V1), (Knows::V1, Protocol::Auto)]
    {
        let folder = tempfile::tempdir().unwrap();
        let home = SpoolHome::open(SpoolOptions::new(folder.path())).await.unwrap();
        let fake = FakeRemoteWrite::start(knows).await.unwrap();
        let adapter = home.wrap(std::sync::Arc::new(adapter()));
        let to = RemoteWrite { protocol: protocol.into(), ..send_to(&fake.url()) };
        let handler = adapter.build(spec("h", &sending(vec![to]))).await.unwrap();
        report_some(&*handler).await;
        // The whole, and its first half.
        fake.script(Reply::Status(413, None));
        fake.script(Reply::Status(413, None));
        handler.close().await;
        let seen = fake.seen();
        assert_no_fault(&seen);
        assert_eq!(lines(&written(&seen)), expected_lines(), "{knows:?} {protocol:?}");
        let refused = seen.iter().filter(|request| request.status == 413).count();
        let taken = seen.iter().filter(|request| request.status == 204).count();
        assert_eq!((refused, taken), (2, 3), "{knows:?} {protocol:?}");
    }
}
