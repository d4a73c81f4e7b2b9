//! Makes the definitions of the six kinds for Kubernetes from the messages that their specifications are.
//!
//! Schemas name fields in both forms that the original takes (`compiledAdapter`, `compiled_adapter`) and keep fields that
//! they do not know: an API server would drop those in silence, while the server names them in the object's status.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::Context as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use serde_json::{Map, Value, json};

use super::Outputs;
use super::descriptors::Sources;

const OUT: &str = "deploy/crds";
const KUSTOMIZE: &str = "deploy/kustomize/mixer/crds";
const API: &str = "crates/proto/proto";
const GROUP: &str = "config.istio.io";
const HEAD: &str = "# Made by `cargo xtask gen`; do not edit.\n";

/// A kind: how it is called, what its specification is, what the original labelled its definition with.
struct Kind {
    kind: &'static str,
    message: &'static str,
    package: &'static str,
    label: &'static str,
    /// Columns that only `-o wide` shows: name and path.
    wide: &'static [(&'static str, &'static str)],
    /// Rules in CEL on the specification, each with the message of its failure.
    rules: &'static [(&'static str, &'static str)],
    /// Text fields that the rules ask for: `null` is no value of them.
    asked: &'static [&'static str],
}

const KINDS: [Kind; 6] = [
    Kind {
        kind: "adapter",
        message: ".istio.mixer.adapter.model.v1beta1.Info",
        package: "adapter",
        label: "mixer-adapter",
        wide: &[],
        rules: &[],
        asked: &[],
    },
    Kind {
        kind: "attributemanifest",
        message: ".istio.policy.v1beta1.AttributeManifest",
        package: "istio.io.mixer",
        label: "core",
        wide: &[],
        rules: &[],
        asked: &[],
    },
    Kind {
        kind: "handler",
        message: ".istio.policy.v1beta1.Handler",
        package: "handler",
        label: "mixer-handler",
        wide: &[
            ("Adapter", ".spec.adapter"),
            ("Hosted", ".spec.compiledAdapter"),
            ("Address", ".spec.connection.address"),
        ],
        rules: &[(
            "has(self.adapter) || has(self.compiledAdapter) || has(self.compiled_adapter)",
            "names no adapter; set adapter and connection, or compiledAdapter",
        )],
        asked: &["adapter", "compiledAdapter", "compiled_adapter"],
    },
    Kind {
        kind: "instance",
        message: ".istio.policy.v1beta1.Instance",
        package: "instance",
        label: "mixer-instance",
        wide: &[("Template", ".spec.template"), ("Built-in", ".spec.compiledTemplate")],
        rules: &[(
            "has(self.template) || has(self.compiledTemplate) || has(self.compiled_template)",
            "names no template; set template or compiledTemplate",
        )],
        asked: &["template", "compiledTemplate", "compiled_template"],
    },
    Kind {
        kind: "rule",
        message: ".istio.policy.v1beta1.Rule",
        package: "istio.io.mixer",
        label: "core",
        wide: &[("Match", ".spec.match")],
        rules: &[],
        asked: &[],
    },
    Kind {
        kind: "template",
        message: ".istio.mixer.adapter.model.v1beta1.Template",
        package: "template",
        label: "mixer-template",
        wide: &[],
        rules: &[(
            "has(self.descriptor) && size(self.descriptor) > 0",
            "descriptor is missing; mixgen prints the resource",
        )],
        asked: &["descriptor"],
    },
];

/// Makes one file for each kind.
pub(super) fn generate(root: &Path, outputs: &mut Outputs) -> anyhow::Result<()> {
    let sources = Sources { include: root.join(API), elsewhere: BTreeMap::new() };
    let names = [
        "policy/v1beta1/cfg.proto",
        "policy/v1beta1/value_type.proto",
        "mixer/adapter/model/v1beta1/info.proto",
        "mixer/adapter/model/v1beta1/template.proto",
    ];
    let set = sources.describe(&names)?;
    let types = Types::of(&set.file);
    outputs.note_present_below(root, Path::new(OUT))?;
    for kind in &KINDS {
        let text = serde_saphyr::to_string(&definition(kind, &types)?)?;
        for folder in [OUT, KUSTOMIZE] {
            outputs.put(format!("{folder}/{}s.yaml", kind.kind), format!("{HEAD}{text}"));
        }
    }
    kustomization(root, outputs)
}

