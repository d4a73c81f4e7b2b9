//! Start-up: sockets first, answers after the first configuration, and clear errors.

use std::time::Duration;

use mixer_listen::ListenAddress;
use mixer_server::app::{Bound, RunError, StartError};
use mixer_server::config::{ConfigSource, ConfigUpdate, Content};
use mixer_testkit::Recorder;

use crate::support::{CONFIG, World, content, options};

fn fixed(config: &str) -> ConfigSource {
    ConfigSource::fixed("the test", content(config))
}

#[tokio::test]
async fn nobody_is_answered_before_the_first_configuration() {
    let world = World::unconfigured(options()).await;
    let address = world.grpc.to_string();
    // The socket is there: a connection waits for the server instead of being refused.
    let waiting = tokio::net::TcpStream::connect(address).await.unwrap();
    let check = world.check("request.path=/a");
    world.configure(CONFIG);
    check.await.unwrap();
    assert_eq!(world.recorder.take_calls().len(), 1, "the first answer already knows the rules");
    drop(waiting);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_configuration_start_up_fails_in_time() {
    let mut options = options();
    options.timing.config_wait = Duration::from_secs(3);
    let world = World::unconfigured(options).await;
    world.update(ConfigUpdate { content: None, unavailable: Some("no such directory".into()) });
    let error = world.running.await.unwrap().unwrap_err();
    assert!(matches!(error, RunError::NoConfig { .. }));
    let text = error.to_string();
    assert!(text.contains("--configWaitTimeout") && text.contains("no such directory"), "{text}");
    assert!(text.contains("the test") && text.contains("3s"), "{text}");
}

#[tokio::test]
async fn a_taken_port_is_an_ordinary_error() {
    let world = World::new().await;
    let mut options = options();
    options.grpc_address = world.grpc.clone();
    let error = Bound::bind(options, Recorder::new().registry(), fixed("")).await.unwrap_err();
    assert!(matches!(error, StartError::Bind(_)), "{error}");
    assert!(error.to_string().contains(&world.grpc.to_string()), "{error}");
    world.end().await;
}

#[tokio::test]
async fn the_monitoring_port_is_tcp() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options();
    options.admin_address = ListenAddress::Unix(directory.path().join("admin.sock"));
    let error = Bound::bind(options, Recorder::new().registry(), fixed("")).await.unwrap_err();
    assert!(matches!(error, StartError::Bind(_)) && error.to_string().contains("port only"), "{error}");
}

#[tokio::test]
async fn stopping_before_the_first_configuration_ends_at_once() {
    let world = World::unconfigured(options()).await;
    world.stop.request();
    world.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn configuration_with_problems_starts_all_the_same() {
    let broken = "rule broken {match: nonsense(, actions: [{handler: h, instances: [path]}]}";
    let world = World::start(options(), &format!("{CONFIG}\n{broken}")).await;
    world.check("").await.unwrap();
    assert!(world.metric("mixer_config_errors").await.unwrap() >= 1.0);
    world.end().await;
    let empty = World::unconfigured(options()).await;
    empty.update(ConfigUpdate { content: Some(Content::default()), unavailable: None });
    empty.ready().await;
    empty.end().await;
}
