//! Files to resources: documents of YAML or JSON text, each read on its own so that a bad one hides no other.

mod documents;
mod envelope;
mod yaml;

use std::sync::Arc;

use mixer_template::Node;

use crate::problem::{Location, Problem, Severity};
use crate::resource::RawResource;

/// What reading takes from its source.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The namespace of resources that name none; without one a resource has to name its namespace.
    pub default_namespace: Option<Arc<str>>,
}

/// Reads every resource of a file.
///
/// Documents are separated by `---`; comments alone are no document. Resources of other API groups are left
/// out with a note, the items of a `List` are read one by one, and everything that is wrong with a document is
/// named at its place.
pub fn parse_documents(path: &str, text: &str, options: &ReadOptions) -> (Vec<RawResource>, Vec<Problem>) {
    let file: Arc<str> = path.into();
    let mut resources = Vec::new();
    let mut problems = Vec::new();
    for document in documents::split(text) {
        match yaml::read(document.text, document.lines_before) {
            Ok(node) if node.is_null() => {}
            Ok(node) => {
                envelope::Reader { file: &file, options, problems: &mut problems }.read(node, &mut resources)
            }
            Err(error) => problems.push(Problem::in_file(
                Severity::Error,
                Location::new(&file, error.position),
                format!("the document is not valid YAML: {}", error.message),
            )),
        }
    }
    (resources, problems)
}

/// Reads a document that is parsed already: an object of an API server. `name` stands where messages about files
/// have the file.
pub fn read_object(name: &str, node: Node, options: &ReadOptions) -> (Option<RawResource>, Vec<Problem>) {
    let mut problems = Vec::new();
    let reader = envelope::Reader { file: &name.into(), options, problems: &mut problems };
    (reader.one(&node), problems)
}
