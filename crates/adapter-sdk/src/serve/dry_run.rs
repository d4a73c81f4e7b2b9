//! `--dryRun`: an adapter that prints what comes instead of handling it, so that an operator sees which instances
//! arrive with which values before any backend does.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use mixer_adapter_api::{
    Adapter, AdapterInfo, BuildError, Call, CheckResult, ErrorKind, FieldProblem, Handler, HandlerError,
    HandlerSpec, QuotaCall, QuotaResult, ReportCall, ReportOutcome,
};
use serde_json::{Map, json};
use tokio::sync::mpsc;

use super::error::ServeError;
use super::instance_json::{Describe, hexadecimal};
use crate::templates::TemplateService;

/// Lines that may wait to be written; calls wait when there are more.
const WAITING: usize = 1024;

/// An adapter that only prints.
pub(super) struct DryRun {
    adapter: Arc<dyn Adapter>,
    describe: Arc<Describe>,
    lines: mpsc::Sender<String>,
}

impl DryRun {
    /// Prints to a file, or to standard output.
    pub(super) fn new(
        adapter: Arc<dyn Adapter>,
        services: &[TemplateService],
        file: Option<&PathBuf>,
    ) -> Result<Self, ServeError> {
        let output: Box<dyn Write + Send> =
            match file {
                None => Box::new(io::stdout()),
                Some(file) => {
                    Box::new(File::options().create(true).append(true).open(file).map_err(|error| {
                        ServeError::DryRun { file: file.clone(), message: error.to_string() }
                    })?)
                }
            };
        let (lines, waiting) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name("dry-run".to_owned())
            .spawn(move || write(output, waiting))
            .map_err(|error| ServeError::DryRun {
                file: file.cloned().unwrap_or_default(),
                message: error.to_string(),
            })?;
        Ok(Self { adapter, describe: Arc::new(Describe::new(services)), lines })
    }
}

/// Writes lines until nobody makes any more. Whoever reads them may have gone; that is no reason to fail calls.
fn write(mut output: impl Write, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.blocking_recv() {
        if let Err(error) = output.write_all(line.as_bytes()).and_then(|()| output.flush()) {
            tracing::warn!(%error, "a line of the dry run was not written");
        }
    }
}

impl Adapter for DryRun {
    fn info(&self) -> &AdapterInfo {
        self.adapter.info()
    }

    fn validate(&self, spec: &HandlerSpec) -> Vec<FieldProblem> {
        self.adapter.validate(spec)
    }

    fn build(&self, spec: HandlerSpec) -> BoxFuture<'_, Result<Arc<dyn Handler>, BuildError>> {
        let config = ring::digest::digest(&ring::digest::SHA256, &spec.params);
        let printer = Printer {
            describe: self.describe.clone(),
            lines: self.lines.clone(),
            config_sha256: hexadecimal(config.as_ref()),
        };
        Box::pin(std::future::ready(Ok(Arc::new(printer) as Arc<dyn Handler>)))
    }
}

/// Prints what comes with one configuration.
struct Printer {
    describe: Arc<Describe>,
    lines: mpsc::Sender<String>,
    /// Tells which configuration it was, without telling what may be secret in it.
    config_sha256: String,
}

impl Printer {
    /// Prints one instance.
    async fn print(
        &self,
        template: &str,
        name: &str,
        instance: &[u8],
        more: serde_json::Value,
    ) -> Result<(), HandlerError> {
        let mut line = Map::new();
        line.insert("template".to_owned(), template.into());
        line.insert("name".to_owned(), name.into());
        match self.describe.instance(template, instance) {
            Ok(fields) => line.insert("instance".to_owned(), fields),
            Err(error) => line.insert("error".to_owned(), error.into()),
        };
        if let serde_json::Value::Object(more) = more {
            line.extend(more);
        }
        line.insert("handler_config_sha256".to_owned(), self.config_sha256.as_str().into());
        let line = format!("{}\n", serde_json::Value::Object(line));
        let gone = |_| HandlerError::new(ErrorKind::Unavailable, "the output of the dry run is closed");
        self.lines.send(line).await.map_err(gone)
    }

    async fn one(&self, call: &Call<'_>) -> Result<(), HandlerError> {
        self.print(call.template, call.instance, &call.bytes, json!({})).await
    }
}

impl Handler for Printer {
    /// Everything passes, and nothing is cached: the next request is to be seen too.
    fn check<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<CheckResult, HandlerError>> {
        Box::pin(async move { self.one(&call).await.map(|()| CheckResult::default()) })
    }

    fn report<'a>(&'a self, call: ReportCall<'a>) -> BoxFuture<'a, Result<ReportOutcome, HandlerError>> {
        Box::pin(async move {
            for instance in call.batch.iter() {
                self.print(call.template, instance.name, instance.bytes, json!({})).await?;
            }
            Ok(ReportOutcome::complete())
        })
    }

    fn quota<'a>(&'a self, call: QuotaCall<'a>) -> BoxFuture<'a, Result<QuotaResult, HandlerError>> {
        Box::pin(async move {
            let more =
                json!({"amount": call.amount, "bestEffort": call.best_effort, "dedupId": call.dedup_id});
            let Call { template, instance, bytes, .. } = &call.call;
            self.print(template, instance, bytes, more).await?;
            Ok(QuotaResult { amount: call.amount, ..QuotaResult::default() })
        })
    }

    fn generate<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Bytes, HandlerError>> {
        Box::pin(async move { self.one(&call).await.map(|()| Bytes::new()) })
    }

    fn check_with_output<'a>(
        &'a self,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<(CheckResult, Bytes), HandlerError>> {
        Box::pin(async move { self.one(&call).await.map(|()| (CheckResult::default(), Bytes::new())) })
    }
}
