//! `mixgen deploy`: the Kubernetes objects of an adapter that runs as pods.

mod egress;
mod objects;
mod package;
mod parse;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::make::Make;
use crate::{output, record};
use egress::Egress;
use objects::{Object, Persistence, Plan, SecretKey};
use package::Package;

/// Where Mixer has its configuration, unless it is told otherwise.
const NAMESPACE: &str = "istio-system";
const REPLICAS: u16 = 2;

/// Makes the Kubernetes objects of an adapter: its pods, the Service by which Mixer finds them, and what keeps them safe. Under the
/// restricted Pod Security standard, with a read-only root.
///
/// In the folder of an adapter in Rust (mixgen new adapter makes one) its name, version and port are known. An adapter in any other
/// language has to have the flags of the SDK (--address, --monitoringAddress, --maxConnectionAge, --drainDelay, --shutdownGrace), /readyz and /healthz.
#[derive(clap::Args, Clone, Debug)]
#[command(rename_all = "camelCase")]
pub(crate) struct DeployArgs {
    /// Name of the adapter: its objects are called mixer-NAME-adapter. By default that of the package in the current folder.
    #[arg(value_parser = parse::name)]
    name: Option<String>,
    /// The folder of the adapter's package, from which its name, version and port are taken. By default the current folder, when
    /// the adapter's package is there.
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
    /// The image; without a tag the version of the package is its tag. By default mixer-NAME-adapter.
    #[arg(long, value_parser = parse::image)]
    image: Option<String>,
    /// Namespace of the pods.
    #[arg(long, default_value = NAMESPACE, value_parser = parse::label)]
    namespace: String,
    /// Port of gRPC; metrics and probes are 100 above. By default that of the package.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1024..=65435))]
    port: Option<u16>,
    /// How many pods there are.
    #[arg(long, default_value_t = REPLICAS, value_parser = clap::value_parser!(u16).range(1..))]
    replicas: u16,
    /// Lets a HorizontalPodAutoscaler decide how many pods there are, by CPU, from --replicas up to this number.
    #[arg(long, value_name = "REPLICAS", value_parser = clap::value_parser!(u16).range(1..))]
    max_replicas: Option<u16>,
    /// Lets it count what waits for delivery too: so many items for each pod. It needs an API of custom metrics.
    #[arg(long, value_name = "ITEMS", requires = "max_replicas", value_parser = clap::value_parser!(u32).range(1..))]
    pending_reports: Option<u32>,
    /// A key of a Secret, mounted as the file /var/run/secrets/NAME/KEY; may be given several times. The Secret itself is never
    /// printed: kubectl create secret generic makes it.
    #[arg(long, value_name = "SECRET:KEY", value_parser = parse::secret)]
    secret: Vec<SecretKey>,
    /// The Secret with the certificate of the port (tls.crt, tls.key, ca.crt, as cert-manager makes it for the Service's name): mutual
    /// TLS. With --params the handler shows the certificate that Mixer's pods have in /var/run/secrets/mixer/adapter-certificates.
    #[arg(long, value_name = "SECRET", value_parser = parse::subdomain)]
    tls_secret: Option<String>,
    /// Keeps what was acknowledged on disks of this size, one for each pod (a StatefulSet), so that it survives the death of a
    /// process: 2Gi, or 2Gi:STORAGE-CLASS. The adapter has to have --spoolDirectory.
    #[arg(long, value_name = "SIZE[:CLASS]", value_parser = parse::persistence)]
    persistence: Option<Persistence>,
    /// Where the pods may connect to, besides DNS: `[HOST:]PORT` or `[HOST:]PORT/udp`, with an address or CIDR as HOST, or a name, which
    /// opens the port to every address; or none. May be given several times [default: 443].
    #[arg(long, value_name = "DESTINATION", value_delimiter = ',')]
    egress: Vec<Egress>,
    /// A flag for the adapter's program, such as --arg=--logLevel=debug; may be given several times.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    arg: Vec<String>,
    /// The PriorityClass of the pods.
    #[arg(long, value_name = "NAME", value_parser = parse::subdomain)]
    priority_class: Option<String>,
    /// Makes a ServiceMonitor for the Prometheus operator.
    #[arg(long)]
    service_monitor: bool,
    /// Makes the handler too, from a file with its params (YAML).
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Namespace of the handler.
    #[arg(long, value_name = "NAMESPACE", default_value = NAMESPACE, requires = "params", value_parser = parse::label)]
    config_namespace: String,
    /// File to write; standard output when not given.
    #[arg(short, long, value_name = "FILE", conflicts_with = "kustomize")]
    output: Option<PathBuf>,
    /// Writes a kustomize base into this folder: kustomization.yaml, and a file for each object.
    #[arg(long, value_name = "DIR")]
    kustomize: Option<PathBuf>,
    /// A further file or folder that the kustomization names, as seen from its folder; may be given several times.
    #[arg(long, value_name = "PATH")]
    resource: Vec<String>,
    /// Makes one object only.
    #[arg(long, value_enum, conflicts_with = "kustomize")]
    object: Option<Object>,
}

