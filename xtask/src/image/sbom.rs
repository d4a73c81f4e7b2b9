//! The list of what an image holds (CycloneDX 1.5, ECMA-424): the crates that are linked into the program, with the checksums of
//! the lock file, the parts of the system that are linked into it or copied beside it, and who depends on whom.

mod crates;
mod system;

use std::path::Path;

use anyhow::Context as _;
use cargo_metadata::Metadata;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::archive::Image;
use super::program::Program;
use super::stage::Stage;
use super::{Args, Facts};

/// One part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// Its package URL, or what stands for it in the list.
    pub(super) reference: String,
    /// Its name.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
    /// `library`, or `data`.
    pub(super) kind: &'static str,
    /// Its licence (an SPDX expression), as it declares it.
    pub(super) licence: Option<String>,
    /// SHA-256 of what was downloaded.
    pub(super) checksum: Option<String>,
    /// References of what it depends on itself.
    pub(super) needs: Vec<String>,
}

/// All parts of an image; the program itself comes first.
pub(super) fn list(
    root: &Path,
    metadata: &Metadata,
    program: &Program,
    args: &Args,
) -> anyhow::Result<Vec<Component>> {
    let mut components = crates::linked(root, metadata, program, args.arch)?;
    let system = system::parts(&args.ca_bundle)?;
    if let Some(main) = components.first_mut() {
        main.needs.extend(system.iter().map(|part| part.reference.clone()));
    }
    components.extend(system);
    Ok(components)
}

/// The document. The same sources and the same program make the same text.
pub(super) fn document(
    components: &[Component],
    program: &Program,
    facts: &Facts,
    stage: &Stage,
    image: &Image,
) -> anyhow::Result<Value> {
    let (main, parts) = components.split_first().context("a program without packages")?;
    let binary = sha256_of(&stage.binary)?;
    let mut subject = shown(main);
    subject["type"] = json!("container");
    subject["properties"] = json!([
        { "name": "mixer:image:digest", "value": image.digest },
        { "name": "mixer:image:revision", "value": facts.revision },
        { "name": format!("mixer:file:/usr/local/bin/{}:sha256", program.name), "value": binary },
    ]);
    let graph = components.iter().map(|part| json!({ "ref": part.reference, "dependsOn": part.needs }));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": rfc3339(facts.changed)?,
            "component": subject,
        },
        "components": parts.iter().map(shown).collect::<Vec<_>>(),
        "dependencies": graph.collect::<Vec<_>>(),
    }))
}

fn shown(part: &Component) -> Value {
    let mut value = json!({ "type": part.kind, "bom-ref": part.reference, "name": part.name });
    if !part.version.is_empty() {
        value["version"] = json!(part.version);
    }
    if part.reference.starts_with("pkg:") {
        value["purl"] = json!(part.reference);
    }
    if let Some(licence) = &part.licence {
        value["licenses"] = json!([{ "expression": licence }]);
    }
    if let Some(checksum) = &part.checksum {
        value["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    value
}

/// Seconds since 1970 as RFC 3339 writes them.
pub(super) fn rfc3339(seconds: i64) -> anyhow::Result<String> {
    Ok(jiff::Timestamp::from_second(seconds).context("SOURCE_DATE_EPOCH")?.to_string())
}

fn sha256_of(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