/// Kustomize takes no files from outside a folder, so the base of the server has them once more.
fn kustomization(root: &Path, outputs: &mut Outputs) -> anyhow::Result<()> {
    let files: String = KINDS.iter().map(|kind| format!("- {}s.yaml\n", kind.kind)).collect();
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";
    outputs.put(format!("{KUSTOMIZE}/kustomization.yaml"), format!("{HEAD}{head}{files}"));
    outputs.note_present_below(root, Path::new(KUSTOMIZE))
}

fn definition(kind: &Kind, types: &Types<'_>) -> anyhow::Result<Value> {
    let name = kind.kind;
    let mut spec = types.message(kind.message, kind.asked)?;
    if name == "handler" {
        let description = "What a check or quota answers when the handler fails; Fail when it is left out.";
        spec["properties"]["failurePolicy"] =
            json!({"type": "string", "enum": ["Fail", "Ignore"], "description": description});
        spec["properties"]["failure_policy"] = json!({"type": "string", "enum": ["Fail", "Ignore"]});
    }
    if !kind.rules.is_empty() {
        let rules = kind.rules.iter().map(|(rule, message)| json!({"rule": rule, "message": message}));
        spec["x-kubernetes-validations"] = rules.collect();
    }
    let text = |description: &str| json!({"type": "string", "description": description});
    Ok(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{name}s.{GROUP}"),
            "labels": {"app": "mixer", "package": kind.package, "istio": kind.label},
            // Deleting a definition deletes every object of the kind.
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": name, "listKind": format!("{name}List"), "plural": format!("{name}s"), "singular": name,
                "categories": ["istio-io", "policy-istio-io"],
            },
            "scope": "Namespaced",
            "preserveUnknownFields": false,
            "versions": [{
                "name": "v1alpha2",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns(kind),
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": text("config.istio.io/v1alpha2"),
                        "kind": text(name),
                        "metadata": {"type": "object"},
                        "spec": spec,
                        "status": status(),
                    },
                }},
            }],
        },
    }))
}

fn columns(kind: &Kind) -> Value {
    let condition = |name: &str, of: &str, field: &str| json!({"name": name, "type": "string", "jsonPath": format!(".status.conditions[?(@.type==\"{of}\")].{field}")});
    let mut columns = vec![
        condition("Accepted", "Accepted", "status"),
        condition("Resolved", "Resolved", "status"),
        condition("In force", "Programmed", "status"),
        condition("Reason", "Programmed", "reason"),
        json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}),
    ];
    let mut wide: Vec<Value> = kind
        .wide
        .iter()
        .map(|(name, path)| json!({"name": name, "type": "string", "jsonPath": path}))
        .collect();
    wide.push(condition("Message", "Programmed", "message"));
    for column in &mut wide {
        column["priority"] = json!(1);
    }
    columns.append(&mut wide);
    Value::Array(columns)
}

fn status() -> Value {
    json!({
        "type": "object",
        "description": "What became of the object; written by the server.",
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": {
            "observedGeneration": {"type": "integer", "format": "int64"},
            "conditions": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "description": "Accepted (the object itself is sound), Resolved (what it refers to is there and sound), \
                                Programmed (it takes effect on requests).",
                "items": {
                    "type": "object",
                    "required": ["type", "status"],
                    "properties": {
                        "type": {"type": "string"},
                        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                        "reason": {"type": "string"},
                        "message": {"type": "string"},
                        "lastTransitionTime": {"type": "string", "format": "date-time"},
                        "observedGeneration": {"type": "integer", "format": "int64"},
                    },
                },
            },
        },
    })
}

/// Messages and enums by full name, and their comments.
struct Types<'a> {
    messages: HashMap<String, (&'a DescriptorProto, Comments<'a>)>,
    enums: HashMap<String, &'a EnumDescriptorProto>,
}

/// Comments of a message's fields, by number of the field in its message.
type Comments<'a> = HashMap<usize, &'a str>;

/// Numbers of `FileDescriptorProto.message_type`, `DescriptorProto.nested_type` and `DescriptorProto.field`.
const MESSAGE: i32 = 4;
const NESTED: i32 = 3;
const FIELD: i32 = 2;

impl<'a> Types<'a> {
    fn of(files: &'a [FileDescriptorProto]) -> Self {
        let mut types = Self { messages: HashMap::new(), enums: HashMap::new() };
        for file in files {
            let prefix = format!(".{}", file.package());
            for (index, message) in file.message_type.iter().enumerate() {
                types.add(file, message, &prefix, &[MESSAGE, index as i32]);
            }
            types.enums.extend(file.enum_type.iter().map(|one| (format!("{prefix}.{}", one.name()), one)));
        }
        types
    }

