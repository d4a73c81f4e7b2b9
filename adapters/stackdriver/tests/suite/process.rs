//! The program itself: what its self-test says, with credentials that are found by the environment.

use std::process::Command;

use mixer_testkit::FakeGoogle;

use crate::support::PROJECT;

fn self_test(fake: &FakeGoogle, file: &std::path::Path, credentials: &std::path::Path) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mixer-stackdriver-adapter"));
    program.args(["--selfTest", "--params"]).arg(file);
    program.env("GOOGLE_APPLICATION_CREDENTIALS", credentials).env("GCE_METADATA_HOST", fake.host());
    program.env("HOSTNAME", "pod-7").env_remove("POD_NAME").env("NO_PROXY", "127.0.0.1");
    let output = program.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_test_writes_one_marked_point() {
    let fake = FakeGoogle::start(PROJECT).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (params, key) = (folder.path().join("params.yaml"), folder.path().join("key.json"));
    std::fs::write(&params, format!("endpoint: {}\nlog_info: {{a: {{}}}}\n", fake.endpoint())).unwrap();
    std::fs::write(&key, fake.service_account("key-1")).unwrap();
    let run = || {
        let (fake, params, key) = (fake.clone(), params.clone(), key.clone());
        tokio::task::spawn_blocking(move || self_test(&fake, &params, &key))
    };
    let (good, said) = run().await.unwrap();
    assert!(good && said.contains("one point was written") && said.contains("200 OK"), "{said}");
    let seen = fake.seen();
    assert_eq!(seen.faults, [] as [&str; 0]);
    assert_eq!(seen.series.len(), 1);
    assert_eq!(seen.series[0]["metric"]["labels"]["mixer_replica"], "pod-7");
    fake.revoke("key-1");
    let (good, said) = run().await.unwrap();
    assert!(!good && said.contains("invalid_grant"), "{said}");
    assert!(!said.contains("PRIVATE") && !said.contains("token-1"), "{said}");
}
