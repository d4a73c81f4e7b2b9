//! What operators write becomes options, and each thing that is wrong is told with its field.

use super::*;

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

fn fields(problems: Problems) -> Vec<String> {
    let problems = problems.unless_any(()).err().unwrap_or_default();
    problems.into_iter().map(|problem| problem.field).collect()
}

#[test]
fn nothing_written_is_the_default() {
    let mut problems = Problems::new();
    let http = ConnectionParams::default().check("", "x/1", &mut problems);
    assert_eq!((http.timeout, http.user_agent.as_str()), (Duration::from_secs(15), "x/1"));
    assert!(http.ca_file.is_none() && http.client_certificate.is_none());
    let defaults = PipelineOptions { harvest_period: Duration::from_secs(7), ..PipelineOptions::default() };
    let options = DeliveryParams::default().check("", defaults, &mut problems);
    assert_eq!(options.harvest_period, Duration::from_secs(7));
    assert_eq!(options.engine.queue, QueueLimits::default());
    assert_eq!(options.spool.max_age, Duration::from_secs(48 * 3600));
    assert_eq!(fields(problems), [] as [&str; 0]);
}

#[test]
fn what_is_written_counts() {
    let (two, three) = (seconds(2), seconds(3));
    let mut problems = Problems::new();
    let http = ConnectionParams {
        ca_file: "ca.pem",
        client_certificate_file: "c.pem",
        client_key_file: "k.pem",
        proxy_url: "http://user:secret@proxy:3128",
        request_timeout: Some(&two),
        connect_timeout: Some(&three),
    };
    let http = http.check("", "x/1", &mut problems);
    assert_eq!((http.timeout, http.connect_timeout), (Duration::from_secs(2), Duration::from_secs(3)));
    assert_eq!(http.ca_file, Some("ca.pem".into()));
    assert_eq!(http.client_certificate.unwrap().key, PathBuf::from("k.pem"));
    assert!(http.proxy.https.unwrap().expose().starts_with("http://user"));
    let options = DeliveryParams {
        harvest_period: Some(&two),
        max_queue_items: Some(5),
        max_queue_bytes: Some(6),
        max_in_flight: Some(7),
        give_up_after: Some(&three),
        spool_max_age: Some(&two),
    };
    let options = options.check("", PipelineOptions::default(), &mut problems);
    assert_eq!(options.harvest_period, Duration::from_secs(2));
    assert_eq!(options.engine.queue, QueueLimits { items: 5, bytes: 6 });
    assert_eq!((options.engine.in_flight, options.engine.retry.give_up_after.as_secs()), (7, 3));
    assert_eq!(options.spool.max_age, Duration::from_secs(2));
    assert_eq!(fields(problems), [] as [&str; 0]);
}

#[test]
fn every_problem_is_told_with_its_field() {
    let (zero, less) = (seconds(0), seconds(-1));
    let mut problems = Problems::new();
    let connection = ConnectionParams {
        client_certificate_file: "c.pem",
        proxy_url: "secret@proxy",
        request_timeout: Some(&less),
        connect_timeout: Some(&zero),
        ..ConnectionParams::default()
    };
    connection.check("http.", "x/1", &mut problems);
    let key_alone = ConnectionParams { client_key_file: "k.pem", ..ConnectionParams::default() };
    key_alone.check("", "x/1", &mut problems);
    let delivery = DeliveryParams {
        harvest_period: Some(&zero),
        max_queue_items: Some(0),
        max_queue_bytes: Some(-1),
        max_in_flight: Some(0),
        give_up_after: Some(&zero),
        spool_max_age: Some(&less),
    };
    delivery.check("d.", PipelineOptions::default(), &mut problems);
    let told = [
        "http.client_key_file",
        "http.request_timeout",
        "http.connect_timeout",
        "http.proxy_url",
        "client_certificate_file",
        "d.harvest_period",
        "d.max_queue_items",
        "d.max_queue_bytes",
        "d.max_in_flight",
        "d.give_up_after",
        "d.spool_max_age",
    ];
    assert_eq!(fields(problems), told);
}