    fn add(
        &mut self,
        file: &'a FileDescriptorProto,
        message: &'a DescriptorProto,
        prefix: &str,
        path: &[i32],
    ) {
        let name = format!("{prefix}.{}", message.name());
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let comments = locations
            .filter_map(|location| {
                let [kind, index] = *location.path.strip_prefix(path)? else { return None };
                (kind == FIELD).then_some((usize::try_from(index).ok()?, location.leading_comments()))
            })
            .collect();
        for (index, nested) in message.nested_type.iter().enumerate() {
            self.add(file, nested, &name, &[path, &[NESTED, index as i32]].concat());
        }
        self.enums.extend(message.enum_type.iter().map(|one| (format!("{name}.{}", one.name()), one)));
        self.messages.insert(name, (message, comments));
    }

    /// The schema of a message. `asked` are fields whose value cannot be `null`.
    fn message(&self, name: &str, asked: &[&str]) -> anyhow::Result<Value> {
        let (message, comments) =
            self.messages.get(name).with_context(|| format!("there is no message {name}"))?;
        let mut properties = Map::new();
        let mut choices: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for (index, field) in message.field.iter().enumerate() {
            let (json_name, name) = (field.json_name(), field.name());
            let mut schema = self.field(field)?;
            let strict = |name: &str| field.oneof_index.is_some() || asked.contains(&name);
            if !strict(json_name) {
                schema["nullable"] = json!(true);
            }
            if json_name != name {
                properties.insert(name.to_owned(), schema.clone());
            }
            if let Some(comment) = comments.get(&index) {
                schema["description"] = comment.split_whitespace().collect::<Vec<_>>().join(" ").into();
            }
            properties.insert(json_name.to_owned(), schema);
            if let Some(choice) = field.oneof_index {
                let has = match json_name == name {
                    true => format!("has(self.{name})"),
                    false => format!("(has(self.{json_name}) || has(self.{name}))"),
                };
                choices.entry(choice).or_default().push(has);
            }
        }
        properties.sort_keys();
        let mut schema =
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": properties});
        let rules: Vec<Value> = choices.values().filter(|choice| choice.len() == 2).map(|choice| {
            json!({"rule": format!("!({} && {})", choice[0], choice[1]), "message": "two fields exclude each other; remove one"})
        }).collect();
        if !rules.is_empty() {
            schema["x-kubernetes-validations"] = Value::Array(rules);
        }
        Ok(schema)
    }

    fn field(&self, field: &FieldDescriptorProto) -> anyhow::Result<Value> {
        let one = self.value(field)?;
        let entry = self.messages.get(field.type_name()).map(|(message, _)| *message);
        let is_map = entry
            .and_then(|entry| entry.options.as_ref())
            .is_some_and(prost_types::MessageOptions::map_entry);
        Ok(match (is_map, field.label()) {
            (true, _) => {
                let value = entry.and_then(|entry| entry.field.get(1)).context("a map without values")?;
                json!({"type": "object", "additionalProperties": self.value(value)?})
            }
            (false, Label::Repeated) => json!({"type": "array", "items": one}),
            (false, _) => one,
        })
    }

    fn value(&self, field: &FieldDescriptorProto) -> anyhow::Result<Value> {
        Ok(match field.r#type() {
            Type::String | Type::Bytes => json!({"type": "string"}),
            Type::Bool => json!({"type": "boolean"}),
            Type::Double | Type::Float => json!({"type": "number"}),
            Type::Int32 | Type::Uint32 | Type::Sint32 | Type::Fixed32 | Type::Sfixed32 => {
                json!({"type": "integer"})
            }
            Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64 => {
                json!({"x-kubernetes-int-or-string": true})
            }
            Type::Enum => self.choice(field.type_name())?,
            Type::Message | Type::Group => match field.type_name() {
                ".google.protobuf.Duration" => json!({"type": "string"}),
                ".google.protobuf.Struct" => {
                    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
                }
                name => self.message(name, &[])?,
            },
        })
    }

    /// An enum is written by name or by number.
    fn choice(&self, name: &str) -> anyhow::Result<Value> {
        let one = self.enums.get(name).with_context(|| format!("there is no enum {name}"))?;
        let names = one.value.iter().map(|value| json!(value.name()));
        let numbers = one.value.iter().map(|value| json!(value.number()));
        let all: Vec<Value> = names.chain(numbers).collect();
        Ok(json!({"x-kubernetes-int-or-string": true, "enum": all}))
    }
}
