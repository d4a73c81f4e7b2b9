//! The objects, each a text into which words are put. They say what the shipped chart says.

use crate::words::fill;

use super::egress::Egress;

/// What can be made, in the order in which it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub(super) enum Object {
    Kustomization,
    ServiceAccount,
    Deployment,
    StatefulSet,
    Service,
    PodDisruptionBudget,
    HorizontalPodAutoscaler,
    NetworkPolicy,
    ServiceMonitor,
    Handler,
}

/// A Secret's key, which is mounted as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecretKey {
    pub(super) secret: String,
    pub(super) key: String,
}

/// Disks for the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Persistence {
    pub(super) size: String,
    /// The default class of the cluster when not given.
    pub(super) class: Option<String>,
}

/// What there is to say about an adapter in a cluster.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) image: String,
    pub(super) namespace: String,
    pub(super) config_namespace: String,
    pub(super) port: u16,
    pub(super) replicas: u16,
    pub(super) max_replicas: Option<u16>,
    pub(super) pending_reports: Option<u32>,
    pub(super) priority_class: Option<String>,
    pub(super) persistence: Option<Persistence>,
    pub(super) secrets: Vec<SecretKey>,
    /// The Secret with the certificate of the port.
    pub(super) tls_secret: Option<String>,
    pub(super) egress: Vec<Egress>,
    pub(super) args: Vec<String>,
    pub(super) service_monitor: bool,
    /// The text of the handler's `params`.
    pub(super) params: Option<String>,
    /// What a kustomization names besides.
    pub(super) resources: Vec<String>,
}

impl Plan {
    /// Name of every object.
    pub(super) fn full(&self) -> String {
        format!("mixer-{}-adapter", self.name)
    }

    /// What handlers write as the address.
    pub(super) fn address(&self) -> String {
        format!("dns:///{}.{}.svc.cluster.local:{}", self.full(), self.namespace, self.port)
    }

    /// Metrics and probes, where programs have them by default.
    fn monitoring(&self) -> u16 {
        self.port.saturating_add(100)
    }

    fn workload(&self) -> Object {
        if self.persistence.is_some() { Object::StatefulSet } else { Object::Deployment }
    }

    /// The objects of the cluster.
    pub(super) fn objects(&self) -> Vec<Object> {
        let mut objects =
            vec![Object::ServiceAccount, self.workload(), Object::Service, Object::PodDisruptionBudget];
        objects.extend(self.max_replicas.map(|_| Object::HorizontalPodAutoscaler));
        objects.push(Object::NetworkPolicy);
        objects.extend(self.service_monitor.then_some(Object::ServiceMonitor));
        objects.extend(self.params.as_ref().map(|_| Object::Handler));
        objects
    }

    /// One object as YAML.
    pub(super) fn render(&self, object: Object) -> String {
        let text = match object {
            Object::Kustomization => include_str!("files/kustomization.yaml.txt"),
            Object::ServiceAccount => include_str!("files/serviceaccount.yaml.txt"),
            Object::Deployment | Object::StatefulSet => include_str!("files/workload.yaml.txt"),
            Object::Service => include_str!("files/service.yaml.txt"),
            Object::PodDisruptionBudget => include_str!("files/poddisruptionbudget.yaml.txt"),
            Object::HorizontalPodAutoscaler => include_str!("files/horizontalpodautoscaler.yaml.txt"),
            Object::NetworkPolicy => include_str!("files/networkpolicy.yaml.txt"),
            Object::ServiceMonitor => include_str!("files/servicemonitor.yaml.txt"),
            Object::Handler => include_str!("files/handler.yaml.txt"),
        };
        let filled = fill(text, &self.words());
        filled.trim_end().to_owned() + "\n"
    }

    fn words(&self) -> Vec<(&'static str, String)> {
        let kind = if self.persistence.is_some() { "StatefulSet" } else { "Deployment" };
        let mut words = vec![
            // The texts that hold words themselves come first.
            ("about", self.about().to_owned()),
            ("scale", self.scale()),
            ("labels", indent(4, &self.labels())),
            ("labels_8", indent(8, &self.labels())),
            ("pending", self.pending()),
            ("protocol", self.protocol().to_owned()),
            ("authentication", self.authentication()),
            ("priority", self.priority()),
            ("mounts", self.mounts()),
            ("volumes", self.volumes()),
            ("claims", self.claims()),
            ("kind", kind.to_owned()),
            ("full", self.full()),
            ("name", self.name.clone()),
            ("namespace", self.namespace.clone()),
            ("config_namespace", self.config_namespace.clone()),
            ("address", self.address()),
            ("port", self.port.to_string()),
            ("monitoring", self.monitoring().to_string()),
            ("replicas", self.replicas.to_string()),
            ("max_replicas", self.max_replicas.unwrap_or_default().to_string()),
            // What comes from outside comes last: nothing is put into it.
            ("args", self.program_args()),
            ("egress", self.egress.iter().map(Egress::rule).collect()),
            ("params", indent(4, self.params.as_deref().unwrap_or_default().trim_end())),
            ("resources", self.resources()),
            ("image", quoted(&self.image)),
        ];
        for (word, width) in [("selector_4", 4), ("selector_6", 6), ("selector_8", 8), ("selector_12", 12)] {
            words.insert(0, (word, indent(width, SELECTOR)));
        }
        words
    }

