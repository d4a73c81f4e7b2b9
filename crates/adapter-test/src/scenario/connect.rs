//! Turns configuration for a hosted adapter into configuration for the same adapter behind gRPC.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mixer_adapter_sdk::AdapterInfo;
use mixer_config::{API_VERSION, Location, RawResource, ResourceId};
use mixer_template::{Key, Node, NodeValue, Position};

/// Gives every handler of the adapter that has no `connection` one, and adds the `adapter` resource where there is
/// none. Without `info` the resource has to be there, and every handler without `connection` gets one.
pub(crate) fn connect(resources: &mut Vec<RawResource>, address: &str, info: Option<&AdapterInfo>) {
    let mut adapters = Vec::new();
    for handler in resources.iter_mut().filter(|resource| &*resource.id.kind == "handler") {
        let NodeValue::Map(entries) = &mut handler.spec.value else { continue };
        if entries.iter().any(|(key, _)| key.text == "connection") {
            continue;
        }
        let named = entries.iter_mut().find(|(key, _)| matches!(&*key.text, "adapter" | "compiledAdapter"));
        let Some((key, name)) = named else { continue };
        let Some(text) = name.as_str() else { continue };
        if let Some(info) = info {
            if info.name != text && !info.aliases.contains(&text) {
                continue;
            }
            let at = ResourceId {
                kind: "adapter".into(),
                namespace: handler.id.namespace.clone(),
                name: info.name.into(),
            };
            name.value = NodeValue::String(info.name.to_owned());
            adapters.push((at, handler.location.clone()));
        }
        key.text = "adapter".to_owned();
        entries.push((named_key("connection"), map([("address", string(address))])));
    }
    for (id, location) in adapters {
        if let Some(info) = info
            && !resources.iter().any(|resource| resource.id == id)
        {
            resources.push(adapter_resource(info, id, location));
        }
    }
}

fn adapter_resource(info: &AdapterInfo, id: ResourceId, location: Location) -> RawResource {
    let templates = info.templates.iter().map(|template| string(template)).collect();
    let spec = map([
        ("description", string(info.description)),
        ("session_based", Node::new(NodeValue::Bool(false))),
        ("templates", Node::new(NodeValue::List(templates))),
        ("config", string(&STANDARD.encode(info.config_descriptor))),
    ]);
    RawResource {
        api_version: API_VERSION.to_owned(),
        id,
        annotations: Default::default(),
        labels: Default::default(),
        spec,
        location,
    }
}

fn string(text: &str) -> Node {
    Node::new(NodeValue::String(text.to_owned()))
}

fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::new(NodeValue::Map(entries.map(|(key, node)| (named_key(key), node)).into()))
}

fn named_key(text: &str) -> Key {
    Key { text: text.to_owned(), position: Position::default() }
}
