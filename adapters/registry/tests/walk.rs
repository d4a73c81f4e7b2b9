//! Walks the list of adapters: each of them is what it says it is, hosted and as its own process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mixer_adapter_api::{Adapter, HandlerSpec, Registry};
use mixer_adapter_sdk::{ManifestArgs, Process, ServeArgs, Server, templates};
use mixer_config::{CompileOptions, ReadOptions, compile, parse_documents};
use mixer_proto::adapter::v1beta1 as model;
use mixer_rpc::adapter::v1beta1::infrastructure_backend_client::InfrastructureBackendClient;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet};

fn registry() -> Registry {
    mixer_adapters::registry(mixer_adapters::Options { prometheus_address: ([127, 0, 0, 1], 0).into() })
}

/// Folders beside the registry's own.
fn folders() -> Vec<PathBuf> {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let entries = fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir() && !path.ends_with("registry")).collect();
    folders.sort();
    folders
}

fn folder(adapter: &Arc<dyn Adapter>) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(adapter.info().name);
    assert!(path.is_dir(), "{} is there", path.display());
    path
}

/// The configuration message of an adapter.
fn message(adapter: &Arc<dyn Adapter>) -> DescriptorProto {
    let info = adapter.info();
    let set = FileDescriptorSet::decode(info.config_descriptor).unwrap();
    let (package, name) = info.config_message.rsplit_once('.').unwrap();
    let file = set.file.iter().find(|file| file.package() == package).expect(package);
    file.message_type.iter().find(|message| message.name() == name).expect(name).clone()
}

#[test]
fn every_adapter_folder_is_listed() {
    let listed: HashSet<_> = registry().iter().map(folder).collect();
    for folder in folders() {
        assert!(listed.contains(&folder), "{} is not in the list", folder.display());
    }
}

#[test]
fn names_are_unique_and_find_their_adapter() {
    let registry = registry();
    let mut seen = HashSet::new();
    for adapter in registry.iter() {
        let info = adapter.info();
        for name in info.aliases.iter().chain([&info.name]) {
            assert!(seen.insert(*name), "{name} is there twice");
            assert_eq!(registry.get(name).unwrap().info().name, info.name);
        }
        assert!(info.description.ends_with('.'), "{}: {:?} is a sentence", info.name, info.description);
    }
    assert_eq!(registry.get("listchecker").unwrap().info().name, "list");
    assert!(registry.get("nothing").is_none());
}

#[test]
fn templates_are_shipped_ones() {
    for adapter in registry().iter() {
        let info = adapter.info();
        assert!(!info.templates.is_empty(), "{}", info.name);
        for template in info.templates {
            assert!(templates::shipped(template).is_some(), "{} takes {template}", info.name);
        }
    }
}

#[test]
fn descriptors_hold_the_configuration_message() {
    for adapter in registry().iter() {
        let folder = adapter.info().name;
        assert_eq!(adapter.info().config_message, format!("adapter.{folder}.config.Params"));
        message(adapter);
    }
}

#[test]
fn the_manual_names_every_field_and_the_binary() {
    for adapter in registry().iter() {
        let name = adapter.info().name;
        let manual = fs::read_to_string(folder(adapter).join("README.md")).unwrap();
        assert!(manual.starts_with(&format!("# {name}\n")), "{name}");
        assert!(manual.contains("```yaml\n"), "{name} shows a configuration");
        assert!(manual.contains(&format!("mixer-{name}-adapter")), "{name} names its program");
        for field in message(adapter).field {
            let named = [field.name(), field.json_name()].iter().any(|field| manual.contains(field));
            assert!(named, "{name} explains {}", field.name());
        }
    }
}

#[test]
fn folders_hold_the_same_files() {
    for folder in folders() {
        for file in
            ["config.proto", "src/lib.rs", "src/config.rs", "src/handler.rs", "src/main.rs", "README.md"]
        {
            assert!(folder.join(file).is_file(), "{}", folder.join(file).display());
        }
    }
}

#[test]
fn no_bytes_make_validation_panic() {
    for adapter in registry().iter() {
        for params in
            [&b""[..], b"\x0a\x7f", b"\x0a\x00", b"\x08\x01", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
        {
            let spec = HandlerSpec {
                name: "h".into(),
                params: bytes::Bytes::from_static(params),
                instances: Vec::new(),
            };
            let problems = adapter.validate(&spec);
            let broken = params == b"\x0a\x7f";
            assert!(!(broken && problems.is_empty()), "{}", adapter.info().name);
        }
    }
}

#[tokio::test]
async fn each_of_them_serves_as_its_own_process() {
    for adapter in registry().iter() {
        let info = *adapter.info();
        let args = ServeArgs { drain_delay: std::time::Duration::ZERO, ..Default::default() };
        let server = Server::bind(adapter.clone(), args).await.unwrap();
        let target = format!("http://{}", server.address());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async move { stopped.await.unwrap() }));
        let mut client = InfrastructureBackendClient::connect(target).await.unwrap();
        let mut validate = async |type_url: &str| {
            let config = prost_types::Any { type_url: type_url.to_owned(), value: Vec::new() };
            let request = model::ValidateRequest { adapter_config: Some(config), inferred_types: [].into() };
            client.validate(request).await.unwrap().into_inner().status.unwrap()
        };
        let own = validate(&format!("type.googleapis.com/{}", info.config_message)).await;
        assert_eq!((own.code, own.message.as_str()), (0, ""), "{}", info.name);
        let other = validate("type.googleapis.com/other.Params").await;
        assert_eq!(other.code, 3, "{}: {}", info.name, other.message);
        drop(client);
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
    }
}

/// Every adapter as a process of its own.
fn processes() -> Vec<Process> {
    vec![
        mixer_denier_adapter::process(),
        mixer_dogstatsd_adapter::process(),
        mixer_list_adapter::process(),
        mixer_memquota_adapter::process(),
        mixer_newrelic_adapter::process(),
        mixer_noop_adapter::process(),
        mixer_otlp_adapter::process(),
        mixer_prometheus_adapter::process("127.0.0.1:0".parse().unwrap()),
        mixer_stackdriver_adapter::process(),
        mixer_statsd_adapter::process(),
        mixer_stdio_adapter::process(),
    ]
}

#[test]
fn manifests_are_configuration_without_problems() {
    let mut seen = HashSet::new();
    for process in processes() {
        let info = *process.adapter().info();
        let manifest = process.manifest(&ManifestArgs::default()).unwrap();
        let (resources, problems) = parse_documents(info.name, &manifest, &ReadOptions::default());
        assert!(problems.is_empty(), "{}: {problems:?}\n{manifest}", info.name);
        assert!(resources.len() >= 4, "{manifest}");
        // Without hosted adapters: the adapter is known from its own resource.
        let compiled = compile(&resources, &Registry::default(), &CompileOptions::default());
        assert!(compiled.problems.is_empty(), "{}: {:?}\n{manifest}", info.name, compiled.problems);
        seen.insert(info.name);
    }
    let listed: HashSet<_> = registry().iter().map(|adapter| adapter.info().name).collect();
    assert_eq!(seen, listed);
}
