//! What scenarios tell beyond the shipped adapters: generated attributes, mistakes of configuration and of the
//! scenario, differences.

use bytes::Bytes;
use mixer_adapter_sdk::{ErrorKind, HandlerError};
use mixer_adapter_test::{Program, Scenario, Subject, check};
use mixer_proto::template::kubernetes::OutputMsg;
use mixer_testkit::Recorder;
use prost::Message as _;

const CONFIG: &str = "apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: {name: env}
spec: {compiledAdapter: recording}
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: {name: pod}
spec: {template: kubernetes, params: {source_uid: source.uid}, attributeBindings: {source.name: output.source_pod_name}}
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: {name: all}
spec:
  match: source.uid != \"\"
  actions: [{handler: env, instances: [pod]}]
  requestHeaderOperations: [{name: x-pod, values: ['source.name | \"nobody\"']}]
";

async fn tell(recorder: &Recorder, steps: &str) -> Result<String, mixer_adapter_test::TestError> {
    let scenario = Scenario::parse("s.yaml", &format!("{CONFIG}---\n{steps}"), ".")?;
    scenario.run(&Subject::hosted(recorder.adapter())).await
}

#[tokio::test]
async fn generated_attributes_and_headers_are_told() {
    let recorder = Recorder::new();
    let output = OutputMsg { source_pod_name: "pod-1".to_owned(), ..OutputMsg::default() };
    let output = Bytes::from(output.encode_to_vec());
    recorder.script("env.istio-system", |script| script.output = Ok(output));
    let steps = "steps: [{check: {source.uid: u}}, {check: {source.uid: ''}}, {report: [{source.uid: u}]}]";
    assert_eq!(
        tell(&recorder, steps).await.unwrap(),
        "1 check: OK, valid for 1m0s and 10000 uses\n  \
           generated source.name = \"pod-1\"\n  \
           request header x-pod = \"pod-1\"\n\
         2 check: OK, valid for 1m0s and 10000 uses\n\
         3 report: 1 bag, 0 instances taken\n"
    );
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    let recorder = Recorder::new();
    let error = HandlerError::new(ErrorKind::Unavailable, "nobody home");
    recorder.script("env.istio-system", |script| script.output = Err(error));
    let told = tell(&recorder, "steps: [{check: {source.uid: u}}]").await.unwrap();
    assert!(told.starts_with("1 check: error unavailable: ") && told.contains("nobody home"), "{told}");

    recorder.script("env.istio-system", |script| script.build = Some("port 1 is taken".to_owned()));
    let told = tell(&recorder, "steps: []").await.unwrap();
    assert_eq!(told, "handler env.istio-system was not built: port 1 is taken\n");

    let text = CONFIG.replace("source.uid != ", "source.uidd != ");
    let scenario = Scenario::parse("s.yaml", &format!("{text}---\nsteps: []"), ".").unwrap();
    let told = scenario.run(&Subject::hosted(recorder.adapter())).await.unwrap();
    assert!(told.contains("s.yaml:15:10: error: rule istio-system/all: spec.match: "), "{told}");
}

#[tokio::test]
async fn mistakes_of_the_scenario() {
    let cases = [
        ("steps: [{check: {no.such: 1}}]", "step 1: attribute no.such is declared by no attributemanifest"),
        ("steps: [{check: {}}, {check: {source.uid: 5}}]", "step 2: source.uid: 5 is no STRING"),
        ("steps: [{check: {source.ip: x}}]", "step 1: source.ip: \"x\" is no IP_ADDRESS"),
        (
            "steps: [{check: {source.uid: {int65: 5}}}]",
            "step 1: source.uid: \"int65\" is no type; write one of",
        ),
        (
            "steps: [{check: {request.headers: {a: 1}}}]",
            "step 1: request.headers: [a] is 1, which is no text",
        ),
        ("steps: [{}]", "step 1 must have exactly one of"),
        ("steps: [{check: {}, report: []}]", "step 1 must have exactly one of"),
        ("steps: [{together: [{close: true}]}]", "step 1: together takes check and report"),
        ("stepps: []", "the last document has to be the scenario"),
        ("include: [nowhere.yaml]\nsteps: []", "nowhere.yaml: No such file"),
    ];
    for (steps, expected) in cases {
        let error = tell(&Recorder::new(), steps).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(format!("{error:?}"), error.to_string(), "unwrap shows what is meant to be read");
    }
}

#[tokio::test]
async fn values_of_all_types() {
    let steps = "steps:
- check:
    source.uid: {string: u}
    source.ip: {bytes: 'a:0:0:1'}
    request.size: 12
    request.time: 2021-03-04T05:06:07.5Z
    response.duration: {duration: 1.5s}
    connection.mtls: true
    request.headers: {a: b}
    source.labels: {app: web}
    source.name: {int64: 5}";
    let recorder = Recorder::new();
    let told = tell(&recorder, steps).await.unwrap();
    assert!(told.contains("1 check: "), "{told}");
    let calls = recorder.take_calls();
    assert_eq!(calls[0].texts(), ["u"]);
}

#[tokio::test]
async fn a_difference_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.yaml");
    std::fs::write(&file, format!("{CONFIG}---\nsteps: [{{check: {{}}}}]\nwant: |\n  1 check: no\n"))
        .unwrap();
    let error = check(&file, &Subject::hosted(Recorder::new().adapter())).await.unwrap_err().to_string();
    let diff = "\n- 1 check: no\n+ 1 check: OK, valid for 1m0s and 10000 uses\n";
    assert!(error.starts_with("s.yaml: ") && error.contains(diff), "{error}");
}

#[tokio::test]
async fn a_program_that_does_not_start() {
    for (program, expected) in [
        (Program::bare("/nowhere/adapter"), "cannot start adapter"),
        (Program::bare("/bin/sh").argument("-c").argument("echo no license; exit 3"), "no license"),
    ] {
        let error = program.start().await.unwrap_err().to_string();
        assert!(error.starts_with("the adapter under test cannot be started: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
