//! The rules about a template's file as a whole: options, package, names, which messages there are.

use std::collections::BTreeMap;

use mixer_template::Variety;
use prost_reflect::{FileDescriptor, MessageDescriptor, ServiceDescriptor, Syntax, Value};

use super::fields::{self, Role};
use super::{Message, Model};
use crate::comments::{Comments, PACKAGE, SYNTAX};
use crate::{Diagnostic, Error, Rule, Source};

const EXTENSIONS: &str = "istio.mixer.adapter.model.v1beta1";
/// Paths of the two options.
const VARIETY: &[i32] = &[8, 72_295_727];
const NAME: &[i32] = &[8, 72_295_888];
const TEMPLATE: &str = "Template";
const OUTPUT: &str = "OutputTemplate";

/// Collects diagnostics while the files of a source are looked at.
pub(super) struct Checker<'s> {
    source: &'s Source,
    comments: BTreeMap<String, Comments>,
    diagnostics: Vec<Diagnostic>,
}

impl<'s> Checker<'s> {
    fn new(source: &'s Source) -> Self {
        let comments = source.pool().files().map(|file| (file.name().to_owned(), Comments::of(&file)));
        Self { source, comments: comments.collect(), diagnostics: Vec::new() }
    }

    /// Notes a problem with the element at `path` of a file; without a path with the whole file.
    pub(super) fn refuse(
        &mut self,
        file: &FileDescriptor,
        path: &[i32],
        rule: Rule,
        message: impl Into<String>,
    ) {
        let line = self.comments.get(file.name()).and_then(|comments| comments.line(path));
        let file = self.source.shown(file.name());
        self.diagnostics.push(Diagnostic { file, line, rule, message: message.into() });
    }

    /// The comment of an element.
    pub(super) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> String {
        self.comments.get(file.name()).map(|comments| comments.text(path)).unwrap_or_default()
    }

    fn finish(mut self, model: Option<Model>) -> Result<Model, Error> {
        match model {
            Some(model) if self.diagnostics.is_empty() => Ok(model),
            _ => {
                self.diagnostics.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
                Err(Error::Refused(self.diagnostics))
            }
        }
    }
}

