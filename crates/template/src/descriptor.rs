//! Descriptor sets as operators supply them: reading, the two template options, and a pool of just the files that
//! matter.
//!
//! Options are read from the raw bytes because a set need not carry the file that declares them; for the same
//! reason extensions and unused imports are left out of the pool.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use prost::Message as _;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind};
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::wire::{Fields, WireError, WireValue};

const SET_FILE: u32 = 1;
const FILE_OPTIONS: u32 = 8;
const TEMPLATE_VARIETY: u32 = 72_295_727;
const TEMPLATE_NAME: u32 = 72_295_888;

/// A descriptor set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// The bytes are not a `FileDescriptorSet`.
    #[error(
        "not a descriptor set ({0}); make it with protoc --include_imports --descriptor_set_out, then base64"
    )]
    NotADescriptorSet(String),
    /// There is no file in it.
    #[error("the descriptor set has no file; make it with protoc --include_imports --descriptor_set_out")]
    Empty,
    /// A type is used but not defined.
    #[error(
        "type {name} is used by {file} but is not in the descriptor set; make it with protoc --include_imports"
    )]
    MissingType {
        /// Full name of the type.
        name: String,
        /// The file that uses it.
        file: String,
    },
    /// A file in a syntax that descriptors of templates and adapters cannot have.
    #[error("proto file {file} is written in {syntax:?}; write it in proto3")]
    Syntax {
        /// The file.
        file: String,
        /// Its syntax, such as `editions`.
        syntax: String,
    },
    /// The files contradict each other or themselves.
    #[error("the descriptor set is not valid: {0}; make it anew with protoc --include_imports")]
    Invalid(String),
}

/// Builds a pool. The library panics on some damaged files while it words the error; that is contained here.
fn build(files: impl Iterator<Item = FileDescriptorProto>) -> Result<DescriptorPool, DescriptorError> {
    let build = || {
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(files).map(|()| pool).map_err(|error| error.to_string())
    };
    catch_unwind(AssertUnwindSafe(build))
        .unwrap_or_else(|_| Err("a file is damaged".to_owned()))
        .map_err(DescriptorError::Invalid)
}

/// Kinds of the keys and values of a map field; `None` for any other field, and for an entry message that is not
/// one of key and value (which only a damaged descriptor has).
pub(crate) fn map_kinds(field: &FieldDescriptor) -> Option<(Kind, Kind)> {
    let Kind::Message(entry) = field.kind() else { return None };
    let kinds = (entry.get_field(1)?.kind(), entry.get_field(2)?.kind());
    field.is_map().then_some(kinds)
}

/// The options of a file that make it a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TemplateOptions {
    pub(crate) variety: Option<i32>,
    pub(crate) name: Option<String>,
}

/// A decoded descriptor set.
#[derive(Debug)]
pub(crate) struct DescriptorSet {
    pub(crate) files: Vec<FileDescriptorProto>,
    /// One for each file.
    pub(crate) options: Vec<TemplateOptions>,
}

impl DescriptorSet {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let set = FileDescriptorSet::decode(bytes)
            .map_err(|error| DescriptorError::NotADescriptorSet(error.to_string()))?;
        if set.file.is_empty() {
            return Err(DescriptorError::Empty);
        }
        let options =
            read_options(bytes).map_err(|error| DescriptorError::NotADescriptorSet(error.to_string()))?;
        Ok(Self { files: set.file, options })
    }

    /// A pool of the given files and those that define what they use.
    pub(crate) fn pool(
        &self,
        roots: impl IntoIterator<Item = usize>,
    ) -> Result<DescriptorPool, DescriptorError> {
        let well_known = DescriptorPool::global();
        let definitions = self.definitions();
        let mut wanted: BTreeSet<usize> = BTreeSet::new();
        let mut pending: Vec<usize> = roots.into_iter().collect();
        let mut kept = Vec::new();
        let mut borrowed: BTreeSet<String> = BTreeSet::new();
        while let Some(index) = pending.pop() {
            let Some(file) = self.files.get(index).filter(|_| wanted.insert(index)) else { continue };
            check_syntax(file)?;
            let mut imports: BTreeSet<&str> = BTreeSet::new();
            for name in used_types(file) {
                let bare = name.trim_start_matches('.');
                let missing =
                    || DescriptorError::MissingType { name: bare.to_owned(), file: file.name().to_owned() };
                if let Some(definer) = definitions.get(bare) {
                    pending.push(*definer);
                    imports.insert(self.files.get(*definer).map_or("", |file| file.name()));
                } else {
                    let known = well_known.files().find(|file| defines(file.file_descriptor_proto(), bare));
                    borrowed.insert(known.ok_or_else(missing)?.name().to_owned());
                }
            }
            imports.remove(file.name());
            let borrowed_imports = borrowed.iter().map(String::as_str);
            let dependency = imports.into_iter().chain(borrowed_imports).map(str::to_owned).collect();
            kept.push(without_extensions(file, dependency));
        }
        let lent = well_known.files().filter(|file| borrowed.contains(file.name()));
        let lent = lent.map(|file| file.file_descriptor_proto().clone());
        build(lent.chain(kept))
    }

    /// Which file defines a message or enum; of two definitions the first.
    fn definitions(&self) -> HashMap<String, usize> {
        let mut definitions = HashMap::new();
        for (index, file) in self.files.iter().enumerate() {
            visit_definitions(file, &mut |name| {
                definitions.entry(name).or_insert(index);
            });
        }
        definitions
    }
}

