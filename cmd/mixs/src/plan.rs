//! What the flags of `mixs server` mean: written things become checked ones, once.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{bail, ensure};
use mixer_adapters::SpoolOptions;
use mixer_config::{Builtin, CompileOptions, LegacyKinds};
use mixer_config_fs::FsSource;
use mixer_config_kube::parse_url;
use mixer_dispatch::EngineOptions;
use mixer_identity::TlsArgs;
use mixer_listen::ListenAddress;
use mixer_server::app::{AppOptions, Timing};
use mixer_server::grpc::{GrpcOptions, TlsOptions};
use mixer_server::probe_file::ProbeFile;
use mixer_server::shedding;

use crate::flags::{KubeFlags, ProbeFlags, ServerFlags, SheddingFlags, SheddingMode};
use crate::kube::{KubePlan, WebhookPlan};

/// Everything that running takes.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) app: AppOptions,
    pub(crate) store: Store,
    pub(crate) prometheus_address: SocketAddr,
    /// Where hosted adapters keep what they have not delivered yet.
    pub(crate) spool: Option<SpoolOptions>,
    /// What the log should say first.
    pub(crate) warnings: Vec<String>,
}

/// Where configuration comes from.
#[derive(Debug)]
pub(crate) enum Store {
    /// The built-in set.
    BuiltIn,
    /// A directory.
    Files(FsSource),
    /// The objects of a cluster.
    Kubernetes(Box<KubePlan>),
}

impl Store {
    /// How long start-up waits for it, when its URL says so.
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Kubernetes(plan) => plan.location.retry_timeout,
            Self::BuiltIn | Self::Files(_) => None,
        }
    }

    /// Templates and attribute manifests are always there, the standard metrics only without another store.
    fn builtin(&self) -> Builtin {
        match self {
            Self::BuiltIn => Builtin::Full,
            Self::Files(_) | Self::Kubernetes(_) => Builtin::TemplatesAndManifests,
        }
    }
}

/// The original's switch for adapters of mutual TLS that run under another identity.
const BYPASS: &str = "BYPASS_OOP_MTLS_SAN_VERIFICATION";

/// What the surroundings of the process say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surroundings {
    /// Whether the process runs in a Kubernetes cluster.
    pub(crate) in_cluster: bool,
    /// Whether the original was told not to compare SPIFFE ids of adapters.
    pub(crate) bypass_ids: bool,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            in_cluster: mixer_config_kube::in_cluster(),
            bypass_ids: std::env::var(BYPASS).is_ok_and(|value| value == "true"),
        }
    }
}

impl Plan {
    /// What the flags mean.
    ///
    /// # Errors
    /// A value or a combination that cannot be run.
    pub(crate) fn new(flags: &ServerFlags, surroundings: Surroundings) -> anyhow::Result<Self> {
        let mut warnings = Vec::new();
        let ignored = flags.ignored.given();
        if !ignored.is_empty() {
            warnings.push(format!("flags without effect: {}", ignored.join(", ")));
        }
        let store = store(&flags.config.config_store_url, &flags.kube, surroundings)?;
        let compat = flags.config.compat.is_some();
        let any = |port| ListenAddress::AnyHost(port);
        let app = AppOptions {
            grpc_address: flags.address.clone().unwrap_or(any(flags.port)),
            admin_address: flags.monitoring_address.clone().unwrap_or(any(flags.monitoring_port)),
            grpc: GrpcOptions {
                max_message_size: flags.max_message_size as usize,
                max_concurrent_streams: flags.max_concurrent_streams,
                max_connection_age: flags.max_connection_age,
                ..GrpcOptions::default()
            },
            tls: tls(&flags.tls, &mut warnings)?,
            shedding: shedding(&flags.shedding)?,
            compile: CompileOptions {
                default_namespace: flags.config.config_default_namespace.as_str().into(),
                compat,
                builtin: store.builtin(),
                legacy_kinds: LegacyKinds {
                    adapters: flags.config.use_adapter_crds,
                    templates: flags.config.use_template_crds,
                },
            },
            engine: EngineOptions {
                compat,
                ids_unchecked: ids_unchecked(surroundings, compat, &mut warnings),
                strict_quota: flags.config.strict_quota,
                ..EngineOptions::default()
            },
            compat,
            request_threads: request_threads(flags.single_threaded),
            timing: Timing {
                config_wait: store.wait().unwrap_or(flags.config.config_wait_timeout),
                drain: flags.stop.drain_duration,
                termination: flags.stop.termination_drain_duration,
            },
            liveness_file: liveness(&flags.probes, &mut warnings),
            readiness_file: readiness(&flags.probes, &mut warnings),
        };
        Ok(Self {
            app,
            store,
            prometheus_address: flags.prometheus_address,
            spool: flags.spool.options(),
            warnings,
        })
    }
}

fn tls(flags: &TlsArgs, warnings: &mut Vec<String>) -> anyhow::Result<Option<TlsOptions>> {
    let Some((source, server)) = flags.plan(mixer_identity::RELOAD_INTERVAL)? else { return Ok(None) };
    if server.permissive {
        warnings.push(
            "--tlsPermissive: clients without TLS are served too, and nothing of them is checked".to_owned(),
        );
    }
    Ok(Some(TlsOptions { source, server }))
}

