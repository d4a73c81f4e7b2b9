//! Calls spread over all addresses of a name, and follow it when it changes.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::{Balancer, HURRY, REFRESH};
use crate::handler::grpc::connection::{Connector, Security};
use crate::handler::grpc::endpoint::{Endpoint, Place};
use crate::handler::grpc::identity::IdentityMetrics;
use crate::handler::grpc::resolve::Resolve;
use crate::handler::grpc::target::Target;

/// Answers from a script; the last answer stays.
#[derive(Debug)]
struct Script {
    answers: Mutex<VecDeque<Option<Vec<u8>>>>,
    asked: Mutex<Vec<Instant>>,
}

impl Script {
    fn new(answers: &[Option<&[u8]>]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.map(<[u8]>::to_vec)).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 8080))
}

impl Resolve for Script {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        assert_eq!((host, port), ("adapter", 8080));
        self.asked.lock().push(Instant::now());
        let mut answers = self.answers.lock();
        let answer = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
        let answer = answer
            .map(|lasts| lasts.into_iter().map(address).collect())
            .ok_or_else(|| io::Error::other("no such host"));
        Box::pin(std::future::ready(answer))
    }
}

fn balancer(script: &Arc<Script>) -> Balancer {
    balancer_of(script).0
}

/// A balancer, and what is told of connections that end.
fn balancer_of(script: &Arc<Script>) -> (Balancer, Arc<Notify>) {
    let target = Target::parse("dns:///adapter:8080").unwrap();
    let counters = crate::metrics::Metrics::new(&prometheus::Registry::new()).unwrap().identity;
    let metrics = IdentityMetrics::new("the adapter".to_owned(), "h".into(), counters);
    let security = Arc::new(Security { identity: None, metrics });
    let connector = Connector::new(&target.authority(), security).unwrap();
    let ended = connector.ended().clone();
    (Balancer::new(&target, connector, script.clone()), ended)
}

fn last(endpoint: &Endpoint) -> u8 {
    match endpoint.place() {
        Place::Tcp(SocketAddr::V4(address)) => address.ip().octets()[3],
        place => panic!("{place:?}"),
    }
}

/// How often each address is picked.
fn picks(balancer: &Balancer, count: usize) -> BTreeMap<u8, usize> {
    let mut picks = BTreeMap::new();
    for _ in 0..count {
        *picks.entry(last(&balancer.pick(&[]).unwrap())).or_default() += 1;
    }
    picks
}

#[tokio::test(start_paused = true)]
async fn calls_go_to_all_addresses_in_turn() {
    let script = Script::new(&[Some(&[1, 2, 3])]);
    let balancer = balancer(&script);
    balancer.ready().await.unwrap();
    assert_eq!(picks(&balancer, 30), [(1, 10), (2, 10), (3, 10)].into());
}

#[tokio::test(start_paused = true)]
async fn a_busy_address_gets_fewer_calls() {
    let script = Script::new(&[Some(&[1, 2])]);
    let balancer = balancer(&script);
    balancer.ready().await.unwrap();
    let _busy: Vec<_> = std::iter::repeat_with(|| balancer.pick(&[]).unwrap())
        .filter(|e| last(e) == 1)
        .take(1)
        .map(|e| e.call())
        .collect();
    assert_eq!(picks(&balancer, 10), [(2, 10)].into());
}

#[tokio::test(start_paused = true)]
async fn an_address_that_failed_is_left_alone_for_a_while() {
    let script = Script::new(&[Some(&[1, 2])]);
    let balancer = balancer(&script);
    balancer.ready().await.unwrap();
    let first = balancer.pick(&[]).unwrap();
    first.call().failed();
    let other = if last(&first) == 1 { 2 } else { 1 };
    assert_eq!(picks(&balancer, 10), [(other, 10)].into());
    assert_eq!(last(&balancer.pick(std::slice::from_ref(&first)).unwrap()), other);
    sleep(Duration::from_millis(101)).await;
    assert_eq!(picks(&balancer, 10), [(1, 5), (2, 5)].into());
    first.call().failed();
    first.call().succeeded();
    assert_eq!(picks(&balancer, 10), [(1, 5), (2, 5)].into());
}