impl DeployArgs {
    /// The objects of a package, with nothing but defaults.
    pub(crate) fn of(package: PathBuf) -> Self {
        Self {
            name: None,
            package: Some(package),
            image: None,
            namespace: NAMESPACE.to_owned(),
            port: None,
            replicas: REPLICAS,
            max_replicas: None,
            pending_reports: None,
            secret: Vec::new(),
            tls_secret: None,
            persistence: None,
            egress: Vec::new(),
            arg: Vec::new(),
            priority_class: None,
            service_monitor: false,
            params: None,
            config_namespace: NAMESPACE.to_owned(),
            output: None,
            kustomize: None,
            resource: Vec::new(),
            object: None,
        }
    }

    /// The package, and its folder as the command line has it.
    fn package(&self, base: &Path) -> anyhow::Result<Option<(PathBuf, Package)>> {
        let folder = self.package.clone().unwrap_or_else(|| PathBuf::from("."));
        let package = Package::read(&base.join(&folder));
        match (&self.package, package) {
            (Some(_), Ok(None)) => bail!("there is no Cargo.toml with a package in {}", folder.display()),
            // Nobody asked for this folder: what else is in it does not matter when the adapter has a name.
            (None, Err(_)) if self.name.is_some() => Ok(None),
            (_, Err(error)) => Err(error),
            (_, Ok(None)) => Ok(None),
            (named, Ok(Some(package))) => match &self.name {
                Some(name) if *name != package.name && named.is_some() => {
                    bail!("{} holds the adapter {}, not {name}", folder.display(), package.name)
                }
                Some(name) if *name != package.name => Ok(None),
                _ => Ok(Some((folder, package))),
            },
        }
    }

    fn plan(&self, base: &Path) -> anyhow::Result<Plan> {
        let package = self.package(base)?.map(|(_, package)| package);
        let name = self.name.clone().or_else(|| package.as_ref().map(|package| package.name.clone()));
        let name = name.context(
            "which adapter? Write its NAME, or run this in the folder of its package, or name the folder with --package",
        )?;
        let port = self.port.or_else(|| package.as_ref().and_then(|package| package.port));
        let port = port.with_context(|| match package {
            Some(_) => format!("the sources of adapter {name} do not say its port as .default_port(9080); write --port"),
            None => format!("which port? There is no package of adapter {name} here; write --port, or --package with its folder"),
        })?;
        if port < 1024 {
            bail!("port {port} needs rights that the pods do not have; write a --port of 1024 or more");
        }
        if port > 65435 {
            bail!(
                "the port of metrics and probes is 100 above {port}, where there is none; write another --port"
            );
        }
        if let Some(most) = self.max_replicas.filter(|most| *most < self.replicas) {
            bail!("--maxReplicas {most} is below --replicas {}", self.replicas);
        }
        let image = self.image.clone().unwrap_or_else(|| format!("mixer-{name}-adapter"));
        let version = package.map(|package| package.version);
        let params = self.params.as_ref().map(|path| {
            let path = base.join(path);
            fs::read_to_string(&path).with_context(|| format!("cannot read --params {}", path.display()))
        });
        Ok(Plan {
            image: parse::tagged(&image, version.as_deref())?,
            version: version.filter(|version| parse::is_label_value(version)),
            namespace: self.namespace.clone(),
            config_namespace: self.config_namespace.clone(),
            port,
            replicas: self.replicas,
            max_replicas: self.max_replicas,
            pending_reports: self.pending_reports,
            priority_class: self.priority_class.clone(),
            persistence: self.persistence.clone(),
            secrets: self.secrets()?,
            tls_secret: self.tls_secret.clone(),
            egress: if self.egress.is_empty() { vec![Egress::HTTPS] } else { self.egress.clone() },
            args: self.arg.clone(),
            service_monitor: self.service_monitor,
            params: params.transpose()?,
            resources: self.resource.clone(),
            name,
        })
    }