    fn labels(&self) -> String {
        let mut labels =
            format!("{SELECTOR}\napp.kubernetes.io/component: adapter\napp.kubernetes.io/part-of: mixer");
        if let Some(version) = &self.version {
            labels += &format!("\napp.kubernetes.io/version: {}", quoted(version));
        }
        labels
    }

    fn about(&self) -> &'static str {
        match self.persistence {
            None => {
                "# The adapter. What was acknowledged and not delivered yet is in memory: it survives an orderly end, in which everything\n\
                 # is sent, and not the death of the process. --persistence makes a StatefulSet, in which it survives that too."
            }
            Some(_) => {
                "# The adapter. What was acknowledged and not delivered yet is on a disk of each pod, and is delivered when the pod is back,\n\
                 # on whichever node the disk can be. Disks stay when pods or the StatefulSet go: a pod that is scaled away leaves on its\n\
                 # disk what it had not delivered, until there is a pod of that number again."
            }
        }
    }

    fn scale(&self) -> String {
        let replicas = match self.max_replicas {
            Some(_) => String::new(),
            None => format!("  replicas: {}\n", self.replicas),
        };
        let kind = match self.persistence {
            None => {
                "  # A new pod is ready before an old one goes.\n  \
                   strategy:\n    type: RollingUpdate\n    rollingUpdate:\n      maxSurge: 1\n      maxUnavailable: 0"
            }
            Some(_) => {
                "  serviceName: {{full}}\n  # Pods do not wait for each other: none needs another one.\n  podManagementPolicy: Parallel"
            }
        };
        replicas + kind
    }

    fn pending(&self) -> String {
        let Some(pending) = self.pending_reports else { return String::new() };
        format!(
            "  # Needs an API of custom metrics, such as that of prometheus-adapter.\n  - type: Pods\n    pods:\n      metric:\n        \
             name: mixer_adapter_delivery_queue_items\n      target:\n        type: AverageValue\n        averageValue: \"{pending}\"\n"
        )
    }

    /// What the port speaks, for those on the way; nothing when it is TLS.
    fn protocol(&self) -> &'static str {
        match self.tls_secret.is_some() || self.args.iter().any(|arg| arg.starts_with("--tls")) {
            true => "",
            false => "    appProtocol: kubernetes.io/h2c\n",
        }
    }

    fn priority(&self) -> String {
        let class = self.priority_class.as_ref();
        class.map(|class| format!("      priorityClassName: {class}\n")).unwrap_or_default()
    }

    fn program_args(&self) -> String {
        let mut args = vec![
            format!("--address=:{}", self.port),
            format!("--monitoringAddress=:{}", self.monitoring()),
            "--maxConnectionAge=30m".to_owned(),
            "--drainDelay=3s".to_owned(),
            "--shutdownGrace=20s".to_owned(),
        ];
        args.extend(self.persistence.as_ref().map(|_| format!("--spoolDirectory={SPOOL}/{}", self.name)));
        if self.tls_secret.is_some() {
            args.push(format!("--tlsCertificate={TLS}/tls.crt"));
            args.push(format!("--tlsKey={TLS}/tls.key"));
            args.push(format!("--tlsClientCa={TLS}/ca.crt"));
        }
        args.extend(self.args.iter().cloned());
        let lines: Vec<String> = args.iter().map(|arg| format!("- {}", quoted(arg))).collect();
        indent(8, &lines.join("\n"))
    }

    /// The Secrets, each once, with their keys.
    fn secrets(&self) -> Vec<(&str, Vec<&str>)> {
        let mut secrets: Vec<(&str, Vec<&str>)> = Vec::new();
        for SecretKey { secret, key } in &self.secrets {
            match secrets.iter_mut().find(|(name, _)| name == secret) {
                Some((_, keys)) => keys.push(key),
                None => secrets.push((secret, vec![key])),
            }
        }
        secrets
    }

    /// Where the files of all Secrets are.
    pub(super) fn secret_directory(&self) -> String {
        format!("/var/run/secrets/{}", self.name)
    }

    fn mounts(&self) -> String {
        let mut text = String::new();
        if !self.secrets.is_empty() {
            text += "        # The whole directory, so that a new value arrives without a restart.\n        - name: secrets\n";
            text += &format!("          mountPath: {}\n          readOnly: true\n", self.secret_directory());
        }
        if self.tls_secret.is_some() {
            text += &format!("        - name: tls\n          mountPath: {TLS}\n          readOnly: true\n");
        }
        if self.persistence.is_some() {
            text += &format!("        - name: spool\n          mountPath: {SPOOL}\n");
        }
        if text.is_empty() { text } else { format!("        volumeMounts:\n{text}") }
    }

    fn volumes(&self) -> String {
        let mut text = self.secret_volume();
        if let Some(secret) = &self.tls_secret {
            text += &format!(
                "      - name: tls\n        secret:\n          secretName: {secret}\n          {READABLE}\n"
            );
        }
        if text.is_empty() { text } else { format!("      volumes:\n{text}") }
    }

    /// The volume with the files of all Secrets that were named.
    fn secret_volume(&self) -> String {
        let secrets = self.secrets();
        let files = |width: usize, keys: &[&str]| {
            let files: Vec<String> = keys.iter().map(|key| format!("- key: {key}\n  path: {key}")).collect();
            format!("{:width$}items:\n{}\n", "", indent(width, &files.join("\n")))
        };
        let head = "      - name: secrets\n";
        match &secrets[..] {
            [] => String::new(),
            [(secret, keys)] => {
                format!(
                    "{head}        secret:\n          secretName: {secret}\n          {READABLE}\n{}",
                    files(10, keys)
                )
            }
            _ => {
                let mut text =
                    format!("{head}        projected:\n          {READABLE}\n          sources:\n");
                for (secret, keys) in &secrets {
                    text +=
                        &format!("          - secret:\n              name: {secret}\n{}", files(14, keys));
                }
                text
            }
        }
    }

    /// How Mixer and the adapter know each other.
    fn authentication(&self) -> String {
        if self.tls_secret.is_none() {
            return String::new();
        }
        let host = format!("{}.{}.svc.cluster.local", self.full(), self.namespace);
        format!(
            "    # In Mixer's pods: its own certificate, and the authorities of the adapter's.\n    authentication:\n      mutual:\n        \
             privateKey: {CLIENT}/tls.key\n        clientCertificate: {CLIENT}/tls.crt\n        caCertificates: {CLIENT}/ca.crt\n        \
             serverName: {host}\n"
        )
    }

    fn claims(&self) -> String {
        let Some(Persistence { size, class }) = &self.persistence else { return String::new() };
        let class =
            class.as_ref().map(|class| format!("      storageClassName: {class}\n")).unwrap_or_default();
        format!(
            "  volumeClaimTemplates:\n  - metadata:\n      name: spool\n    spec:\n      accessModes:\n      - ReadWriteOnce\n{class}      \
             resources:\n        requests:\n          # Above --spoolMaxBytes (1 GiB).\n          storage: {size}\n"
        )
    }

    fn resources(&self) -> String {
        let files = self.objects().into_iter().map(|object| format!("- {}", object.file()));
        let others = self.resources.iter().map(|resource| format!("- {resource}"));
        files.chain(others).collect::<Vec<_>>().join("\n")
    }
}

