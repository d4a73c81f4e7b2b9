//! The adapter through its trait, with a clock that stands still until it is told to move.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mixer_adapter_sdk::{Adapter, Call, Handler, HandlerSpec, InstanceInfo, QuotaCall, QuotaResult, hosted};
use mixer_proto::policy::v1beta1::{Value, value};
use mixer_proto::template::quota::InstanceMsg;
use proptest::prelude::*;
use prost::Message as _;

use super::{Clock, Memquota};
use crate::config::{Limit, Window};
use crate::generated::Params;
use crate::generated::params::{Algorithm, Override, Quota};
use crate::store::{self, Bounds, Store};
use crate::window::Usage;

const NAME: &str = "requests.instance.default";

/// The adapter and the hand of its clock, in milliseconds.
struct Bench {
    adapter: Arc<dyn Adapter>,
    hand: Arc<AtomicU64>,
}

impl Bench {
    fn new() -> Self {
        let hand = Arc::new(AtomicU64::new(0));
        let clock = hand.clone();
        let clock: Clock = Arc::new(move || Duration::from_millis(clock.load(Ordering::SeqCst)));
        Self { adapter: hosted(Memquota::new(clock)), hand }
    }

    fn handler(&self, params: &Params) -> Arc<dyn Handler> {
        let spec = spec(params);
        assert_eq!(self.adapter.validate(&spec), []);
        futures(self.adapter.build(spec)).unwrap()
    }

    fn wait(&self, millis: u64) {
        self.hand.fetch_add(millis, Ordering::SeqCst);
    }
}

/// Runs a future that never waits.
fn futures<T>(mut future: mixer_adapter_sdk::BoxFuture<'_, T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("memquota never waits"),
    }
}

fn spec(params: &Params) -> HandlerSpec {
    let instance =
        InstanceInfo { name: NAME.into(), template: "quota".into(), inferred_type: bytes::Bytes::new() };
    HandlerSpec {
        name: "memquota.default".into(),
        params: params.encode_to_vec().into(),
        instances: vec![instance],
    }
}

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn quota(max_amount: i64, valid: i64) -> Quota {
    Quota {
        name: NAME.to_owned(),
        max_amount,
        valid_duration: (valid > 0).then(|| seconds(valid)).flatten(),
        ..Quota::default()
    }
}

fn params(quota: Quota) -> Params {
    Params { quotas: vec![quota], ..Params::default() }
}

fn instance(dimensions: &[(&str, &str)]) -> bytes::Bytes {
    let value = |text: &str| Value { value: Some(value::Value::StringValue(text.to_owned())) };
    let dimensions = dimensions.iter().map(|(name, text)| ((*name).to_owned(), value(text)));
    InstanceMsg { dimensions: dimensions.collect(), name: NAME.to_owned() }.encode_to_vec().into()
}

/// One step of a script.
#[derive(Clone, Copy)]
enum Step {
    /// Asks (amount, best effort, id) for dimensions, and what comes back: amount and validity in milliseconds.
    Ask(&'static [(&'static str, &'static str)], i64, bool, &'static str, (i64, u64)),
    /// Lets milliseconds pass.
    Wait(u64),
}

use Step::{Ask, Wait};

fn ask(
    handler: &dyn Handler,
    dimensions: &[(&str, &str)],
    amount: i64,
    best_effort: bool,
    id: &str,
) -> QuotaResult {
    let call = Call { template: "quota", instance: NAME, bytes: instance(dimensions), deadline: None };
    futures(handler.quota(QuotaCall { call, amount, best_effort, dedup_id: id })).unwrap()
}

fn check(params: &Params, steps: &[Step]) {
    let bench = Bench::new();
    let handler = bench.handler(params);
    for (index, step) in steps.iter().enumerate() {
        match *step {
            Wait(millis) => bench.wait(millis),
            Ask(dimensions, amount, best_effort, id, expected) => {
                let result = ask(&*handler, dimensions, amount, best_effort, id);
                assert!(result.status.is_ok(), "step {index}: {:?}", result.status);
                let found = (result.amount, result.valid_duration.as_millis() as u64);
                assert_eq!(found, expected, "step {index}");
            }
        }
    }
}

const A: &[(&str, &str)] = &[("user", "a")];
const B: &[(&str, &str)] = &[("user", "b")];

