//! The handler service of a template as proto text: the service that adapters serve, and the forms that an instance
//! takes on its way there (`InstanceMsg`, `Type`, `InstanceParam`, `OutputMsg`).

use mixer_template::{NAME_FIELD, Variety};

use crate::model::{BINDINGS, Field, Item, Message, Model, Shape};

const MODEL: &str = "istio.mixer.adapter.model.v1beta1";
const VALUE_TYPE: &str = "istio.policy.v1beta1.ValueType";

/// The text of `template_handler_service.proto`.
///
/// Field names, numbers and types are those of the original's generator, so that adapters built for either work with
/// both. Two things differ where no template of the original shows it: a list of `Value` has a list of types in
/// `Type`, and a list of scalars a list of expressions in `InstanceParam`.
pub fn handler_service(model: &Model) -> String {
    let mut writer = Writer { model, text: String::new() };
    writer.head();
    writer.service();
    writer.request();
    if model.variety == Variety::CheckWithOutput {
        writer.response();
    }
    if let Some(output) = &model.output {
        writer.message("OutputMsg", &output.comment, &written(&output.fields, instance_field));
    }
    let name = format!(
        "  // Full name of the instance: `name.instance.namespace`.\n  string name = {NAME_FIELD};\n"
    );
    let template = &model.template;
    let mut fields = vec![name];
    fields.extend(written(&template.fields, instance_field));
    writer.message("InstanceMsg", &template.comment, &fields);
    for resource in &model.resources {
        let name = format!("{}Msg", resource.name);
        writer.message(&name, &resource.comment, &written(&resource.fields, instance_field));
    }
    writer.types();
    writer.params();
    writer.text
}

/// The form of a field in one of the generated messages: comment, type. None where the message lacks it.
type FieldForm = fn(&Field) -> Option<(String, String)>;

struct Writer<'m> {
    model: &'m Model,
    text: String,
}

