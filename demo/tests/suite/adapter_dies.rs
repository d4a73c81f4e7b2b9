//! A gRPC adapter is killed under load: checks and the other handlers do not notice, what is lost is counted by handler
//! and reason, memory does not grow, and telemetry flows again by itself after the adapter's return.

use std::time::Duration;

use super::system::{BATCH, System, programs};

#[tokio::test]
async fn nobody_else_notices_and_telemetry_flows_again() {
    let Some(bin) = programs() else { return };
    let (mut system, mut adapter) = System::start(bin).await;
    system.load(50).await;
    let sent_before = (50 * BATCH) as f64;
    assert_eq!(system.counted().await, sent_before);
    assert_eq!(system.lost().await, 0.0);

    adapter.kill().await.unwrap();
    system.load(50).await;
    let resident = system.resident_kib();
    system.load(450).await;
    let sent_meanwhile = (500 * BATCH) as f64;
    assert_eq!(system.lost().await, sent_meanwhile, "every instance that did not arrive is counted");
    let other = system.metric("mixer_runtime_dispatches_total", "handler=\"local").await;
    assert!(other >= 550.0, "the other handler got {other} calls");
    let grown = system.resident_kib().saturating_sub(resident);
    assert!(grown < 8 * 1024, "mixs grew by {grown} KiB while the adapter was away");

    let _adapter = system.start_adapter().await;
    let back = async {
        // Each report is a try; the breaker lets one through every now and then.
        while system.counted().await == 0.0 {
            system.load(1).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.unwrap();
    let (counted, lost) = (system.counted().await, system.lost().await);
    system.load(20).await;
    assert_eq!(system.counted().await - counted, (20 * BATCH) as f64, "everything arrives again");
    assert_eq!(system.lost().await, lost, "nothing more is lost");
}
