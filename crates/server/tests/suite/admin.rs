//! The admin port.

use crate::support::{World, options, request};

#[tokio::test]
async fn pages() {
    let world = World::new().await;
    assert_eq!(world.get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(world.get("/readyz").await, (200, "ready\n".to_owned()));
    let (status, version) = world.get("/version").await;
    assert_eq!(status, 200);
    assert!(version.starts_with(env!("CARGO_PKG_VERSION")), "{version}");
    assert_eq!(world.get("/metrics").await.0, 200);
    for missing in ["/", "/metrics/", "/debug/pprof/", "/readyz/config"] {
        assert_eq!(world.get(missing).await.0, 404, "{missing}");
    }
    assert_eq!(request(&world.admin, "POST", "/metrics").await.0, 405);
    assert_eq!(request(&world.admin, "HEAD", "/healthz").await, (200, String::new()));
    world.end().await;
}

#[tokio::test]
async fn not_ready_says_what_it_waits_for() {
    let world = World::unconfigured(options()).await;
    let (status, text) = world.get("/readyz").await;
    assert_eq!((status, text.as_str()), (503, "not ready, waiting for: config, listener\n"));
    assert_eq!(world.get("/healthz").await.0, 200, "alive all the same");
    world.configure(crate::support::CONFIG);
    world.ready().await;
    world.stop.request();
    world
        .until("/readyz", |status, text| status == 503 && text == "not ready, waiting for: draining\n")
        .await;
    world.end().await;
}

#[tokio::test]
async fn many_scrapes_at_once_are_answered() {
    let world = World::new().await;
    let scrapes = (0..64).map(|_| world.get("/metrics"));
    let answers = futures::future::join_all(scrapes).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    world.end().await;
}