    /// The keys of Secrets, whose files are in one directory.
    fn secrets(&self) -> anyhow::Result<Vec<SecretKey>> {
        for (i, one) in self.secret.iter().enumerate() {
            if self.secret.iter().take(i).any(|other| other.key == one.key) {
                bail!("--secret: the key {} comes twice, and each is a file of that name", one.key);
            }
        }
        Ok(self.secret.clone())
    }

    /// The flags that differ from their defaults, besides what says which adapter.
    fn flags(&self, from: &Path) -> anyhow::Result<Vec<String>> {
        let mut arguments = Vec::new();
        let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
        let texts = [
            ("--image", &self.image),
            ("--priorityClass", &self.priority_class),
            ("--tlsSecret", &self.tls_secret),
        ];
        for (flag, text) in texts {
            text.iter().for_each(|text| add(flag, text.clone()));
        }
        if self.namespace != NAMESPACE {
            add("--namespace", self.namespace.clone());
        }
        if self.replicas != REPLICAS {
            add("--replicas", self.replicas.to_string());
        }
        self.max_replicas.iter().for_each(|most| add("--maxReplicas", most.to_string()));
        self.pending_reports.iter().for_each(|items| add("--pendingReports", items.to_string()));
        self.secret.iter().for_each(|one| add("--secret", format!("{}:{}", one.secret, one.key)));
        self.persistence.iter().for_each(|disks| add("--persistence", disks.to_string()));
        self.egress.iter().for_each(|egress| add("--egress", egress.to_string()));
        if let Some(params) = &self.params {
            add("--params", record::seen_from(from, params)?);
        }
        if self.config_namespace != NAMESPACE {
            add("--configNamespace", self.config_namespace.clone());
        }
        self.resource.iter().for_each(|resource| add("--resource", resource.clone()));
        self.object.iter().for_each(|object| add("--object", object.word().to_owned()));
        arguments.extend(self.arg.iter().map(|arg| format!("--arg={arg}")));
        arguments.extend(self.service_monitor.then(|| "--serviceMonitor".to_owned()));
        Ok(arguments)
    }
}

impl Make for DeployArgs {
    fn text(&self, base: &Path) -> anyhow::Result<String> {
        let plan = self.plan(base)?;
        let objects = plan.objects();
        match self.object {
            Some(object) if object == Object::Kustomization || objects.contains(&object) => {
                Ok(plan.render(object))
            }
            Some(object) => bail!("there is no {} with these flags", object.word()),
            None => {
                let (name, full, address) = (&plan.name, plan.full(), plan.address());
                let mut text = format!("# The adapter {name} as pods. Handlers reach it at {address}\n");
                if !plan.secrets.is_empty() {
                    let directory = plan.secret_directory();
                    text += &format!(
                        "# The files of its Secrets are in {directory}; make them before {full} is applied.\n"
                    );
                }
                for object in objects {
                    text += "---\n";
                    text += &plan.render(object);
                }
                Ok(text)
            }
        }
    }

    fn arguments(&self, from: &Path) -> anyhow::Result<Vec<String>> {
        let mut arguments = vec!["deploy".to_owned()];
        match self.package(Path::new(""))? {
            Some((folder, _)) => {
                arguments.extend(["--package".to_owned(), record::seen_from(from, &folder)?])
            }
            None => arguments.extend(self.name.clone()),
        }
        if let Some(port) = self.port {
            arguments.extend(["--port".to_owned(), port.to_string()]);
        }
        arguments.extend(self.flags(from)?);
        Ok(arguments)
    }

    fn framed(&self, text: &str, command: &str) -> String {
        record::head("#", command) + text
    }
}

pub(crate) fn run(args: &DeployArgs) -> anyhow::Result<()> {
    let Some(folder) = &args.kustomize else {
        if !args.resource.is_empty() && args.object != Some(Object::Kustomization) {
            bail!("--resource is for --kustomize");
        }
        return output::write(args, args.output.clone());
    };
    // Nothing is written when something is wrong.
    let plan = args.plan(Path::new(""))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for object in [vec![Object::Kustomization], plan.objects()].concat() {
        let one = DeployArgs { object: Some(object), kustomize: None, ..args.clone() };
        let one = DeployArgs {
            resource: if object == Object::Kustomization { one.resource } else { Vec::new() },
            ..one
        };
        output::write(&one, Some(folder.join(object.file())))?;
    }
    Ok(())
}