fn check_syntax(file: &FileDescriptorProto) -> Result<(), DescriptorError> {
    match file.syntax() {
        "" | "proto2" | "proto3" => Ok(()),
        syntax => Err(DescriptorError::Syntax { file: file.name().to_owned(), syntax: syntax.to_owned() }),
    }
}

fn read_options(set: &[u8]) -> Result<Vec<TemplateOptions>, WireError> {
    let mut all = Vec::new();
    let mut files = Fields::new(set);
    while let Some((number, value)) = files.next()? {
        let (SET_FILE, WireValue::Bytes(file)) = (number, value) else { continue };
        let mut options = TemplateOptions::default();
        let mut fields = Fields::new(file);
        while let Some((number, value)) = fields.next()? {
            if let (FILE_OPTIONS, WireValue::Bytes(bytes)) = (number, value) {
                read_file_options(bytes, &mut options)?;
            }
        }
        all.push(options);
    }
    Ok(all)
}

fn read_file_options(bytes: &[u8], options: &mut TemplateOptions) -> Result<(), WireError> {
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next()? {
        match field {
            (TEMPLATE_VARIETY, WireValue::Varint(variety)) => options.variety = Some(variety as i32),
            (TEMPLATE_NAME, WireValue::Bytes(name)) => {
                options.name = Some(String::from_utf8_lossy(name).into_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

fn defines(file: &FileDescriptorProto, wanted: &str) -> bool {
    let mut found = false;
    visit_definitions(file, &mut |name| found |= name == wanted);
    found
}

fn visit_definitions(file: &FileDescriptorProto, visit: &mut dyn FnMut(String)) {
    let scope = if file.package().is_empty() { String::new() } else { format!("{}.", file.package()) };
    for item in &file.enum_type {
        visit(format!("{scope}{}", item.name()));
    }
    // A work list instead of recursion: the depth of the input is not ours to trust.
    let mut pending: Vec<(String, &DescriptorProto)> =
        file.message_type.iter().map(|message| (scope.clone(), message)).collect();
    while let Some((scope, message)) = pending.pop() {
        let name = format!("{scope}{}", message.name());
        for item in &message.enum_type {
            visit(format!("{name}.{}", item.name()));
        }
        pending.extend(message.nested_type.iter().map(|nested| (format!("{name}."), nested)));
        visit(name);
    }
}

/// Full names of the types that fields and methods of a file use.
fn used_types(file: &FileDescriptorProto) -> Vec<&str> {
    let mut names = Vec::new();
    let mut pending: Vec<&DescriptorProto> = file.message_type.iter().collect();
    while let Some(message) = pending.pop() {
        names.extend(message.field.iter().filter_map(|field| field.type_name.as_deref()));
        pending.extend(&message.nested_type);
    }
    for method in file.service.iter().flat_map(|service| &service.method) {
        names.extend(method.input_type.as_deref());
        names.extend(method.output_type.as_deref());
    }
    names
}

fn without_extensions(file: &FileDescriptorProto, dependency: Vec<String>) -> FileDescriptorProto {
    let mut file = FileDescriptorProto {
        dependency,
        public_dependency: Vec::new(),
        weak_dependency: Vec::new(),
        extension: Vec::new(),
        source_code_info: None,
        ..file.clone()
    };
    let mut pending: Vec<&mut DescriptorProto> = file.message_type.iter_mut().collect();
    while let Some(message) = pending.pop() {
        message.extension.clear();
        pending.extend(&mut message.nested_type);
    }
    file
}