/// The original's switch counts where the original's answers are asked for, and is never passed over in silence.
fn ids_unchecked(surroundings: Surroundings, compat: bool, warnings: &mut Vec<String>) -> bool {
    if surroundings.bypass_ids {
        warnings.push(match compat {
            true => format!("{BYPASS}: adapters of mutual TLS may have any SPIFFE id"),
            false => format!(
                "{BYPASS} counts with --compat=istio-1.3 only; name who may answer in \
                 connection.authentication.mutual.subjectAltNames of the handler"
            ),
        });
    }
    surroundings.bypass_ids && compat
}

fn request_threads(single: bool) -> NonZero<usize> {
    if single { NonZero::<usize>::MIN } else { available_parallelism().unwrap_or(NonZero::<usize>::MIN) }
}

/// The store of a URL. Without one it is the cluster's, when there is a cluster.
fn store(url: &str, kube: &KubeFlags, surroundings: Surroundings) -> anyhow::Result<Store> {
    let advice = "use --configStoreURL=k8s:// for the cluster's objects, --configStoreURL=fs:///absolute/directory, or \
                  --configStoreURL=builtin:// for the built-in set";
    let scheme = url.split_once("://").map_or(url, |(scheme, _)| scheme);
    let store = match scheme {
        "" if surroundings.in_cluster => Store::Kubernetes(Box::new(kubernetes("k8s://", kube)?)),
        "" | "builtin" => Store::BuiltIn,
        "fs" => Store::Files(FsSource::from_url(url)?),
        "k8s" | "kube" | "kubernetes" => Store::Kubernetes(Box::new(kubernetes(url, kube)?)),
        "mcp" | "mcps" => {
            bail!("this version does not speak the Mesh Configuration Protocol ({url}); {advice}")
        }
        _ => bail!("unknown config URL {url:?}; {advice}"),
    };
    let reads_cluster = matches!(store, Store::Kubernetes(_));
    ensure!(
        reads_cluster || kube.webhook_address.is_none(),
        "--webhookAddress needs the objects of a cluster, and configuration comes from elsewhere; add --configStoreURL=k8s:// \
         or leave the webhook out"
    );
    Ok(store)
}

fn kubernetes(url: &str, flags: &KubeFlags) -> anyhow::Result<KubePlan> {
    let lease = flags.config_status_lease.as_str();
    let (namespace, name) = match lease.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, lease),
    };
    ensure!(
        !name.is_empty() && !name.contains('/') && namespace.as_deref() != Some(""),
        "--configStatusLease is {lease:?}; write NAME or NAMESPACE/NAME"
    );
    let webhook = flags.webhook_address.map(|address| WebhookPlan {
        address,
        service: flags.webhook_service.clone(),
        secret: flags.webhook_secret.clone(),
        configuration: flags.webhook_configuration.clone(),
    });
    Ok(KubePlan {
        location: parse_url(url)?,
        lease: flags.config_status.then(|| (namespace, name.to_owned())),
        webhook,
    })
}

fn shedding(flags: &SheddingFlags) -> anyhow::Result<shedding::Options> {
    let rates = [
        ("--latencySamplesPerSecond", flags.latency_samples_per_second),
        ("--latencyEnforcementThreshold", flags.latency_enforcement_threshold),
        ("--maxRequestsPerSecond", flags.max_requests_per_second),
    ];
    for (name, rate) in rates {
        if rate.is_nan() || rate < 0.0 {
            bail!("{name} is {rate}; a rate is 0 or more");
        }
    }
    Ok(shedding::Options {
        mode: match flags.mode {
            SheddingMode::Disabled => shedding::Mode::Disabled,
            SheddingMode::LogOnly => shedding::Mode::LogOnly,
            SheddingMode::Enforce => shedding::Mode::Enforce,
        },
        average_latency_threshold: flags.average_latency_threshold,
        latency_samples_per_second: flags.latency_samples_per_second,
        latency_sample_half_life: flags.latency_sample_half_life,
        latency_enforcement_threshold: flags.latency_enforcement_threshold,
        max_rate: flags.max_requests_per_second,
        burst_size: flags.burst_size,
    })
}

fn liveness(flags: &ProbeFlags, warnings: &mut Vec<String>) -> Option<ProbeFile> {
    probe_file("liveness", (flags.liveness_probe_path.as_ref(), flags.liveness_probe_interval), warnings)
}

fn readiness(flags: &ProbeFlags, warnings: &mut Vec<String>) -> Option<ProbeFile> {
    probe_file("readiness", (flags.readiness_probe_path.as_ref(), flags.readiness_probe_interval), warnings)
}

/// Both parts are needed.
fn probe_file(
    name: &str,
    (path, interval): (Option<&PathBuf>, Duration),
    warnings: &mut Vec<String>,
) -> Option<ProbeFile> {
    match path {
        Some(path) if !interval.is_zero() => Some(ProbeFile { path: path.clone(), interval }),
        None if interval.is_zero() => None,
        _ => {
            warnings.push(format!(
                "the {name} file needs both --{name}ProbePath and --{name}ProbeInterval; it is off"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests;
