//! `mixgen deploy`: objects agree with each other and with what was asked for, the command that is recorded makes them again,
//! and what cannot be made is refused with a word on what to do.

use serde_json::{Value, json};

use crate::program::{Folder, validate, workspace};

/// A package as `mixgen new adapter` makes it, as far as this command looks.
const PACKAGE: [(&str, &str); 2] = [
    ("tally/Cargo.toml", "[package]\nname = \"mixer-tally-adapter\"\nversion = \"0.3.0\"\n"),
    ("tally/src/lib.rs", "Process::typed(Tally).default_port(9080)"),
];

fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn kinds(documents: &[Value]) -> Vec<&str> {
    documents.iter().map(|document| document["kind"].as_str().unwrap()).collect()
}

#[track_caller]
fn of<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    documents.iter().find(|document| document["kind"] == kind).unwrap_or_else(|| panic!("there is no {kind}"))
}

fn container(documents: &[Value], kind: &str) -> Value {
    of(documents, kind).pointer("/spec/template/spec/containers/0").unwrap().clone()
}

fn deploy(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    documents(&folder.done(&[&["deploy"], arguments].concat()))
}

#[test]
fn a_package_needs_no_flags() {
    let folder = Folder::with(&PACKAGE);
    let output = crate::program::run(&folder.path().join("tally"), &["deploy"]);
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    assert_eq!(
        output.out,
        folder.done(&["deploy", "--package", "tally"]).replace("--package tally", "--package .")
    );
    let address = "dns:///mixer-tally-adapter.istio-system.svc.cluster.local:9080";
    assert!(output.out.lines().nth(2).unwrap().ends_with(address), "{}", output.out);
    let found = documents(&output.out);
    assert_eq!(
        kinds(&found),
        ["ServiceAccount", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"]
    );
    for document in &found {
        assert_eq!(document["metadata"]["name"], "mixer-tally-adapter");
        assert_eq!(document["metadata"]["namespace"], "istio-system");
        assert_eq!(document["metadata"]["labels"]["app.kubernetes.io/version"], "0.3.0");
        assert_eq!(document["metadata"]["labels"]["app.kubernetes.io/component"], "adapter");
    }
    assert_eq!(container(&found, "Deployment")["image"], "mixer-tally-adapter:0.3.0");
    assert_eq!(of(&found, "Deployment")["spec"]["replicas"], 2);
}

/// Behind a headless Service the address has the port of the container.
#[test]
fn ports_agree() {
    let folder = Folder::with(&PACKAGE);
    folder.write("params.yaml", "prefix: a\n");
    for (flags, port) in
        [(&["--package", "tally"][..], 9080), (&["tally", "--port", "7000", "--image=a:1"], 7000)]
    {
        let found = deploy(&folder, &[flags, &["--namespace", "pods", "--params", "params.yaml"]].concat());
        let container = container(&found, "Deployment");
        assert_eq!(container["ports"][0], json!({"name": "grpc", "containerPort": port}));
        assert_eq!(container["ports"][1], json!({"name": "http-monitoring", "containerPort": port + 100}));
        let args = container["args"].as_array().unwrap();
        assert!(args.contains(&json!(format!("--address=:{port}"))), "{args:?}");
        assert!(args.contains(&json!(format!("--monitoringAddress=:{}", port + 100))), "{args:?}");
        let service = &of(&found, "Service")["spec"];
        assert_eq!(service["clusterIP"], "None");
        assert_eq!(service["ports"][0]["port"], port);
        assert_eq!(service["ports"][0]["targetPort"], "grpc");
        let selector = &of(&found, "Deployment")["spec"]["selector"]["matchLabels"];
        assert_eq!(&service["selector"], selector);
        let handler = of(&found, "handler");
        let address = format!("dns:///mixer-tally-adapter.pods.svc.cluster.local:{port}");
        assert_eq!(handler.pointer("/spec/connection/address").unwrap(), &json!(address));
        assert_eq!(handler["spec"]["params"], json!({"prefix": "a"}));
        assert_eq!(handler["metadata"]["namespace"], "istio-system");
    }
}

#[test]
fn every_flag_does_something() {
    let folder = Folder::with(&PACKAGE);
    let base = deploy(&folder, &["--package", "tally"]);
    let with = |flags: &[&str]| deploy(&folder, &[&["--package", "tally"], flags].concat());

    let found =
        with(&["--image", "r.io:5000/x/tally", "--namespace=a", "--replicas=3", "--priorityClass=high"]);
    assert_eq!(container(&found, "Deployment")["image"], "r.io:5000/x/tally:0.3.0");
    assert!(found.iter().all(|document| document["metadata"]["namespace"] == "a"));
    assert_eq!(of(&found, "Deployment")["spec"]["replicas"], 3);
    assert_eq!(of(&found, "Deployment").pointer("/spec/template/spec/priorityClassName").unwrap(), "high");

    let found = with(&["--maxReplicas", "7", "--pendingReports", "50"]);
    let scaler = &of(&found, "HorizontalPodAutoscaler")["spec"];
    assert_eq!((&scaler["minReplicas"], &scaler["maxReplicas"]), (&json!(2), &json!(7)));
    assert_eq!(scaler["metrics"][1]["pods"]["target"]["averageValue"], "50");
    assert_eq!(of(&found, "Deployment")["spec"]["replicas"], Value::Null);

    let found = with(&["--persistence", "3Gi:fast", "--maxReplicas=3"]);
    let set = &of(&found, "StatefulSet")["spec"];
    assert_eq!(set["serviceName"], "mixer-tally-adapter");
    let claim = &set["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["resources"]["requests"]["storage"], "3Gi");
    assert_eq!(claim["storageClassName"], "fast");
    let container_of_set = container(&found, "StatefulSet");
    let mount = container_of_set["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let args = container_of_set["args"].as_array().unwrap();
    assert!(args.contains(&json!(format!("--spoolDirectory={mount}/tally"))), "{args:?}");
    assert_eq!(of(&found, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["kind"], "StatefulSet");
    assert_eq!(
        set["template"]["spec"]["securityContext"],
        of(&base, "Deployment")["spec"]["template"]["spec"]["securityContext"]
    );

    let found = with(&["--secret=a:KEY", "--arg=--logLevel=debug", "--arg", "--x={{port}} \"y\""]);
    let one = container(&found, "Deployment");
    assert_eq!(one["volumeMounts"][0]["mountPath"], "/var/run/secrets/tally");
    assert_eq!(one["volumeMounts"][0]["readOnly"], true);
    let args = one["args"].as_array().unwrap();
    assert_eq!(args[args.len() - 2..], [json!("--logLevel=debug"), json!("--x={{port}} \"y\"")]);
    let volume = of(&found, "Deployment").pointer("/spec/template/spec/volumes/0").unwrap();
    let items = json!([{"key": "KEY", "path": "KEY"}]);
    // 0440: the group of the pod may read it.
    assert_eq!(
        volume,
        &json!({"name": "secrets", "secret": {"secretName": "a", "defaultMode": 288, "items": items}})
    );
    let found = with(&["--secret=a:K1", "--secret=a:K2", "--secret=b:K3"]);
    let volume = of(&found, "Deployment").pointer("/spec/template/spec/volumes/0/projected/sources").unwrap();
    assert_eq!(volume[0]["secret"]["items"].as_array().unwrap().len(), 2);
    assert_eq!(volume[1]["secret"]["name"], "b");
}

#[test]
fn networks_are_told_what_is_on_the_way() {
    let folder = Folder::with(&PACKAGE);
    let with = |flags: &[&str]| deploy(&folder, &[&["--package", "tally"], flags].concat());
    let egress = |flags: &[&str]| {
        of(&with(flags), "NetworkPolicy")["spec"]["egress"].as_array().unwrap()[1..].to_vec()
    };
    assert_eq!(egress(&[]), [json!({"ports": [{"port": 443, "protocol": "TCP"}]})]);
    assert_eq!(egress(&["--egress=none"]), Vec::<Value>::new());
    let to = json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}]);
    assert_eq!(
        egress(&["--egress=10.1.1.1/8:3128,a.b:8125/udp"]),
        [
            json!({"to": to, "ports": [{"port": 3128, "protocol": "TCP"}]}),
            json!({"ports": [{"port": 8125, "protocol": "UDP"}]}),
        ]
    );

    assert_eq!(kinds(&with(&["--serviceMonitor"])).last(), Some(&"ServiceMonitor"));
    // TLS is not told of as plaintext.
    let protocol = |flags: &[&str]| of(&with(flags), "Service")["spec"]["ports"][0]["appProtocol"].clone();
    assert_eq!(protocol(&[]), "kubernetes.io/h2c");
    assert_eq!(protocol(&["--arg=--tlsSds=unix:///x"]), Value::Null);
    assert_eq!(protocol(&["--tlsSecret=t"]), Value::Null);
    folder.write("params.yaml", "prefix: a\n");
    let found = with(&["--tlsSecret=t", "--secret=a:K", "--params=params.yaml", "--namespace=pods"]);
    let pod = of(&found, "Deployment").pointer("/spec/template/spec").unwrap();
    assert_eq!(pod["volumes"][1], json!({"name": "tls", "secret": {"secretName": "t", "defaultMode": 288}}));
    let mount = &pod["containers"][0]["volumeMounts"][1];
    assert_eq!(mount["name"], "tls");
    let args = pod["containers"][0]["args"].as_array().unwrap();
    for (flag, file) in [("Certificate", "tls.crt"), ("Key", "tls.key"), ("ClientCa", "ca.crt")] {
        let arg = format!("--tls{flag}={}/{file}", mount["mountPath"].as_str().unwrap());
        assert!(args.contains(&json!(arg)), "{arg} {args:?}");
    }
    let mutual = of(&found, "handler").pointer("/spec/connection/authentication/mutual").unwrap();
    assert_eq!(mutual["serverName"], "mixer-tally-adapter.pods.svc.cluster.local");
    assert_eq!(of(&found, "handler")["spec"]["params"], json!({"prefix": "a"}));
}

/// What the restricted Pod Security standard asks of every pod, and more.
#[test]
fn pods_have_no_rights() {
    let folder = Folder::with(&PACKAGE);
    for flags in [&[][..], &["--persistence=1Gi", "--secret=a:b"]] {
        let found = deploy(&folder, &[&["--package=tally"], flags].concat());
        let kind = if flags.is_empty() { "Deployment" } else { "StatefulSet" };
        let pod = of(&found, kind).pointer("/spec/template/spec").unwrap();
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["runAsUser"], 65532);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        let container = &pod["containers"][0]["securityContext"];
        let expected = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(container, &expected);
        // The defaults of --drainDelay and twice --shutdownGrace.
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 3 + 2 * 20);
    }
}

