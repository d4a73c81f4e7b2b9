//! No value is lost while threads report, scrape and edit at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mixer_prometheus_adapter::Format;

use super::support::*;

const THREADS: i64 = 4;
const ROUNDS: i64 = 300;

#[test]
fn reports_scrapes_and_edits_do_not_lose_values() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let adapter = Arc::new(adapter());
    let metrics = params(&[
        metric("c", Kind::Counter, &["a", "b"]),
        MetricInfo { buckets: explicit(&[2.0, 5.0]), ..metric("h", Kind::Distribution, &["a", "b"]) },
    ]);
    let handler = runtime.block_on(build(&adapter, "h", &metrics)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reporters: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (handler, runtime) = (handler.clone(), &runtime);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        // Threads meet in some series and make others, in two encodings.
                        let a = Value::Int64Value((round + thread) % 7);
                        let b = if round % 2 == 0 { text("1") } else { Value::Int64Value(1) };
                        let bytes = instance(Some(Value::DoubleValue(1.5)), &[("a", a), ("b", b)]);
                        let batch = [("c", bytes.clone()), ("h", bytes)];
                        let outcome = runtime.block_on(report_bytes(&*handler, &batch));
                        assert_eq!(outcome.dropped, []);
                    }
                })
            })
            .collect();
        let others = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                adapter.render(Format::OpenMetrics);
                let edited = runtime.block_on(build(&adapter, "h", &metrics)).unwrap();
                runtime.block_on(edited.close());
            }
        });
        for reporter in reporters {
            reporter.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        others.join().unwrap();
    });
    let total = |prefix: &str| -> f64 {
        let lines = samples(&adapter);
        let values = lines
            .iter()
            .filter(|line| line.starts_with(prefix))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap());
        values.sum()
    };
    let count = (THREADS * ROUNDS) as f64;
    assert_eq!(total("t_c{"), count * 1.5);
    assert_eq!(total("t_h_sum{"), count * 1.5);
    assert_eq!(total("t_h_count{"), count);
    assert_eq!(samples(&adapter).iter().filter(|line| line.starts_with("t_c{")).count(), 7);
}