#[tokio::test(start_paused = true)]
async fn when_all_failed_all_are_tried() {
    let script = Script::new(&[Some(&[1, 2])]);
    let balancer = balancer(&script);
    balancer.ready().await.unwrap();
    let mut tried = Vec::new();
    while let Some(endpoint) = balancer.pick(&tried) {
        endpoint.call().failed();
        tried.push(endpoint);
    }
    assert_eq!(tried.len(), 2);
    assert_eq!(picks(&balancer, 10), [(1, 5), (2, 5)].into());
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_late_counts_as_failed() {
    let script = Script::new(&[Some(&[1, 2])]);
    let balancer = balancer(&script);
    balancer.ready().await.unwrap();
    let call = balancer.pick(&[]).unwrap().call();
    sleep(Duration::from_millis(999)).await;
    drop(call);
    assert_eq!(picks(&balancer, 10).len(), 2);
    let call = balancer.pick(&[]).unwrap().call();
    sleep(Duration::from_secs(1)).await;
    drop(call);
    assert_eq!(picks(&balancer, 10).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_name_is_followed_and_connections_are_kept() {
    let script = Script::new(&[Some(&[1, 2]), Some(&[2, 3, 3])]);
    let balancer = balancer(&script);
    balancer.ready().await.unwrap();
    let kept = std::iter::repeat_with(|| balancer.pick(&[]).unwrap()).find(|e| last(e) == 2).unwrap();
    sleep(REFRESH).await;
    assert_eq!(picks(&balancer, 10), [(2, 5), (3, 5)].into());
    let again = std::iter::repeat_with(|| balancer.pick(&[]).unwrap()).find(|e| last(e) == 2).unwrap();
    assert!(Arc::ptr_eq(&kept, &again));
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_hurries_the_lookup_but_not_too_much() {
    let script = Script::new(&[Some(&[1])]);
    let balancer = balancer(&script);
    balancer.ready().await.unwrap();
    for _ in 0..20 {
        balancer.failed();
        sleep(HURRY / 4).await;
    }
    let asked = script.asked.lock().clone();
    assert!((5..=7).contains(&asked.len()), "{}", asked.len());
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= HURRY));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_hurries_the_lookup() {
    let script = Script::new(&[Some(&[1]), Some(&[2])]);
    let (balancer, ended) = balancer_of(&script);
    balancer.ready().await.unwrap();
    assert_eq!(picks(&balancer, 1), [(1, 1)].into());
    ended.notify_one();
    sleep(HURRY + Duration::from_millis(1)).await;
    assert_eq!(picks(&balancer, 1), [(2, 1)].into());
    assert_eq!(script.asked.lock().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_addresses_calls_fail_at_once_until_there_are_some() {
    let script = Script::new(&[None, Some(&[]), Some(&[7]), None]);
    let balancer = balancer(&script);
    assert_eq!(&*balancer.ready().await.unwrap_err(), "no such host");
    assert!(balancer.pick(&[]).is_none());
    sleep(HURRY + Duration::from_millis(1)).await;
    assert_eq!(&*balancer.ready().await.unwrap_err(), "it has no address");
    sleep(HURRY + Duration::from_millis(1)).await;
    balancer.ready().await.unwrap();
    assert_eq!(picks(&balancer, 3), [(7, 3)].into());
    sleep(REFRESH * 3).await;
    balancer.ready().await.unwrap();
    assert_eq!(picks(&balancer, 3), [(7, 3)].into(), "old addresses are better than none");
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_up_for_a_handler_that_is_gone() {
    let script = Script::new(&[Some(&[1])]);
    drop(balancer(&script));
    sleep(REFRESH * 5).await;
    assert!(script.asked.lock().len() <= 1);
}
