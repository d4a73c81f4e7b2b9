//! Addresses and numbers as they are written, payloads as they are packed, and failures as they are told.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;
use rustix::io::Errno;

use super::failure::Failure;
use super::outage::Outage;
use super::queue::{Limits, Lost, PayloadQueue};
use super::{LineAddress, LineNumber, Lines, NoNumber};
use crate::value::{Value, ValueView};

#[test]
fn addresses_are_read() {
    let check = |text: &str, shown: &str| {
        let address: LineAddress = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(address.to_string(), shown, "{text}");
        assert_eq!(shown.parse(), Ok(address), "{shown}");
    };
    check("localhost:8125", "udp://localhost:8125");
    check(":8125", "udp://localhost:8125");
    check("udp://10.0.0.1:1", "udp://10.0.0.1:1");
    check("[::1]:8125", "udp://[::1]:8125");
    check("tcp://a.b:8125", "tcp://a.b:8125");
    check("unix:///var/run/dsd.socket", "unix:///var/run/dsd.socket");
    check("unixgram:///a", "unixgram:///a");
    check("unixstream:///a b", "unixstream:///a b");
    for wrong in [
        "",
        "a",
        "a:",
        "a:0",
        "a:65536",
        "a:b",
        "::1:8125",
        "[::1",
        "a/b:1",
        "http://a:1",
        "unix://a",
        "unix:a",
    ] {
        assert!(wrong.parse::<LineAddress>().is_err(), "{wrong}");
    }
    let with_port = |text: &str| LineAddress::parse(text, Some(7)).map(|address| address.to_string());
    assert_eq!(with_port("udp://a"), Ok("udp://a:7".to_owned()));
    assert_eq!(with_port("udp://[::1]"), Ok("udp://[::1]:7".to_owned()));
    assert_eq!(with_port("udp://a:8"), Ok("udp://a:8".to_owned()));
}

#[test]
fn values_are_numbers() {
    let check = |value: Value, wanted: Result<&str, NoNumber>| {
        let bytes = value.to_bytes();
        let found = LineNumber::of(ValueView::parse(&bytes).unwrap());
        assert_eq!(found.map(|number| number.to_string()), wanted.map(str::to_owned), "{value:?}");
    };
    let nanos = |nanos| Value::Duration(crate::Duration::from_nanos(nanos));
    let text = |text: &str| Value::String(text.to_owned());
    check(Value::Int64(i64::MIN), Ok("-9223372036854775808"));
    check(Value::Double(0.1), Ok("0.1"));
    check(Value::Double(5.0), Ok("5"));
    check(Value::Double(-0.0), Ok("0"));
    check(Value::Double(1e-7), Ok("0.0000001"));
    check(Value::Double(1e21), Ok("1000000000000000000000"));
    check(nanos(1_500_250_000), Ok("1500.25"));
    check(nanos(1), Ok("0.000001"));
    check(nanos(-2_000_000), Ok("-2"));
    check(nanos(i64::MAX), Ok("9223372036854.775807"));
    check(text("9007199254740993"), Ok("9007199254740993"));
    check(text("2.50"), Ok("2.5"));
    check(text("x"), Err(NoNumber::NotANumber("x".to_owned())));
    check(text("inf"), Err(NoNumber::NotFinite(f64::INFINITY)));
    check(Value::Bool(true), Err(NoNumber::NotANumber("true".to_owned())));
    assert_eq!(LineNumber::of(None), Err(NoNumber::Missing));
}

#[test]
fn failures_have_their_words() {
    for (errno, word) in [
        (Errno::NOENT, "socket_missing"),
        (Errno::CONNREFUSED, "connection_refused"),
        (Errno::PIPE, "connection_lost"),
        (Errno::CONNRESET, "connection_lost"),
        (Errno::ACCESS, "permission_denied"),
        (Errno::NOBUFS, "no_buffer_space"),
        (Errno::AGAIN, "receiver_full"),
        (Errno::MSGSIZE, "message_too_long"),
        (Errno::PROTOTYPE, "wrong_socket_type"),
        (Errno::HOSTUNREACH, "unreachable"),
        (Errno::IO, "io_error"),
    ] {
        assert_eq!(Failure::from(io::Error::from(errno)).reason, word);
    }
}

/// What the log of a thread says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_once_a_minute_and_when_it_is_over() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().without_time().with_ansi(false).with_target(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let address: LineAddress = "unix:///a".parse().unwrap();
    let failure = Failure::new("socket_missing", "not there");
    let mut outage = Outage::new("test");
    outage.over(&address);
    for _ in 0..700 {
        outage.lost(&address, 2, &failure);
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    outage.over(&address);
    // The next one begins too soon to be told again.
    outage.lost(&address, 2, &failure);
    outage.over(&address);
    let said = String::from_utf8(log.0.lock().clone()).unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(
        lines[0].contains("WARN") && lines[0].contains("not there") && lines[0].contains("lost=2"),
        "{said}"
    );
    assert!(lines[1].contains("WARN") && lines[1].contains("lost=1202"), "{said}");
    assert!(lines[2].contains("INFO") && lines[2].contains("lost=1400"), "{said}");
}

proptest! {
    #[test]
    fn nothing_is_lost_uncounted_and_no_payload_is_too_large(
        lines in proptest::collection::vec(("[a-z]{0,40}", 0_usize..3), 0..60),
        (payload, line, most, queue) in (8_usize..60, 8_usize..60, 1_usize..6, 20_usize..400),
        batch in 1_usize..9,
    ) {
        let line = line.max(payload);
        let mut packed = PayloadQueue::new(Limits { payload, line, lines: most, queue });
        let mut lost = Lost::default();
        for batch in lines.chunks(batch) {
            let mut together = Lines::default();
            for (text, items) in batch {
                together.add(*items, |out| out.extend_from_slice(text.as_bytes()));
            }
            let more = packed.push(&together);
            lost.too_large.extend(more.too_large);
            lost.evicted.extend(more.evicted);
        }
        packed.seal(&mut lost);
        let (mut items, mut bytes, mut arrived) = (0, 0, Vec::new());
        while let Some(payload_) = packed.pop() {
            let text = String::from_utf8(payload_.bytes.clone()).unwrap();
            prop_assert!(text.ends_with('\n'));
            let count = text.matches('\n').count();
            prop_assert!(count <= most);
            prop_assert!(text.len() <= payload || (count == 1 && text.len() <= line));
            items += payload_.items;
            bytes += text.len();
            arrived.extend(text.lines().map(str::to_owned));
        }
        prop_assert!(bytes <= queue.max(line));
        // The newest ones are there, in their order.
        let short: Vec<_> = lines.iter().filter(|(text, _)| text.len() < line).collect();
        let newest: Vec<_> = short.iter().skip(short.len() - arrived.len()).map(|(text, _)| text.clone()).collect();
        prop_assert_eq!(arrived, newest);
        let gone = lost.too_large.iter().chain(&lost.evicted).map(|(items, _)| items).sum::<usize>();
        prop_assert_eq!(items + gone, lines.iter().map(|(_, items)| items).sum::<usize>());
    }
}
