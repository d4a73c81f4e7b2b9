//! Instances of any template as JSON, by the descriptor of the template; for people, not for the request path.

use hashbrown::HashMap;
use mixer_attribute::Timestamp;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, MessageDescriptor, ReflectMessage as _, Value};
use serde_json::{Map, Value as Json};

use crate::templates::TemplateService;
use crate::value::{self, ValueView};

/// The package of values.
const POLICY: &str = "istio.policy.v1beta1.";

/// The instance messages of templates.
pub(super) struct Describe {
    by_template: HashMap<&'static str, MessageDescriptor>,
}

impl Describe {
    /// Instances of these templates. One without a descriptor is shown without fields.
    pub(super) fn new(services: &[TemplateService]) -> Self {
        let find = |service: &TemplateService| {
            let pool = DescriptorPool::decode(service.descriptor()?).ok()?;
            let message = pool.get_message_by_name(&format!("{}.InstanceMsg", service.package()))?;
            Some((service.template, message))
        };
        Self { by_template: services.iter().filter_map(find).collect() }
    }

    /// The fields of an instance, or what is wrong with it.
    pub(super) fn instance(&self, template: &str, bytes: &[u8]) -> Result<Json, String> {
        let message = self.by_template.get(template);
        let message = message.ok_or_else(|| format!("template {template} has no descriptor"))?;
        let decoded = DynamicMessage::decode(message.clone(), bytes).map_err(|error| error.to_string())?;
        let mut fields = Map::new();
        for (field, value) in decoded.fields().filter(|(field, _)| field.name() != "name") {
            fields.insert(field.name().to_owned(), json(value));
        }
        Ok(Json::Object(fields))
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::I32(value) => Json::from(*value),
        Value::I64(value) => Json::from(*value),
        Value::U32(value) => Json::from(*value),
        Value::U64(value) => Json::from(*value),
        Value::F32(value) => ValueView::Double(f64::from(*value)).to_json(),
        Value::F64(value) => ValueView::Double(*value).to_json(),
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(hexadecimal(bytes)),
        Value::EnumNumber(number) => Json::from(*number),
        Value::List(values) => values.iter().map(json).collect(),
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(key, value)| (key_text(key), json(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(entries.into_iter().collect())
        }
        Value::Message(message) => message_json(message),
    }
}

fn message_json(message: &DynamicMessage) -> Json {
    let descriptor = message.descriptor();
    let policy = descriptor.full_name().strip_prefix(POLICY);
    let bytes = || message.encode_to_vec();
    let inner = || match message.get_field_by_number(1).as_deref() {
        Some(Value::String(text)) => Json::from(text.as_str()),
        Some(Value::Bytes(bytes)) => ValueView::Ip(bytes).to_json(),
        _ => Json::Null,
    };
    let text = |text: Option<String>| text.map_or(Json::Null, Json::from);
    match policy {
        Some("Value") => match ValueView::parse(&bytes()) {
            Ok(value) => value.map_or(Json::Null, |value| value.to_json()),
            Err(error) => Json::from(error.to_string()),
        },
        Some("TimeStamp") => {
            text(value::parse_timestamp(&bytes()).ok().flatten().map(|t: Timestamp| t.to_string()))
        }
        Some("Duration") => text(value::parse_duration(&bytes()).ok().flatten().map(|d| d.to_string())),
        Some("IPAddress" | "DNSName" | "EmailAddress" | "Uri") => inner(),
        _ => {
            let fields = message.fields().map(|(field, value)| (field.name().to_owned(), json(value)));
            Json::Object(fields.collect())
        }
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

/// Two digits for each byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
