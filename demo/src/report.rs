//! The table at the end, and whether its numbers agree.

use crate::load::Sent;
use crate::metrics::Found;
use crate::mixer::DENIED_MESSAGE;

/// Prints what was sent, checked, denied, reported and scraped.
///
/// # Errors
/// Numbers that should be equal are not.
pub(crate) fn print(sent: &Sent, found: &Found) -> anyhow::Result<()> {
    let status = |code: u16| sent.by_status.get(&code).copied().unwrap_or(0);
    let rows = [
        ("requests sent through Envoy", sent.total() as f64, sent.total()),
        ("answered 200", status(200) as f64, sent.allowed),
        ("answered 403", status(403) as f64, sent.denied),
        ("checks allowed by mixs", found.checks_ok, sent.allowed),
        ("checks denied by mixs", found.checks_denied, sent.denied),
        ("access log entries received by mixs", found.entries, sent.total()),
        ("istio_requests_total in Prometheus", found.counted, sent.total()),
        ("  of these with response_code 403", found.counted_denied, sent.denied),
        ("istio_request_duration_seconds_count", found.durations, sent.total()),
    ];
    println!("\n{:<40} {:>8} {:>9}", "", "found", "expected");
    let mut wrong = Vec::new();
    for (name, value, expected) in rows {
        let agrees = value == expected as f64;
        println!("{name:<40} {value:>8} {expected:>9}  {}", if agrees { "ok" } else { "DIFFERS" });
        if !agrees {
            wrong.push(name.trim());
        }
    }
    println!("\nthe denied route says: {}", sent.refusal.trim());
    if sent.denied > 0 && !sent.refusal.contains(DENIED_MESSAGE) {
        wrong.push("the refusal's message");
    }
    anyhow::ensure!(wrong.is_empty(), "these do not agree: {}", wrong.join(", "));
    println!("all numbers agree");
    Ok(())
}
