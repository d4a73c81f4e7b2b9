//! The `version` command in each of its forms.

use mixer_cli::{BuildFacts, Format, VersionArgs};

const FACTS: BuildFacts =
    BuildFacts { version: "1.2.3", revision: "abc", hub: "unknown", tag: "1.2.3-rc", status: "Clean" };

fn check(short: bool, output: Option<Format>, expected: &str) {
    assert_eq!(VersionArgs { short, output }.text("mixc", &FACTS), expected);
}

#[test]
fn every_form() {
    check(false, None, "mixc 1.2.3 (revision abc, Clean)");
    check(true, None, "1.2.3");
    check(
        false,
        Some(Format::Json),
        r#"{
  "clientVersion": {
    "version": "1.2.3",
    "revision": "abc",
    "hub": "unknown",
    "status": "Clean",
    "tag": "1.2.3-rc"
  }
}"#,
    );
    check(
        true,
        Some(Format::Yaml),
        r#"clientVersion:
  version: "1.2.3"
  revision: "abc"
  hub: "unknown"
  status: "Clean"
  tag: "1.2.3-rc""#,
    );
}