/// An option of a file that the extensions of Mixer declare.
fn option(file: &FileDescriptor, name: &str) -> Option<Value> {
    let extension = file.parent_pool().get_extension_by_name(&format!("{EXTENSIONS}.{name}"))?;
    let options = file.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

/// The files with the option, and the numbers that they give it.
fn template_files(source: &Source) -> Vec<(FileDescriptor, i32)> {
    let variety = |file: &FileDescriptor| option(file, "template_variety")?.as_enum_number();
    source.pool().files().filter_map(|file| variety(&file).map(|number| (file, number))).collect()
}

/// The handler service of a source that is the generated form.
pub(crate) fn service_of(source: &Source) -> Option<ServiceDescriptor> {
    let mut files = template_files(source);
    // Of a file that was named only that file counts, not what it imports.
    files.retain(|(file, _)| source.main().is_none_or(|main| main == file));
    let services = files.iter().flat_map(|(file, _)| file.services().collect::<Vec<_>>());
    services
        .filter(|service| service.parent_file().messages().any(|message| message.name() == "InstanceMsg"))
        .find(|service| service.name().starts_with("Handle"))
}

pub(super) fn read(source: &Source) -> Result<Model, Error> {
    let mut checker = Checker::new(source);
    let Some((file, number)) = template_file(&mut checker) else { return checker.finish(None) };
    let variety = Variety::from_number(number);
    if variety.is_none() {
        let text = format!("template_variety {number} is none of 0 to 4");
        checker.refuse(&file, VARIETY, Rule::Variety, text);
    }
    if file.syntax() != Syntax::Proto3 {
        checker.refuse(&file, SYNTAX, Rule::Proto3, "only proto3 template files are allowed");
    }
    for service in file.services() {
        let text = match service_of(source) {
            Some(_) => format!(
                "service {} makes this the generated form of a template; name the author's template.proto",
                service.name()
            ),
            None => format!("a template declares no service, found {}; it is generated", service.name()),
        };
        checker.refuse(&file, service.path(), Rule::Service, text);
    }
    let title = title(&mut checker, &file);
    // Without a known variety the fields are held to what every variety allows.
    let reader = Reader { checker, file, variety: variety.unwrap_or(Variety::Check) };
    let (checker, model) = reader.model(title);
    checker.finish(model)
}

/// The one file with the option.
fn template_file(checker: &mut Checker<'_>) -> Option<(FileDescriptor, i32)> {
    let source = checker.source;
    let mut files = template_files(source);
    if files.len() == 1 {
        let (file, number) = files.pop()?;
        let Some(main) = source.main().filter(|main| **main != file) else { return Some((file, number)) };
        let text =
            format!("the option template_variety is that of the imported {}; name that file", file.name());
        checker.refuse(main, &[], Rule::OneTemplate, text);
        return None;
    }
    if let [(first, _), (second, _), ..] = &files[..] {
        let text = format!(
            "proto files {} and {} both have the option template_variety; only one template at a time",
            source.shown(first.name()),
            source.shown(second.name())
        );
        checker.refuse(second, VARIETY, Rule::OneTemplate, text);
        return None;
    }
    let text = "no proto file has the option template_variety; import \
                \"mixer/adapter/model/v1beta1/extensions.proto\" and write `option \
                (istio.mixer.adapter.model.v1beta1.template_variety) = TEMPLATE_VARIETY_CHECK;`, or another of \
                the five varieties";
    let file = source.main().cloned().or_else(|| source.pool().files().last())?;
    checker.refuse(&file, &[], Rule::OneTemplate, text);
    None
}

/// The name in services: the option `template_name`, else the last part of the package.
fn title(checker: &mut Checker<'_>, file: &FileDescriptor) -> Option<String> {
    let package = file.package_name();
    let last = package.rsplit('.').next().unwrap_or(package);
    if package.is_empty() {
        checker.refuse(file, &[], Rule::Package, "package name missing; write `package NAME;` with letters");
    } else if !letters(last) {
        let text = format!("the last part of the package name {package:?} must have letters only");
        checker.refuse(file, PACKAGE, Rule::TemplateName, text);
    }
    let option = option(file, "template_name");
    let name = match option.as_ref().and_then(Value::as_str) {
        Some(name) if !letters(name) => {
            let text = format!("the option template_name {name:?} must have letters only");
            checker.refuse(file, NAME, Rule::TemplateName, text);
            return None;
        }
        Some(name) => name,
        None => last,
    };
    let mut letters = name.chars();
    Some(letters.next()?.to_ascii_uppercase().to_string() + letters.as_str())
}

fn letters(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Reads the messages of a template.
struct Reader<'s> {
    checker: Checker<'s>,
    file: FileDescriptor,
    variety: Variety,
}

impl<'s> Reader<'s> {
    fn model(mut self, title: Option<String>) -> (Checker<'s>, Option<Model>) {
        let template = self.top(TEMPLATE, Role::Template);
        let output = self.output();
        let mut resources = Vec::new();
        for file in self.checker.source.pool().files() {
            if file.package_name() != self.file.package_name() {
                continue;
            }
            for message in file.messages() {
                self.check_declarations(&message);
                if ![TEMPLATE, OUTPUT].contains(&message.name()) {
                    resources.push(fields::read(&mut self.checker, &message, Role::Resource, self.variety));
                }
            }
        }
        self.check_clashes(&resources, output.is_some());
        let model = title.zip(template).map(|(title, template)| Model {
            variety: self.variety,
            package: self.file.package_name().to_lowercase(),
            name: title.to_lowercase(),
            title,
            template,
            output,
            resources,
        });
        (self.checker, model)
    }

    fn message(&self, name: &str) -> Option<MessageDescriptor> {
        self.file.messages().find(|message| message.name() == name)
    }

    /// A message that has to be there.
    fn top(&mut self, name: &str, role: Role) -> Option<Message> {
        let Some(message) = self.message(name) else {
            let rule = if name == TEMPLATE { Rule::TemplateMessage } else { Rule::OutputMessage };
            let text = match rule {
                Rule::TemplateMessage => {
                    "message Template is not defined; its fields are what instances hold"
                }
                _ => {
                    "message OutputTemplate is not defined; its fields are what adapters of this variety answer"
                }
            };
            self.checker.refuse(&self.file, &[], rule, text);
            return None;
        };
        Some(fields::read(&mut self.checker, &message, role, self.variety))
    }

    fn output(&mut self) -> Option<Message> {
        if self.variety.has_output() {
            return self.top(OUTPUT, Role::Output);
        }
        let message = self.message(OUTPUT)?;
        let text = format!(
            "message OutputTemplate has no use here: adapters of {} answer with no output; remove it, or choose \
             {} or {}",
            self.variety,
            Variety::AttributeGenerator,
            Variety::CheckWithOutput
        );
        self.checker.refuse(&self.file, message.path(), Rule::OutputMessage, text);
        None
    }

    /// Generated names come from top-level names, so nothing may be declared within a message.
    fn check_declarations(&mut self, message: &MessageDescriptor) {
        let file = message.parent_file();
        for nested in message.child_messages().filter(|nested| !nested.is_map_entry()) {
            let text = format!("message {} is declared within {}", nested.name(), message.name());
            let text = format!("{text}; declare it at top level");
            self.checker.refuse(&file, nested.path(), Rule::TopLevel, text);
        }
    }

    fn check_clashes(&mut self, resources: &[Message], output: bool) {
        let mut taken = vec!["InstanceMsg".to_owned()];
        taken.extend(output.then(|| "OutputMsg".to_owned()));
        for resource in resources {
            let made = format!("{}Msg", resource.name);
            if taken.contains(&made) {
                let text = format!(
                    "message {} would become {made}, which the generated service has already; rename it",
                    resource.name
                );
                let message = self.message(&resource.name);
                let path = message.as_ref().map_or(&[][..], |message| message.path());
                self.checker.refuse(&self.file, path, Rule::NameClash, text);
            }
        }
    }
}
