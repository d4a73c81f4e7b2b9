//! The flags of a spool, which an adapter process and `mixs` share.

use std::path::PathBuf;

use super::{Fsync, SpoolOptions};

/// The flags of a spool.
#[derive(Clone, Debug, clap::Args)]
#[command(rename_all = "camelCase")]
pub struct SpoolArgs {
    /// Keeps in this directory what report calls bring until the backend has it, before they are answered; what is left is
    /// delivered after a restart. Without it everything waits in memory. One process at a time may use a directory.
    #[arg(long, value_name = "DIRECTORY")]
    pub spool_directory: Option<PathBuf>,

    /// The most bytes of everything in --spoolDirectory. Beyond it the oldest payloads are dropped and counted.
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MAX_BYTES, value_parser = clap::value_parser!(u64).range(LEAST_MAX_BYTES..))]
    pub spool_max_bytes: u64,

    /// When --spoolDirectory is forced to the disk: never survives the death of the process, always that of the machine.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub spool_fsync: Fsync,
}

const DEFAULT_MAX_BYTES: u64 = 1 << 30;
const LEAST_MAX_BYTES: u64 = 1 << 20;

impl SpoolArgs {
    /// What they say; none without a directory.
    pub fn options(&self) -> Option<SpoolOptions> {
        let directory = self.spool_directory.clone()?;
        Some(SpoolOptions { directory, max_bytes: self.spool_max_bytes, fsync: self.spool_fsync })
    }
}

impl Default for SpoolArgs {
    fn default() -> Self {
        Self { spool_directory: None, spool_max_bytes: DEFAULT_MAX_BYTES, spool_fsync: Fsync::default() }
    }
}
