//! From a configuration to the account: the key, the addresses, and what everything has in common.

use std::sync::Arc;

use http::HeaderName;
use mixer_adapter_sdk::delivery::http::{Credential, HttpClient, HttpOptions};
use mixer_adapter_sdk::delivery::otlp::{Exporter, ExporterOptions, Header, Protocol, Signal};
use mixer_adapter_sdk::{BuildError, Secret};

use crate::api::Ingest;
use crate::config::{Config, KeySource, Targets, Way};
use crate::defaults::Defaults;
use crate::endpoints::{Api, Target};
use crate::generated::params::Region;
use crate::otlp::Resource;
use crate::transport::{Form, Transport};

/// Where the key is when nobody says anything.
const KEY_VARIABLE: &str = "NEW_RELIC_API_KEY";
/// Name of the instrumentation scope.
const SCOPE: &str = "mixer.adapter.newrelic";

/// Makes the transports of a handler.
pub(crate) struct Connector {
    way: Way,
    key: Arc<Credential>,
    client: HttpClient,
    http: HttpOptions,
    /// Attributes of everything.
    pub(crate) common: Vec<(Box<str>, Box<str>)>,
}

impl Connector {
    pub(crate) async fn new(config: &Config, defaults: &Defaults) -> Result<Self, BuildError> {
        let key = Arc::new(key(config, defaults).await?);
        let client = HttpClient::new(&config.http).map_err(|error| BuildError(error.to_string()))?;
        let mut way = config.way.clone();
        if let Way::Ingest(targets) = &mut way {
            let Targets { metrics, spans, .. } = &mut **targets;
            // What the process says counts for handlers that say nothing.
            for (target, default) in [(metrics, &defaults.metrics_url), (spans, &defaults.spans_url)] {
                if let (Target::Region(Region::Auto), Some(url)) = (&*target, default) {
                    *target = Target::Url(url.clone());
                }
            }
        }
        let common = config.common(defaults.cluster_name.as_deref());
        Ok(Self { way, key, client, http: config.http.clone(), common })
    }

    /// The key as it is now, by which the account is known.
    pub(crate) fn account(&self) -> Arc<Secret> {
        self.key.get()
    }

    /// The form of what is sent.
    pub(crate) fn form(&self) -> Form {
        match &self.way {
            Way::Ingest(_) => Form::Json,
            Way::Otlp(_) => Form::Otlp(Resource::new(&self.common)),
        }
    }

    /// The way for one kind of data.
    pub(crate) fn transport(&self, api: Api) -> Result<Transport, BuildError> {
        let ingest = |target: &Target| {
            let (client, key) = (self.client.clone(), self.key.clone());
            Transport::Ingest(Ingest::new(api, client, key, target.clone(), &self.common))
        };
        match (&self.way, api) {
            (Way::Ingest(targets), Api::Metric) => Ok(ingest(&targets.metrics)),
            (Way::Ingest(targets), Api::Trace) => Ok(ingest(&targets.spans)),
            (Way::Ingest(targets), Api::Log) => Ok(ingest(&targets.logs)),
            (Way::Ingest(targets), Api::Event) => Ok(ingest(&targets.events)),
            (Way::Otlp(target), Api::Metric) => self.exporter(target, Signal::Metrics),
            (Way::Otlp(target), Api::Trace) => self.exporter(target, Signal::Traces),
            // A configuration with events is refused; their list stays empty.
            (Way::Otlp(target), Api::Log | Api::Event) => self.exporter(target, Signal::Logs),
        }
    }

    fn exporter(&self, target: &Target, signal: Signal) -> Result<Transport, BuildError> {
        let url = target.otlp_url(signal, self.key.get().expose());
        let options = ExporterOptions {
            url: url.ok_or_else(|| BuildError("otlp_url is not usable".to_owned()))?,
            protocol: Protocol::HttpProtobuf,
            gzip: true,
            headers: vec![(HeaderName::from_static("api-key"), Header::Credential(self.key.clone()))],
            http: self.http.clone(),
            scope: SCOPE,
        };
        Ok(Transport::Otlp(Exporter::new(signal, options)?))
    }
}

async fn key(config: &Config, defaults: &Defaults) -> Result<Credential, BuildError> {
    let key = match (&config.key, &defaults.api_key) {
        (KeySource::File(file), _) => Credential::from_file(file).await,
        (KeySource::Variable(name), _) => Credential::from_env(name),
        (KeySource::Process, Some(key)) => Ok(Credential::from(key.clone())),
        (KeySource::Process, None) => Credential::from_env(KEY_VARIABLE),
    };
    key.map_err(|error| BuildError(error.to_string()))
}
