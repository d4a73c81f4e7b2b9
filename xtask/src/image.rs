//! Container images of the programs: a static build, the last stage of `deploy/images/Dockerfile` with whichever engine is
//! there, and a list of what is inside (CycloneDX). No registry is asked.

mod archive;
mod binary;
mod build;
mod counterparts;
mod engine;
mod program;
mod sbom;
mod stage;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub(crate) use counterparts::for_tests;
use engine::Engine;
use program::{Arch, Program};

/// Options of `image`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which programs: `mixs`, or an adapter (`newrelic` or `mixer-newrelic-adapter`).
    #[arg(required = true)]
    names: Vec<String>,
    /// Where NAME-ARCH.tar (an OCI archive) and NAME-ARCH.cdx.json go.
    #[arg(long, default_value = "target/image")]
    output: PathBuf,
    /// What builds images [default: the first of these that is on PATH].
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// For which processor.
    #[arg(long, value_enum, default_value = "amd64")]
    arch: Arch,
    /// Profile of the build.
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Takes this static program in place of building one; for one name.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// The public authorities that the program trusts, PEM.
    #[arg(long, value_name = "FILE", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    ca_bundle: PathBuf,
    /// What the image is called, before the program's name.
    #[arg(long, default_value = "localhost")]
    repository: String,
    /// Its tag [default: the version].
    #[arg(long)]
    tag: Option<String>,
}

impl Args {
    /// Images for the tests: those of the programs that tests run, as users get them.
    pub(crate) fn of_tests(output: PathBuf) -> Self {
        Self {
            names: ["mixs", "newrelic"].map(str::to_owned).to_vec(),
            output,
            engine: None,
            arch: Arch::Amd64,
            profile: "dist".to_owned(),
            binary: None,
            ca_bundle: "/etc/ssl/certs/ca-certificates.crt".into(),
            repository: "localhost".to_owned(),
            tag: None,
        }
    }
}

/// What is known about the sources that are built.
struct Facts {
    /// Version of the workspace.
    version: String,
    /// The tag of the image.
    tag: String,
    /// The commit, with `-modified` when files differ from it.
    revision: String,
    /// When the sources were changed, in seconds since 1970 (SOURCE_DATE_EPOCH, or the time of the commit).
    changed: i64,
}

#[expect(clippy::print_stdout, reason = "size and digest are what the task is run for")]
pub(crate) fn run_task(root: &Path, args: &Args) -> anyhow::Result<()> {
    let engine = engine::find(args.engine)?;
    let metadata = program::metadata(root, args.arch)?;
    let programs: Vec<Program> =
        args.names.iter().map(|name| program::find(&metadata, name)).collect::<anyhow::Result<_>>()?;
    let facts = build::facts(root, programs.first().map(|program| program.version.as_str()), args)?;
    let binaries = match &args.binary {
        Some(_) if programs.len() > 1 => anyhow::bail!("--binary is the program of one image; name one"),
        Some(binary) => vec![binary.clone()],
        None => programs
            .iter()
            .map(|program| build::static_program(root, program, args, &facts))
            .collect::<anyhow::Result<_>>()?,
    };
    let output = root.join(&args.output);
    std::fs::create_dir_all(&output).with_context(|| output.display().to_string())?;
    for (program, binary) in programs.iter().zip(&binaries) {
        binary::check(binary, args.arch)?;
        let stage = stage::Stage::new(root, program, binary, &args.ca_bundle)?;
        let reference = format!("{}/{}:{}", args.repository, program.name, facts.tag);
        let archive = output.join(format!("{}-{}.tar", program.name, args.arch));
        engine.build(
            root,
            &stage,
            &engine::Image {
                program,
                facts: &facts,
                arch: args.arch,
                reference: &reference,
                archive: &archive,
            },
        )?;
        let image = archive::read(&archive)?;
        let listed = sbom::list(root, &metadata, program, args)?;
        let bom = sbom::document(&listed, program, &facts, &stage, &image)?;
        let bom_file = output.join(format!("{}-{}.cdx.json", program.name, args.arch));
        std::fs::write(&bom_file, serde_json::to_string_pretty(&bom)? + "\n")?;
        println!("{reference} ({})", args.arch);
        println!("  digest    {}", image.digest);
        println!("  size      {} unpacked, {} to pull", megabytes(stage.size), megabytes(image.pulled));
        println!("  image     {}", archive.display());
        println!("  contents  {} ({} components)", bom_file.display(), listed.len());
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}