impl Writer<'_> {
    fn head(&mut self) {
        let Model { name, package, variety, .. } = self.model;
        let imports: String = self.imports().iter().map(|file| format!("import \"{file}\";\n")).collect();
        self.push(&format!(
            "syntax = \"proto3\";\n\n\
             // Template `{name}`: the service that an adapter serves, and the forms that an\n\
             // instance takes on its way there.\n\
             package {package};\n\n\
             {imports}\n\
             option ({MODEL}.template_variety) = {variety};\n\
             option ({MODEL}.template_name) = \"{name}\";\n"
        ));
    }

    fn imports(&self) -> Vec<&'static str> {
        let mut files = vec!["google/protobuf/any.proto", "mixer/adapter/model/v1beta1/extensions.proto"];
        files.extend(match self.model.variety {
            Variety::Check | Variety::CheckWithOutput => Some("mixer/adapter/model/v1beta1/check.proto"),
            Variety::Report => Some("mixer/adapter/model/v1beta1/report.proto"),
            Variety::Quota => Some("mixer/adapter/model/v1beta1/quota.proto"),
            Variety::AttributeGenerator => None,
        });
        let messages =
            std::iter::once(&self.model.template).chain(&self.model.output).chain(&self.model.resources);
        let items: Vec<&Item> =
            messages.flat_map(|message| &message.fields).map(|field| &field.item).collect();
        files.extend(
            items.iter().any(|item| matches!(item, Item::Policy(_))).then_some("policy/v1beta1/type.proto"),
        );
        files.extend(items.iter().any(|item| item.is_dynamic()).then_some("policy/v1beta1/value_type.proto"));
        files.sort_unstable();
        files
    }

    fn service(&mut self) {
        let Model { name, title, variety, .. } = self.model;
        let answer = match variety {
            Variety::Check => format!("{MODEL}.CheckResult"),
            Variety::Report => format!("{MODEL}.ReportResult"),
            Variety::Quota => format!("{MODEL}.QuotaResult"),
            Variety::AttributeGenerator => "OutputMsg".to_owned(),
            Variety::CheckWithOutput => format!("Handle{title}Response"),
        };
        let call = match variety {
            Variety::Report => "the instances of one Report",
            _ => "one instance",
        };
        self.push(&format!(
            "\n// Served by adapters that take `{name}` instances.\n\
             service Handle{title}Service {{\n  \
               // Called with {call}.\n  \
               rpc Handle{title}(Handle{title}Request) returns ({answer});\n\
             }}\n"
        ));
    }

    fn request(&mut self) {
        let instances = match self.model.variety {
            Variety::Report => "  // The instances.\n  repeated InstanceMsg instances = 1;\n",
            _ => "  // The instance.\n  InstanceMsg instance = 1;\n",
        };
        let quota = match self.model.variety {
            Variety::Quota => {
                format!(
                    "\n  // How much is wanted, by instance name.\n  {MODEL}.QuotaRequest quota_request = 4;\n"
                )
            }
            _ => String::new(),
        };
        self.push(&format!(
            "\n// One call of an adapter.\n\
             message Handle{}Request {{\n\
             {instances}\n  \
               // The handler's configuration, for adapters that keep no session.\n  \
               google.protobuf.Any adapter_config = 2;\n\n  \
               // Identifies the call; the same id once more is the same call once more.\n  \
               string dedup_id = 3;\n\
             {quota}\
             }}\n",
            self.model.title
        ));
    }

    fn response(&mut self) {
        self.push(&format!(
            "\n// What an adapter answers.\n\
             message Handle{}Response {{\n  \
               // The decision.\n  \
               {MODEL}.CheckResult result = 1;\n\n  \
               // Values that header operations can use.\n  \
               OutputMsg output = 2;\n\
             }}\n",
            self.model.title
        ));
    }

    fn types(&mut self) {
        let comment = "Types of the fields whose type each instance decides anew.";
        self.message("Type", comment, &written(&self.model.template.fields, type_field));
        for Message { name, fields, .. } in &self.model.resources {
            let comment = format!("Types of the dynamic fields of `{name}`.");
            self.message(&format!("{name}Type"), &comment, &written(fields, type_field));
        }
    }

    fn params(&mut self) {
        let comment = "An instance as an operator writes it: an expression for each field.";
        let mut fields = written(&self.model.template.fields, param_field);
        if self.model.variety == Variety::AttributeGenerator {
            let (name, number) = BINDINGS;
            fields.push(format!(
                "  // Attribute name to an expression over `$out`, the adapter's answer.\n  \
                 map<string, string> {name} = {number};\n"
            ));
        }
        self.message("InstanceParam", comment, &fields);
        for Message { name, fields, .. } in &self.model.resources {
            let comment = format!("Expressions for the fields of `{name}`.");
            self.message(&format!("{name}InstanceParam"), &comment, &written(fields, param_field));
        }
    }

    /// A message of fields that are written already.
    fn message(&mut self, name: &str, comment: &str, fields: &[String]) {
        self.push(&format!("\n{}message {name} {{", commented(comment, "")));
        if !fields.is_empty() {
            self.push(&format!("\n{}", fields.join("\n")));
        }
        self.push("}\n");
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// The fields of the author's message in one of their forms.
fn written(fields: &[Field], form: FieldForm) -> Vec<String> {
    let write = |field: &Field| {
        let (comment, kind) = form(field)?;
        Some(format!("{}  {kind} {} = {};\n", commented(&comment, "  "), field.name, field.number))
    };
    fields.iter().filter_map(write).collect()
}

fn commented(comment: &str, indent: &str) -> String {
    comment.lines().map(|line| format!("{}\n", format!("{indent}// {line}").trim_end())).collect()
}

/// A field of a shape with the given type of values.
fn shaped(shape: Shape, kind: &str) -> String {
    match shape {
        Shape::One => kind.to_owned(),
        Shape::List => format!("repeated {kind}"),
        Shape::Map => format!("map<string, {kind}>"),
    }
}

fn instance_field(field: &Field) -> Option<(String, String)> {
    let kind = match &field.item {
        Item::Message(name) => format!("{name}Msg"),
        item => item.proto().to_owned(),
    };
    Some((field.comment.clone(), shaped(field.shape, &kind)))
}

fn type_field(field: &Field) -> Option<(String, String)> {
    let Field { name, shape, item, .. } = field;
    let (what, kind) = match item {
        Item::Message(message) => ("dynamic fields", format!("{message}Type")),
        item if item.is_dynamic() => ("", VALUE_TYPE.to_owned()),
        _ => return None,
    };
    let comment = match (what, shape) {
        ("", Shape::One) => format!("Type of `{name}`."),
        ("", _) => format!("Types of the {} of `{name}`.", parts(*shape)),
        (what, Shape::One) => format!("Types of the {what} of `{name}`."),
        (what, _) => format!("Types of the {what} of the {} of `{name}`.", parts(*shape)),
    };
    Some((comment, shaped(*shape, &kind)))
}

fn param_field(field: &Field) -> Option<(String, String)> {
    let Field { name, shape, item, .. } = field;
    let (comment, kind) = match (item, shape) {
        (Item::Message(message), Shape::One) => {
            (format!("Expressions for the fields of `{name}`."), format!("{message}InstanceParam"))
        }
        (Item::Message(message), _) => {
            let comment = format!("Expressions for the fields of the {} of `{name}`.", parts(*shape));
            (comment, format!("{message}InstanceParam"))
        }
        (_, Shape::One) => (format!("Expression for `{name}`."), "string".to_owned()),
        _ => (format!("Expressions for the {} of `{name}`.", parts(*shape)), "string".to_owned()),
    };
    Some((comment, shaped(*shape, &kind)))
}

fn parts(shape: Shape) -> &'static str {
    match shape {
        Shape::Map => "entries",
        Shape::One | Shape::List => "elements",
    }
}
