//! Debian's Prometheus, scraping the adapter every half second.

use std::fs;
use std::path::Path;

use serde_json::json;
use tokio::process::Command;

use crate::Ports;

/// The command that runs it; its configuration is JSON, which is YAML.
pub(crate) fn command(program: &Path, folder: &Path, ports: &Ports) -> anyhow::Result<Command> {
    let config = folder.join("prometheus.yml");
    let targets = [format!("127.0.0.1:{}", ports.scrape)];
    let scrape = json!({
        "global": { "scrape_interval": "500ms", "scrape_timeout": "400ms" },
        "scrape_configs": [{ "job_name": "mixer", "static_configs": [{ "targets": targets }] }],
    });
    fs::write(&config, serde_json::to_string_pretty(&scrape)?)?;
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{}", ports.prometheus));
    Ok(command)
}
