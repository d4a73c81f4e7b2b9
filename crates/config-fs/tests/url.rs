//! Which `fs://` URLs name a path.

use std::path::Path;

use mixer_config_fs::FsSource;

#[test]
fn paths() {
    for (url, path) in [
        ("fs:///etc/mixer", "/etc/mixer"),
        ("fs:///etc/mixer/rules.yaml", "/etc/mixer/rules.yaml"),
        ("fs:///with%20blank/%C3%A9%3F", "/with blank/é?"),
        ("fs:///", "/"),
    ] {
        assert_eq!(
            FsSource::from_url(url).map(|source| source.path).as_deref(),
            Ok(Path::new(path)),
            "{url}"
        );
    }
}

#[test]
fn problems() {
    for (url, text) in [
        (
            "fs://etc/mixer",
            "invalid config URL \"fs://etc/mixer\": \"etc\" is read as a host name; write three slashes, such as fs:///etc/mixer",
        ),
        (
            "fs://etc",
            "invalid config URL \"fs://etc\": \"etc\" is read as a host name; write three slashes, such as fs:///etc",
        ),
        ("fs://", "invalid config URL \"fs://\": a path is missing; write fs:///absolute/path"),
        ("file:///etc", "unknown config URL \"file:///etc\": the file source reads fs:///absolute/path"),
        ("", "unknown config URL \"\": the file source reads fs:///absolute/path"),
        (
            "fs:///etc?watch=true",
            "invalid config URL \"fs:///etc?watch=true\": fs:// takes no parameters; write %3F for a question mark, %23 for #, %25 for % in a path",
        ),
        (
            "fs:///100%",
            "invalid config URL \"fs:///100%\": fs:// takes no parameters; write %3F for a question mark, %23 for #, %25 for % in a path",
        ),
    ] {
        assert_eq!(
            FsSource::from_url(url).map_err(|error| error.to_string()).map(|s| s.path),
            Err(text.into()),
            "{url}"
        );
    }
}
