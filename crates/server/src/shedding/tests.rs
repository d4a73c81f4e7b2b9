//! Both evaluators against a clock that the test moves.

use super::*;

/// What happens next.
enum Step {
    /// Time passes, in milliseconds.
    Wait(u64),
    /// A request of this cost is taken.
    Taken(usize),
    /// A request of this cost is refused.
    Refused(usize),
    /// A request that is taken and answered after this many milliseconds.
    Slow(u64),
}
use Step::{Refused, Slow, Taken, Wait};

fn check(options: &Options, steps: &[Step]) -> Throttler {
    let throttler = Throttler::new(options, &Registry::new()).unwrap();
    let mut now = Instant::now();
    // Tickets of this loop carry no latency: they stay open until the end.
    let mut open = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match *step {
            Wait(millis) => now += Duration::from_millis(millis),
            Taken(cost) => match throttler.admit_at(cost, now) {
                Ok(ticket) => open.push(ticket),
                Err(Overloaded) => panic!("step {index}: cost {cost} was refused"),
            },
            Refused(cost) => {
                assert!(throttler.admit_at(cost, now).is_err(), "step {index}: cost {cost} was taken");
            }
            Slow(millis) => {
                let ticket = throttler.admit_at(1, now).unwrap_or_else(|_| panic!("step {index}: refused"));
                now += Duration::from_millis(millis);
                ticket.finish_at(now);
            }
        }
    }
    for ticket in &mut open {
        ticket.started = None;
    }
    throttler
}

fn rate(max_rate: f64, burst_size: u64) -> Options {
    Options { mode: Mode::Enforce, max_rate, burst_size, ..Options::default() }
}

/// Over 100 ms on average is too slow; `always` requests a second are taken all the same.
fn latency(always: f64) -> Options {
    Options {
        mode: Mode::Enforce,
        average_latency_threshold: Duration::from_millis(100),
        latency_enforcement_threshold: always,
        ..Options::default()
    }
}

#[test]
fn disabled_takes_everything() {
    let options = Options { max_rate: 1.0, burst_size: 1, ..Options::default() };
    check(&options, &[Taken(1), Taken(1000), Taken(1)]);
    check(&Options::default(), &[Taken(1), Taken(1000)]);
}

#[test]
fn the_rate_limit_refills_with_time() {
    check(
        &rate(10.0, 2),
        &[Taken(1), Taken(1), Refused(1), Wait(99), Refused(1), Wait(1), Taken(1), Refused(1)],
    );
}

#[test]
fn a_bucket_never_holds_more_than_its_size() {
    check(&rate(10.0, 2), &[Wait(60_000), Taken(2), Refused(1)]);
}

#[test]
fn without_a_burst_size_one_second_s_worth_may_come_at_once() {
    check(&rate(3.0, 0), &[Taken(1), Taken(2), Refused(1)]);
    check(&rate(0.5, 0), &[Taken(1), Refused(1), Wait(2000), Taken(1)]);
}

#[test]
fn a_report_larger_than_the_bucket_passes_when_it_is_full_and_is_paid_off() {
    let steps = [Taken(5), Wait(200), Refused(1), Wait(200), Taken(1), Refused(5)];
    check(&rate(10.0, 2), &steps);
    check(&rate(10.0, 2), &[Taken(1), Refused(5), Wait(100), Taken(5)]);
}

#[test]
fn an_empty_report_costs_nothing() {
    check(&rate(1.0, 1), &[Taken(1), Refused(1), Taken(0)]);
}

#[test]
fn log_only_takes_everything_and_counts() {
    let options = Options { mode: Mode::LogOnly, ..rate(1.0, 1) };
    let throttler = check(&options, &[Taken(1), Taken(3), Taken(4)]);
    let metrics = &throttler.0.as_ref().unwrap().metrics;
    assert_eq!((metrics.log_only.get(), metrics.throttled.get(), metrics.cost_shed.get()), (2, 0, 0));
}

#[test]
fn enforce_counts_requests_and_cost() {
    let throttler = check(&rate(1.0, 1), &[Taken(1), Refused(3), Refused(4)]);
    let metrics = &throttler.0.as_ref().unwrap().metrics;
    assert_eq!((metrics.log_only.get(), metrics.throttled.get(), metrics.cost_shed.get()), (0, 2, 7));
}

#[test]
fn slow_answers_refuse_what_follows_until_the_average_has_decayed() {
    // 200 ms halves to 100 ms, which is still too slow, after one second.
    let steps = [Slow(200), Refused(1), Wait(999), Refused(1), Wait(2), Taken(1)];
    check(&latency(0.0), &steps);
}

#[test]
fn fast_answers_are_taken() {
    check(&latency(0.0), &[Slow(50), Slow(99), Slow(99), Taken(1)]);
}

#[test]
fn fast_answers_bring_the_average_down() {
    let steps = [Slow(200), Refused(1), Wait(1001), Slow(10), Slow(10), Slow(10), Taken(1)];
    check(&latency(0.0), &steps);
}

#[test]
fn a_share_is_always_taken() {
    // The first two use up the share of this second; refused ones do not.
    let steps = [Slow(200), Taken(1), Refused(1), Refused(1), Wait(500), Taken(1), Refused(1)];
    check(&Options { latency_sample_half_life: Duration::from_secs(600), ..latency(2.0) }, &steps[..3]);
    check(&Options { latency_sample_half_life: Duration::from_secs(600), ..latency(2.0) }, &steps);
}

#[test]
fn the_sample_rate_counts_answers_only() {
    // One sample a second: the slow answer is one, the fast ones right after it are not.
    let options = Options { latency_samples_per_second: 1.0, ..latency(0.0) };
    let options = Options { latency_sample_half_life: Duration::from_secs(600), ..options };
    check(&options, &[Slow(150), Refused(1), Refused(1)]);
    let limited = Options { average_latency_threshold: Duration::from_millis(60), ..options.clone() };
    check(&limited, &[Slow(150), Wait(600_000), Wait(600_000), Slow(10), Slow(10), Taken(1)]);
    check(&Options { latency_samples_per_second: 0.5, ..options }, &[Slow(99), Slow(500), Taken(1)]);
}

#[test]
fn warnings_name_the_flags() {
    assert!(rate(3.0, 0).warnings()[0].contains("--burstSize"));
    assert!(
        Options { mode: Mode::LogOnly, ..Options::default() }.warnings()[0].contains("--loadsheddingMode")
    );
    assert!(rate(3.0, 1).warnings().is_empty());
}
