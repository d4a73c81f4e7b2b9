//! Images: what is in them and what is not, how large they are, that they come out the same twice, and that the programs run
//! in them under every restriction that Podman has.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test says when it is skipped, and what it has measured")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mixer_deploy_tests::image::{self, Image};
use mixer_deploy_tests::podman::{HARDENED, Podman};
use mixer_harness::{REAL, client, free_ports, get, real_folder, real_program};
use serde_json::Value;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const PROGRAMS: [&str; 2] = ["mixs", "mixer-newrelic-adapter"];
const ADAPTER: &str = "mixer-newrelic-adapter";

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes that an image may have, unpacked.
fn most_bytes(program: &str) -> u64 {
    if program == "mixs" { 20_000_000 } else { 10_000_000 }
}

/// The image of a program; says so when the tests were given none.
fn given(program: &str) -> Option<Image> {
    let image = image::given(program).unwrap();
    if image.is_none() {
        eprintln!("skipped: {} is not set; `cargo xtask test` builds images", image::IMAGES);
    }
    image
}

/// What is next to nothing must not be missed where it is promised.
fn skipped(what: &str) {
    assert!(std::env::var_os(REAL).is_none());
    eprintln!("skipped: {what} is not set; `cargo xtask test` installs it");
}

fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn hex(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_image_holds_the_program_and_nothing_to_work_with_for_an_intruder() {
    for program in PROGRAMS {
        let Some(image) = given(program) else { return };
        let entries = image.entries().unwrap();
        assert!(entries.iter().all(|entry| entry.owner == "0/0"), "{entries:#?}");
        let listed: Vec<String> =
            entries.iter().map(|entry| format!("{} {}", entry.mode, entry.path)).collect();
        let link = format!("lrwxrwxrwx entrypoint -> /usr/local/bin/{program}");
        let binary = format!("-rwxr-xr-x usr/local/bin/{program}");
        assert_eq!(
            listed,
            [
                &link[..],
                "drwxr-xr-x etc/",
                "-rw-r--r-- etc/host.conf",
                "-rw-r--r-- etc/nsswitch.conf",
                "drwxr-xr-x etc/ssl/",
                "drwxr-xr-x etc/ssl/certs/",
                "-rw-r--r-- etc/ssl/certs/ca-certificates.crt",
                "drwxr-xr-x licenses/",
                "-rw-r--r-- licenses/LICENSE",
                "drwxr-xr-x usr/",
                "drwxr-xr-x usr/local/",
                "drwxr-xr-x usr/local/bin/",
                &binary[..],
            ]
        );
        let size: u64 = entries.iter().map(|entry| entry.size).sum();
        eprintln!("{program}: {size} bytes");
        assert!(size < most_bytes(program), "{program} has {size} bytes");
        let certificates = image.file("etc/ssl/certs/ca-certificates.crt").unwrap();
        assert!(String::from_utf8(certificates).unwrap().matches("BEGIN CERTIFICATE").count() > 50);
    }
}

#[test]
fn a_program_does_not_tell_where_it_was_built() {
    for program in PROGRAMS {
        let Some(image) = given(program) else { return };
        let binary = image.file(&format!("usr/local/bin/{program}")).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().display().to_string();
        let home = std::env::home_dir().unwrap().join(".cargo/registry").display().to_string();
        for place in [root, home] {
            let told = binary.windows(place.len()).any(|window| window == place.as_bytes());
            assert!(!told, "{program} names {place}");
        }
    }
}

#[test]
fn the_configuration_of_an_image_says_who_runs_and_what_it_is() {
    for program in PROGRAMS {
        let Some(image) = given(program) else { return };
        let config = &image.config["config"];
        assert_eq!(config["User"], "65532:65532");
        assert_eq!(config["Entrypoint"], serde_json::json!(["/entrypoint"]));
        assert_eq!((&config["Cmd"], &config["Volumes"]), (&Value::Null, &Value::Null));
        assert_eq!((&image.config["os"], &image.config["architecture"]), (&"linux".into(), &"amd64".into()));
        let label = |name: &str| {
            let value = config["Labels"][format!("org.opencontainers.image.{name}")].as_str();
            value.unwrap_or_else(|| panic!("{program} has no label {name}")).to_owned()
        };
        assert_eq!(label("title"), program);
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(label("licenses"), "Apache-2.0");
        assert_eq!(image.config["created"], label("created"));
        for name in ["description", "revision", "source"] {
            assert!(!label(name).is_empty(), "{program}: {name}");
        }
        let count = config["Labels"].as_object().unwrap().len();
        assert_eq!(count, 7, "{program}: {:#}", config["Labels"]);
    }
}

/// Runs `cargo xtask image` as it was built for these tests; an error is what it says.
fn image_task(args: &[&str], output: &Path) -> Option<Result<(), String>> {
    let Some(xtask) = real_program("MIXER_XTASK").unwrap() else {
        skipped("MIXER_XTASK");
        return None;
    };
    let mut command = Command::new(xtask);
    command.arg("image").args(args).arg("--output").arg(output).env_remove("SOURCE_DATE_EPOCH");
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    Some(if ran.status.success() { Ok(()) } else { Err(said) })
}

#[test]
fn the_same_program_makes_the_same_image() {
    let Some(given) = given(ADAPTER) else { return };
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    let binary = folder.path().join("program");
    std::fs::write(&binary, given.file(&format!("usr/local/bin/{ADAPTER}")).unwrap()).unwrap();
    let binary = format!("--binary={}", binary.display());
    // An adapter has two names.
    let mut made = Vec::new();
    for name in ["newrelic", ADAPTER] {
        let output = folder.path().join(name);
        let Some(ran) = image_task(&[name, &binary], &output) else { return };
        ran.unwrap();
        made.push(Image::open(&output.join(format!("{ADAPTER}-amd64.tar"))).unwrap());
    }
    assert_eq!(made[0].digest, made[1].digest);
    assert_eq!(made[0].contents().unwrap().1, made[1].contents().unwrap().1);
    // It was made of the same sources, unless somebody has changed them since.
    if made[0].config["config"]["Labels"] == given.config["config"]["Labels"] {
        assert_eq!(made[0].digest, given.digest);
    }
}

#[test]
fn an_image_for_another_processor_says_so() {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    let binary = folder.path().join("program");
    // Nothing but the headers of a static program for 64-bit ARM.
    let mut headers = vec![0_u8; 64];
    headers[..6].copy_from_slice(b"\x7fELF\x02\x01");
    headers[18] = 183;
    std::fs::write(&binary, headers).unwrap();
    let binary = format!("--binary={}", binary.display());
    let Some(refused) = image_task(&["mixs", &binary], folder.path()) else { return };
    let refused = refused.unwrap_err();
    assert!(refused.contains("machine 183") && refused.contains("--arch"), "{refused}");
    image_task(&["mixs", &binary, "--arch=arm64"], folder.path()).unwrap().unwrap();
    let image = Image::open(&folder.path().join("mixs-arm64.tar")).unwrap();
    assert_eq!(image.config["architecture"], "arm64");
    assert_eq!(image.manifest["layers"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_become_an_image_is_refused() {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    for (args, parts) in [
        (&["nobody"][..], &["nobody", ADAPTER][..]),
        (&["mixs", "--binary=/bin/cat"], &["/bin/cat", "crt-static"]),
        (&["mixs", "--binary=/etc/hostname"], &["/etc/hostname", "no program"]),
        (&["mixs", "newrelic", "--binary=/bin/cat"], &["--binary", "name one"]),
    ] {
        let Some(refused) = image_task(args, folder.path()) else { return };
        let refused = refused.unwrap_err();
        assert!(parts.iter().all(|part| refused.contains(part)), "{args:?}: {refused}");
    }
}

#[test]
fn the_list_of_contents_is_right() {
    for program in PROGRAMS {
        let Some(image) = given(program) else { return };
        let (file, list) = image.contents().unwrap();
        let of = |name: &str| {
            let properties = list["metadata"]["component"]["properties"].as_array().unwrap();
            let found = properties.iter().find(|property| property["name"] == name);
            found.unwrap_or_else(|| panic!("no property {name}"))["value"].as_str().unwrap().to_owned()
        };
        let binary = format!("/usr/local/bin/{program}");
        assert_eq!(of("mixer:image:digest"), image.digest);
        assert_eq!(of(&format!("mixer:file:{binary}:sha256")), hex(&image.file(&binary[1..]).unwrap()));
        let components = list["components"].as_array().unwrap();
        let named = |name: &str| components.iter().filter(|part| part["name"] == name).collect::<Vec<_>>();
        // Linked, and from a registry: with licence, checksum and package URL.
        for part in components.iter().filter(|part| part["purl"].as_str().unwrap().starts_with("pkg:cargo/"))
        {
            let hash = part["hashes"][0]["content"].as_str().unwrap_or_default();
            let licence = part["licenses"][0]["expression"].as_str().unwrap_or_default();
            assert!(hash.len() == 64 && !licence.is_empty(), "{part:#}");
        }
        for name in ["tokio", "ring", "glibc", "rust-std", "ca-certificates", "mixer-adapter-sdk"] {
            assert_eq!(named(name).len(), 1, "{program}: {name}");
        }
        let bundle = image.file("etc/ssl/certs/ca-certificates.crt").unwrap();
        assert_eq!(named("ca-certificates")[0]["hashes"][0]["content"], hex(&bundle));
        // Only runs while something is built, or is for other systems, or is no part of this program.
        for name in ["syn", "serde_derive", "cc", "windows-sys", "proptest", "mixer-testkit"] {
            assert!(named(name).is_empty(), "{program}: {name}");
        }
        assert_eq!(named("kube-client").len(), usize::from(program == "mixs"), "{program}");
        check_with_cyclonedx(&file);
    }
}

/// The schema of CycloneDX, SPDX expressions and package URLs, by the project's own library.
fn check_with_cyclonedx(file: &Path) {
    let Some(python) = real_folder("MIXER_SBOM_PYTHONPATH").unwrap() else {
        return skipped("MIXER_SBOM_PYTHONPATH");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sbom.py");
    let mut command = Command::new("python3");
    let output = command.arg(script).arg(file).env("PYTHONPATH", python).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_dockerfile_has_no_faults() {
    let Some(hadolint) = real_program("MIXER_HADOLINT").unwrap() else {
        return skipped("MIXER_HADOLINT");
    };
    let dockerfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../images/Dockerfile");
    let lint = |file: &Path| {
        let output = Command::new(&hadolint).arg("--no-color").arg(file).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (clean, found) = lint(&dockerfile);
    assert!(clean, "{found}");
    let folder = tempfile::tempdir().unwrap();
    let faulty = folder.path().join("Dockerfile");
    std::fs::write(&faulty, std::fs::read_to_string(&dockerfile).unwrap() + "RUN cd /tmp && sudo ls\n")
        .unwrap();
    assert!(!lint(&faulty).0, "a fault is found");
}

/// A field of `/proc/PID/status`.
fn status(pid: u64, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
    line.unwrap_or_else(|| panic!("no {field}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs a program with its flags, restricted as far as possible, and does to it what Kubernetes does.
async fn runs_hardened(program: &str, flags: &[String], [grpc, http]: [u16; 2]) {
    let Some(image) = given(program) else { return };
    let Some(podman) = Podman::new(&scratch()).unwrap() else { return skipped("MIXER_PODMAN") };
    let name = podman.load(&image).unwrap();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let run = [&["run", "--detach", "--name=it", "--network=host"], HARDENED, &[&name], &flags[..]].concat();
    let started = std::time::Instant::now();
    podman.run(&run).unwrap();
    let ready = async {
        let client = client();
        while !matches!(get(&client, http, "/readyz").await, Ok((200, _))) {
            let state = podman.inspect("it").unwrap();
            assert_eq!(state["State"]["Running"], true, "{}", podman.logs("it").unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(get(&client, http, "/healthz").await.unwrap().0, 200);
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("it is not ready");
    eprintln!("{program}: ready {:?} after podman was asked", started.elapsed());
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{grpc}")).unwrap();
    let mut health = HealthClient::new(endpoint.connect().await.unwrap());
    let answer = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(answer.status, tonic_health::ServingStatus::Serving as i32);
    let state = podman.inspect("it").unwrap();
    let pid = state["State"]["Pid"].as_u64().unwrap();
    let ids = ["65532"; 4].join(" ");
    assert_eq!([status(pid, "Uid"), status(pid, "Gid")], [ids.clone(), ids]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(pid, set), "0".repeat(16), "{set}");
    }
    assert_eq!((status(pid, "NoNewPrivs"), status(pid, "Seccomp")), ("1".to_owned(), "2".to_owned()));
    let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    assert!(root.split(' ').nth(5).unwrap().split(',').any(|option| option == "ro"), "{root}");
    for shell in ["/bin/sh", "/bin/bash", "/bin/busybox"] {
        let refused = podman.run(&["exec", "it", shell]).unwrap_err().to_string();
        assert!(refused.contains("no such file or directory"), "{refused}");
    }
    podman.run(&["stop", "--time=60", "it"]).unwrap();
    let state = podman.inspect("it").unwrap();
    assert_eq!(state["State"]["ExitCode"], 0, "{}", podman.logs("it").unwrap());
    assert_eq!(state["State"]["OOMKilled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn mixs_runs_hardened() {
    let [grpc, http, metrics] = free_ports().unwrap();
    let flags = [
        "server".to_owned(),
        format!("--address=127.0.0.1:{grpc}"),
        format!("--monitoringAddress=127.0.0.1:{http}"),
        format!("--prometheusAddress=127.0.0.1:{metrics}"),
    ];
    runs_hardened("mixs", &flags, [grpc, http]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_runs_hardened() {
    let [grpc, http] = free_ports().unwrap();
    let flags = [format!("--address=127.0.0.1:{grpc}"), format!("--monitoringAddress=127.0.0.1:{http}")];
    runs_hardened(ADAPTER, &flags, [grpc, http]).await;
}

#[test]
fn the_program_answers_probes_that_run_a_command() {
    let Some(image) = given("mixs") else { return };
    let Some(podman) = Podman::new(&scratch()).unwrap() else { return skipped("MIXER_PODMAN") };
    let name = podman.load(&image).unwrap();
    let said =
        podman.run(&[&["run", "--rm", "--network=none"], HARDENED, &[&name, "version"]].concat()).unwrap();
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    let probe = ["probe", "--address=127.0.0.1:1"];
    let refused = podman.run(&[&["run", "--rm", "--network=none"], HARDENED, &[&name], &probe].concat());
    assert!(refused.unwrap_err().to_string().contains("cannot connect"));
}