/// Where the spool is.
const SPOOL: &str = "/var/spool/mixer";

/// Where the certificate of the port is.
const TLS: &str = "/var/run/secrets/mixer/tls";

/// Where Mixer's pods have their certificate for adapters.
const CLIENT: &str = "/var/run/secrets/mixer/adapter-certificates";

/// For the group of the pod.
const READABLE: &str = "defaultMode: 288 # 0440";

/// The labels by which an adapter's pods are found.
const SELECTOR: &str = "app.kubernetes.io/name: {{full}}\napp.kubernetes.io/instance: {{full}}";

impl Object {
    /// How it is called on the command line, and its file without the ending.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomization",
            Self::ServiceAccount => "serviceaccount",
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::Service => "service",
            Self::PodDisruptionBudget => "poddisruptionbudget",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscaler",
            Self::NetworkPolicy => "networkpolicy",
            Self::ServiceMonitor => "servicemonitor",
            Self::Handler => "handler",
        }
    }

    /// Its file in a kustomization.
    pub(super) fn file(self) -> String {
        format!("{}.yaml", self.word())
    }
}

fn indent(width: usize, text: &str) -> String {
    let line =
        |line: &str| if line.trim().is_empty() { String::new() } else { format!("{:width$}{line}", "") };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A text in double quotes, as YAML and JSON have it.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
