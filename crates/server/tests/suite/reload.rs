//! Configuration changes under load: no request is lost, and what cannot be read changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mixer_server::config::ConfigUpdate;

use crate::support::{CONFIG, World, check_request, report_request};

const APPLIED: &str = "mixer_config_updates_total{result=\"applied\"}";

/// The configuration with one more attribute, map key, instance and rule: another vocabulary, another handler.
fn variant(number: usize) -> String {
    format!(
        "{CONFIG}
        attributemanifest m{number} {{attributes: {{extra.a{number}: {{valueType: STRING}}}}}}
        instance extra {{compiledTemplate: listentry, params: {{value: 'extra.a{number} | request.headers[\"k{number}\"] | \"\"'}}}}
        rule extra {{match: 'request.path == \"/{number}\"', actions: [{{handler: h, instances: [extra]}}]}}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_configuration_changes() {
    let world = World::new().await;
    let done = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let mut load = Vec::new();
    for _ in 0..4 {
        let (mut client, done, answered) = (world.client().await, done.clone(), answered.clone());
        load.push(tokio::spawn(async move {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                client.check(check_request("request.path=/a source.user=x")).await.unwrap();
                client.report(report_request(&["request.path=/r", "request.path=/r"])).await.unwrap();
                sent += 1;
                answered.fetch_add(1, Ordering::Relaxed);
            }
            sent
        }));
    }
    for number in 0..20_usize {
        world.configure(&variant(number));
        let applied = format!("{APPLIED} {}", number + 2);
        world.until("/metrics", |_, text| text.contains(&applied)).await;
        // Every configuration answers something.
        let before = answered.load(Ordering::Relaxed);
        while answered.load(Ordering::Relaxed) < before + 4 {
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for client in load {
        sent += client.await.unwrap();
    }
    let calls = world.recorder.take_calls();
    let texts = |text: &str| calls.iter().flat_map(|call| call.texts()).filter(|seen| seen == text).count();
    assert_eq!((texts("/a"), texts("/r")), (sent, 2 * sent));
    world.end().await;
}

#[tokio::test]
async fn the_new_configuration_decides() {
    let world = World::new().await;
    world.check("request.path=/3").await.unwrap();
    assert_eq!(world.recorder.take_calls().len(), 1);
    world.configure(&variant(3));
    world.until("/metrics", |_, text| text.contains(&format!("{APPLIED} 2"))).await;
    world.check("request.path=/3 extra.a3=new").await.unwrap();
    let texts: Vec<_> = world.recorder.take_calls().iter().flat_map(|call| call.texts()).collect();
    assert_eq!(texts, ["/3", "new"]);
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_last_good_configuration_in_force() {
    let world = World::new().await;
    world.update(ConfigUpdate { content: None, unavailable: Some("permission denied".into()) });
    world.until("/metrics", |_, text| text.contains("mixer_config_source_available 0")).await;
    world.check("request.path=/a").await.unwrap();
    assert_eq!(world.recorder.take_calls().len(), 1);
    assert_eq!(world.get("/readyz").await.0, 200, "it is as good as before");
    world.configure(CONFIG);
    world.until("/metrics", |_, text| text.contains("mixer_config_source_available 1")).await;
    world.end().await;
}