#[test]
fn files_say_how_they_were_made() {
    let folder = Folder::with(&PACKAGE);
    folder.write("tally/deploy/params.yaml", "prefix: a\n");
    let everything = [
        "deploy",
        "--package=tally",
        "--image=r.io/t",
        "--namespace=a",
        "--port=7000",
        "--replicas=3",
        "--maxReplicas=4",
        "--pendingReports=5",
        "--secret=a:b",
        "--secret=c:d",
        "--tlsSecret=e",
        "--persistence=1Gi:x",
        "--egress=443,[fd00::]:1/udp",
        "--arg=--a=b c",
        "--arg=-d",
        "--priorityClass=p",
        "--serviceMonitor",
        "--params=tally/deploy/params.yaml",
        "--configNamespace=cfg",
    ];
    folder.done(&[&everything[..], &["--output=tally/deploy/all.yaml"]].concat());
    folder.done(&[&everything[..], &["--resource=../other", "--kustomize=tally/deploy/base"]].concat());
    let checked = folder.done(&["check", "tally"]);
    assert_eq!(checked, "10 generated files are up to date, 0 golden cases hold\n");
    // A base is the stream in pieces.
    let stream = documents(&folder.read("tally/deploy/all.yaml"));
    let kustomization = documents(&folder.read("tally/deploy/base/kustomization.yaml"));
    let resources = kustomization[0]["resources"].as_array().unwrap();
    let (other, files) = resources.split_last().unwrap();
    assert_eq!(other, "../other");
    let pieces: Vec<Value> = files
        .iter()
        .flat_map(|file| documents(&folder.read(&format!("tally/deploy/base/{}", file.as_str().unwrap()))))
        .collect();
    assert_eq!(pieces, stream);
    // What is in the package counts.
    folder.write("tally/src/lib.rs", "p.default_port(9081)");
    folder.done(&["deploy", "--package=tally", "--output=tally/deploy/plain.yaml"]);
    folder.write("tally/src/lib.rs", "p.default_port(9082)");
    let found = folder.refused(&["check", "tally"]);
    assert!(found.starts_with("tally/deploy/plain.yaml: is stale") && !found.contains("all.yaml"), "{found}");
}