#[test]
fn all_or_nothing_or_what_there_is() {
    check(
        &params(quota(5, 10)),
        &[
            Ask(A, 3, false, "", (3, 10_000)),
            Ask(A, 3, false, "", (0, 0)),
            Ask(A, 3, true, "", (2, 10_000)),
            Ask(A, 1, true, "", (0, 0)),
            Ask(B, 5, false, "", (5, 10_000)),
            Ask(B, 0, false, "", (0, 0)),
        ],
    );
}

#[test]
fn a_rolling_window_frees_step_by_step() {
    check(
        &params(quota(10, 1)),
        &[
            Ask(A, 6, false, "", (6, 1_000)),
            Wait(500),
            Ask(A, 4, false, "", (4, 1_000)),
            Wait(400),
            Ask(A, 1, false, "", (0, 0)),
            Wait(200),
            Ask(A, 7, false, "", (0, 0)),
            Ask(A, 6, false, "", (6, 1_000)),
            Wait(500),
            Ask(A, 5, true, "", (4, 1_000)),
        ],
    );
}

#[test]
fn a_fixed_window_frees_everything_at_its_end() {
    let fixed = Quota { rate_limit_algorithm: Algorithm::FixedWindow.into(), ..quota(10, 1) };
    check(
        &params(fixed),
        &[
            Ask(A, 6, false, "", (6, 1_000)),
            Wait(900),
            Ask(A, 4, false, "", (4, 1_000)),
            Wait(99),
            Ask(A, 1, true, "", (0, 0)),
            Wait(1),
            Ask(A, 10, false, "", (10, 1_000)),
            Wait(999),
            Ask(A, 1, false, "", (0, 0)),
        ],
    );
}

#[test]
fn without_a_window_amounts_are_given_back() {
    check(
        &params(quota(5, 0)),
        &[
            Ask(A, 5, false, "", (5, 0)),
            Wait(1_000_000),
            Ask(A, 1, false, "", (0, 0)),
            Ask(A, -2, false, "", (2, 0)),
            Ask(A, 3, true, "", (2, 0)),
            Ask(A, -9, false, "", (5, 0)),
            Ask(A, -1, false, "", (0, 0)),
            Ask(B, -1, false, "", (0, 0)),
        ],
    );
}

#[test]
fn a_repeated_id_is_one_allocation() {
    check(
        &params(quota(5, 10)),
        &[
            Ask(A, 3, false, "id", (3, 10_000)),
            Ask(A, 3, false, "id", (3, 10_000)),
            Ask(A, 2, false, "other", (2, 10_000)),
            // The id belongs to the cell: another one is not answered by it.
            Ask(B, 4, false, "id", (4, 10_000)),
            // Calls without id are never the same call.
            Ask(B, 1, false, "", (1, 10_000)),
            Ask(B, 1, false, "", (0, 0)),
            Wait(1_000),
            Ask(A, 3, false, "id", (0, 0)),
        ],
    );
}

#[test]
fn the_first_override_that_matches_counts() {
    let with = |pairs: &[(&str, &str)], max_amount| Override {
        dimensions: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        max_amount,
        valid_duration: seconds(2),
    };
    let overrides = vec![with(&[("user", "a"), ("plan", "")], 1), with(&[("user", "a")], 7)];
    check(
        &params(Quota { overrides, ..quota(3, 1) }),
        &[
            Ask(A, 2, true, "", (1, 2_000)),
            Ask(&[("plan", "gold"), ("user", "a")], 9, true, "", (7, 2_000)),
            Ask(B, 9, true, "", (3, 1_000)),
        ],
    );
}

#[test]
fn an_edit_keeps_what_is_in_use() {
    let bench = Bench::new();
    let before = bench.handler(&params(quota(5, 60)));
    assert_eq!(ask(&*before, A, 5, false, "").amount, 5);
    let after = bench.handler(&params(quota(8, 60)));
    assert_eq!(ask(&*after, A, 9, true, "").amount, 3);
}

/// Each of them would otherwise use up what the other has, or start its windows anew.
#[test]
fn handlers_count_apart() {
    let bench = Bench::new();
    let first = bench.handler(&Params { max_cells: Some(1), ..params(quota(5, 60)) });
    let other = HandlerSpec { name: "other.default".into(), ..spec(&params(quota(3, 1))) };
    let other = futures(bench.adapter.build(other)).unwrap();
    for (amount, left) in [(4, 3), (1, 0), (0, 0)] {
        assert_eq!(ask(&*first, A, 4, true, "").amount, amount);
        assert_eq!(ask(&*other, A, 4, true, "").amount, left);
    }
    assert_eq!(ask(&*other, B, 1, true, "").amount, 1);
}

