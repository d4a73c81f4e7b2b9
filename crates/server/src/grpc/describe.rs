//! What the port serves, read from protobuf descriptors: the methods for metrics, and the pruned descriptor set
//! for reflection. A whole descriptor set of a large API would cost megabytes for services that are not here.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::{DecodeError, Message};
use prost_types::FileDescriptorProto;

/// A `FileDescriptorSet` whose files stay encoded, so that options which prost does not know survive.
#[derive(Clone, PartialEq, Message)]
struct RawFileSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

/// The served services, described.
#[derive(Debug, Default)]
pub(crate) struct Description {
    /// `package.Service/Method` of every served method.
    pub(crate) methods: Vec<String>,
    /// An encoded `FileDescriptorSet` of the files that the services need and no other.
    pub(crate) descriptor_set: Vec<u8>,
    /// Services that none of the sets describes.
    pub(crate) undescribed: Vec<String>,
}

impl Description {
    /// Describes these services out of encoded descriptor sets. Of a file that is in several sets the first counts.
    ///
    /// # Errors
    /// A set is not a `FileDescriptorSet`.
    pub(crate) fn of(services: &[String], sets: &[Bytes]) -> Result<Self, DecodeError> {
        let mut files = BTreeMap::new();
        for set in sets {
            for raw in RawFileSet::decode(set.clone())?.file {
                let file = FileDescriptorProto::decode(raw.clone())?;
                files.entry(file.name().to_owned()).or_insert((file, raw));
            }
        }
        let mut needed = BTreeSet::new();
        let mut description = Self { undescribed: services.to_vec(), ..Self::default() };
        for (file, _) in files.values() {
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                let Some(index) = description.undescribed.iter().position(|wanted| *wanted == name) else {
                    continue;
                };
                description.undescribed.remove(index);
                description
                    .methods
                    .extend(service.method.iter().map(|method| format!("{name}/{}", method.name())));
                need(file.name(), &files, &mut needed);
            }
        }
        let file = needed.iter().filter_map(|name| files.get(name)).map(|(_, raw)| raw.clone()).collect();
        description.descriptor_set = RawFileSet { file }.encode_to_vec();
        Ok(description)
    }
}

/// Adds a file and everything that it imports.
fn need(name: &str, files: &BTreeMap<String, (FileDescriptorProto, Bytes)>, needed: &mut BTreeSet<String>) {
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let Some((file, _)) = files.get(&name) else { continue };
        if needed.insert(name) {
            open.extend(file.dependency.iter().cloned());
        }
    }
}

#[cfg(test)]
mod tests;