#[test]
fn what_cannot_be_made_is_refused() {
    let folder = Folder::with(&PACKAGE);
    folder.write("other/Cargo.toml", "[package]\nname = \"other\"\nversion = \"1\"\n");
    folder.write("silent/Cargo.toml", "[package]\nname = \"mixer-silent-adapter\"\nversion = \"1\"\n");
    for (arguments, error) in [
        (&[][..], "which adapter? Write its NAME"),
        (&["tally"], "which port? There is no package of adapter tally here; write --port"),
        (
            &["tally", "--port=9080"],
            "which version of mixer-tally-adapter? Nothing says it here; write --image mixer-tally-adapter:TAG",
        ),
        (&["--package=nosuch"], "there is no Cargo.toml with a package in nosuch"),
        (&["--package=other"], "is the package \"other\"; that of an adapter is called mixer-NAME-adapter"),
        (
            &["--package=silent"],
            "the sources of adapter silent do not say its port as .default_port(9080); write --port",
        ),
        (&["sum", "--package=tally"], "tally holds the adapter tally, not sum"),
        (&["mixer-tally-adapter"], "write \"tally\"; objects are called mixer-NAME-adapter"),
        (&["Tally"], "an adapter's name has lower-case letters"),
        (&["--package=tally", "--port=443"], "443 is not in 1024..=65435"),
        (&["--package=tally", "--replicas=0"], "0 is not in 1..=65535"),
        (&["--package=tally", "--maxReplicas=1"], "--maxReplicas 1 is below --replicas 2"),
        (&["--package=tally", "--pendingReports=1"], "--maxReplicas"),
        (&["--package=tally", "--secret=a:k", "--secret=b:k"], "the key k comes twice"),
        (&["--package=tally", "--secret=a"], "write SECRET:KEY"),
        (&["--package=tally", "--persistence=lots"], "write a size such as 2Gi"),
        (&["--package=tally", "--egress=https://x"], "write [HOST:]PORT"),
        (&["--package=tally", "--namespace=A"], "has lower-case letters, digits and dashes"),
        (&["--package=tally", "--params=nosuch"], "cannot read --params nosuch"),
        (&["--package=tally", "--resource=x"], "--resource is for --kustomize"),
        (&["--package=tally", "--object=statefulset"], "there is no statefulset with these flags"),
        (&["--package=tally", "--output=no/such"], "its directory does not exist"),
    ] {
        let found = folder.refused(&[&["deploy"], arguments].concat());
        assert!(found.contains(error), "{arguments:?}: {found}");
    }
    // Half a base is worse than none.
    folder.refused(&["deploy", "--package=tally", "--params=nosuch", "--kustomize=base"]);
    assert!(!folder.path().join("base").exists());
}

/// The shipped bases are up to date by `mixgen check`; here, that the server takes their resources.
#[test]
fn the_server_takes_shipped_handlers() {
    let base = workspace().join("deploy/kustomize/mixer-newrelic-adapter");
    let read = |path: &str| std::fs::read_to_string(base.join(path)).unwrap();
    let mesh = read("../../../adapters/newrelic/mesh.yaml");
    let files = [
        ("adapter.yaml", read("adapter.yaml")),
        ("handler.yaml", read("handler.yaml")),
        ("mesh.yaml", mesh),
        ("tracing", read("tracing/rule.yaml")),
    ];
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let tracing = files.pop().unwrap();
    assert_eq!(validate(&files), Vec::<String>::new());
    // The rule of the component is that of mesh.yaml.
    let rule = documents(tracing.1);
    let mesh = documents(files[2].1);
    let same = mesh.iter().find(|document| document["metadata"] == rule[0]["metadata"]);
    assert_eq!(same, Some(&rule[0]));
}
