//! The file beside the logs of a handler from which the handler is built again: a magic word, CRC-32, and a message.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use mixer_adapter_api::{HandlerSpec, InstanceInfo};
use prost::Message as _;

use super::Fsync;
use super::appender::sync_directory;

const MAGIC: &[u8; 8] = b"mxspoolh";
const NAME: &str = "handler";

/// What is kept of a handler.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HandlerFile {
    #[prost(string, tag = "1")]
    pub(super) adapter: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(bytes = "bytes", tag = "3")]
    params: bytes::Bytes,
    #[prost(message, repeated, tag = "4")]
    instances: Vec<Instance>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Instance {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    template: String,
    #[prost(bytes = "bytes", tag = "3")]
    inferred_type: bytes::Bytes,
}

impl HandlerFile {
    pub(super) fn new(adapter: &str, spec: &HandlerSpec) -> Self {
        let instance = |info: &InstanceInfo| Instance {
            name: info.name.to_string(),
            template: info.template.to_string(),
            inferred_type: info.inferred_type.clone(),
        };
        Self {
            adapter: adapter.to_owned(),
            name: spec.name.to_string(),
            params: spec.params.clone(),
            instances: spec.instances.iter().map(instance).collect(),
        }
    }

    pub(super) fn spec(&self) -> HandlerSpec {
        let instance = |instance: &Instance| InstanceInfo {
            name: instance.name.as_str().into(),
            template: instance.template.as_str().into(),
            inferred_type: instance.inferred_type.clone(),
        };
        HandlerSpec {
            name: self.name.as_str().into(),
            params: self.params.clone(),
            instances: self.instances.iter().map(instance).collect(),
        }
    }

    /// Writes the file; it is there whole or not at all.
    pub(super) fn write(&self, directory: &Path, fsync: Fsync) -> io::Result<()> {
        let message = self.encode_to_vec();
        let next = directory.join("handler.next");
        let mut file = File::create(&next)?;
        file.write_all(&[&MAGIC[..], &crc32fast::hash(&message).to_le_bytes(), &message].concat())?;
        if fsync == Fsync::Always {
            file.sync_all()?;
        }
        fs::rename(next, directory.join(NAME))?;
        if fsync == Fsync::Always { sync_directory(directory) } else { Ok(()) }
    }

    /// Reads the file.
    pub(super) fn read(directory: &Path) -> io::Result<Self> {
        let bytes = fs::read(directory.join(NAME))?;
        let changed = || io::Error::new(io::ErrorKind::InvalidData, "its bytes have changed");
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(changed)?;
        let (sum, message) = rest.split_first_chunk::<4>().ok_or_else(changed)?;
        if crc32fast::hash(message).to_le_bytes() != *sum {
            return Err(changed());
        }
        Self::decode(message).map_err(|_| changed())
    }
}
