//! Every mistake in a configuration is named, and all of them at once.

use bytes::Bytes;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};

use crate::generated::Params;
use crate::generated::params::Stream;
use crate::setup::{Place, spec};

fn check(params: &Params, expected: &[(&str, &str)]) {
    let problems = mixer_stdio_adapter::adapter().validate(&spec(params));
    let expected: Vec<_> =
        expected.iter().map(|(field, message)| FieldProblem::new(*field, *message)).collect();
    assert_eq!(problems, expected);
}

fn stream(stream: Stream, path: &str) -> Params {
    Params { log_stream: stream.into(), output_path: path.to_owned(), ..Default::default() }
}

#[test]
fn the_path_belongs_to_files() {
    for params in [
        stream(Stream::Stdout, ""),
        stream(Stream::Stderr, ""),
        stream(Stream::File, "lines"),
        stream(Stream::RotatedFile, "/var/log/lines.log"),
    ] {
        check(&params, &[]);
    }
    let forbidden =
        |name| format!("must be empty when `log_stream` is {name}; for a file choose FILE or ROTATED_FILE");
    check(&stream(Stream::Stdout, "a"), &[("output_path", &forbidden("STDOUT"))]);
    check(&stream(Stream::Stderr, "a"), &[("output_path", &forbidden("STDERR"))]);
    check(&stream(Stream::File, ""), &[("output_path", "is needed when `log_stream` is FILE")]);
    check(
        &stream(Stream::RotatedFile, ""),
        &[("output_path", "is needed when `log_stream` is ROTATED_FILE")],
    );
    check(&stream(Stream::File, "a\0b"), &[("output_path", "\"a\\0b\" is not a path")]);
    for path in ["logs/", "/", "logs/.."] {
        let message = format!("{path:?} is a directory; name a file in it");
        check(&stream(Stream::File, path), &[("output_path", &message)]);
    }
}

#[test]
fn every_wrong_field_is_named() {
    let params = Params {
        log_stream: 4,
        severity_levels: [("a".to_owned(), 3), ("b".to_owned(), 2), ("c".to_owned(), -1)].into(),
        metric_level: 7,
        output_as_json: None,
        output_level: 8,
        output_path: "a".to_owned(),
        max_megabytes_before_rotation: Some(0),
        max_days_before_rotation: Some(-1),
        max_rotated_files: Some(i32::MIN),
    };
    check(
        &params,
        &[
            ("log_stream", "4 is not a stream"),
            ("severity_levels[a]", "3 is not a level"),
            ("severity_levels[c]", "-1 is not a level"),
            ("metric_level", "7 is not a level"),
            ("output_level", "8 is not a level"),
            (
                "output_path",
                "must be empty when `log_stream` is STDOUT; for a file choose FILE or ROTATED_FILE",
            ),
            ("max_megabytes_before_rotation", "is 0; must be at least 1"),
            ("max_days_before_rotation", "is -1; must be at least 0"),
            ("max_rotated_files", "is -2147483648; must be at least 0"),
        ],
    );
    let most = Params {
        max_megabytes_before_rotation: Some(i32::MAX),
        max_days_before_rotation: Some(i32::MAX),
        max_rotated_files: Some(i32::MAX),
        ..stream(Stream::RotatedFile, "a")
    };
    check(&most, &[]);
}

#[tokio::test]
async fn what_is_not_valid_is_not_built() {
    let adapter = mixer_stdio_adapter::adapter();
    let error = adapter.build(spec(&stream(Stream::File, ""))).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "the configuration is not valid: output_path: is needed when `log_stream` is FILE"
    );
    let params = Bytes::from_static(&[0x0a]);
    let problems = adapter.validate(&HandlerSpec { params, ..spec(&Params::default()) });
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].field, "");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error_of_the_build() {
    let place = Place::new();
    std::fs::create_dir(place.file()).unwrap();
    let error = mixer_stdio_adapter::adapter().build(spec(&place.params())).await.err().unwrap();
    let expected = format!(
        "{} cannot be opened: Is a directory (os error 21); look at `output_path` and its permissions",
        place.file().display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_descriptor_describes_the_configuration() {
    let adapter = mixer_stdio_adapter::adapter();
    let info = adapter.info();
    assert_eq!((info.name, info.templates), ("stdio", &["logentry", "metric"][..]));
    let set: prost_types::FileDescriptorSet = prost::Message::decode(info.config_descriptor).unwrap();
    let file = set.file.iter().find(|file| file.package() == "adapter.stdio.config").unwrap();
    let fields: Vec<_> =
        file.message_type[0].field.iter().map(|field| (field.number(), field.name())).collect();
    assert_eq!(
        fields,
        [
            (1, "log_stream"),
            (2, "severity_levels"),
            (3, "metric_level"),
            (4, "output_as_json"),
            (5, "output_level"),
            (6, "output_path"),
            (7, "max_megabytes_before_rotation"),
            (8, "max_days_before_rotation"),
            (9, "max_rotated_files"),
        ]
    );
}