/// Callers choose ids and dimensions.
#[test]
fn long_texts_are_not_kept() {
    let mut store = Store::default();
    let text = "x".repeat(1 << 20);
    let limit = Limit { max_amount: 5, window: Window::None };
    let ask = store::Ask { key: text.as_bytes(), limit, amount: 1, best_effort: false, dedup_id: &text };
    let bounds = Bounds { max_cells: 1, deduplication: Duration::from_secs(1) };
    assert_eq!(store.ask(ask, bounds, Duration::ZERO).unwrap().amount, 1);
    assert!(format!("{store:?}").len() < 2_000);
}

#[test]
fn cells_are_bounded_and_idle_ones_make_room() {
    let bench = Bench::new();
    let handler = bench.handler(&Params { max_cells: Some(2), ..params(quota(5, 1)) });
    bench.wait(1_000);
    assert_eq!(ask(&*handler, A, 1, false, "").amount, 1);
    assert_eq!(ask(&*handler, B, 1, false, "").amount, 1);
    let refused = ask(&*handler, &[("user", "c")], 1, false, "");
    assert_eq!((refused.amount, refused.status.code), (0, mixer_adapter_sdk::code::RESOURCE_EXHAUSTED));
    bench.wait(2_000);
    assert_eq!(ask(&*handler, &[("user", "c")], 1, false, "").amount, 1);
}

#[test]
fn every_problem_is_told_at_once() {
    let bench = Bench::new();
    let bad = Params {
        quotas: vec![
            Quota { name: String::new(), max_amount: -1, ..Quota::default() },
            Quota { name: "other".to_owned(), rate_limit_algorithm: 7, ..Quota::default() },
            Quota { name: "other".to_owned(), ..Quota::default() },
        ],
        min_deduplication_duration: seconds(0),
        max_cells: Some(0),
    };
    let problems: Vec<String> = bench.adapter.validate(&spec(&bad)).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "min_deduplication_duration: must be more than 0s",
            "max_cells: is 0; must be at least 1",
            "quotas[0].max_amount: is -1; must be at least 0",
            "quotas[0].name: is missing; it is the full name of a quota instance",
            "quotas[1].rate_limit_algorithm: is neither ROLLING_WINDOW nor FIXED_WINDOW",
            "quotas[2].name: other has limits already",
            "quotas: has no limit for requests.instance.default, which a rule sends here",
        ]
    );
}

#[test]
fn what_is_no_instance_is_an_error() {
    let bench = Bench::new();
    let handler = bench.handler(&params(quota(5, 1)));
    let call = |instance, bytes: &'static [u8]| Call {
        template: "quota",
        instance,
        bytes: bytes::Bytes::from_static(bytes),
        deadline: None,
    };
    for (instance, bytes) in [(NAME, &b"\x0a\xff"[..]), ("unknown.instance.default", &b""[..])] {
        let call = QuotaCall { call: call(instance, bytes), amount: 1, best_effort: true, dedup_id: "" };
        assert!(futures(handler.quota(call)).is_err(), "{instance}");
    }
}

proptest! {
    /// Whatever is asked and however time passes, no more than the limit is in use within any window.
    #[test]
    fn no_window_grants_more_than_the_limit(
        asks in proptest::collection::vec((0u64..400, 1i64..8), 1..60),
        fixed: bool,
    ) {
        let window = Duration::from_secs(1);
        let kind = if fixed { Window::Fixed(window) } else { Window::Rolling(window) };
        let limit = Limit { max_amount: 10, window: kind };
        let mut usage = Usage::new(limit, Duration::ZERO);
        let mut now = 0;
        let mut granted: Vec<(u64, i64)> = Vec::new();
        // Of the present fixed window.
        let (mut start, mut in_window) = (None, 0);
        for (wait, amount) in asks {
            now += wait;
            let taken = usage.take(amount, true, Duration::from_millis(now));
            prop_assert!((0..=amount).contains(&taken));
            granted.push((now, taken));
            if !fixed {
                // A rolling window moves in steps of 100 ms, so it may free that much early.
                let within = granted.iter().filter(|(at, _)| now - at < 900).map(|(_, n)| n).sum::<i64>();
                prop_assert!(within <= 10, "{within}");
                continue;
            }
            if taken > 0 && start.is_none_or(|start| now - start >= 1_000) {
                (start, in_window) = (Some(now), 0);
            }
            in_window += taken;
            prop_assert!(in_window <= 10, "{in_window}");
        }
        let idle = usage.is_idle(Duration::from_millis(now + 2_000));
        prop_assert!(idle);
    }
}
