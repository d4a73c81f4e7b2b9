//! Random params: whatever they are there is an answer, and what is taken decodes to what was meant.

use mixer_attribute::{Referenced, VocabularyBuilder};
use mixer_template::{Key, Node, NodeValue, Template};
use proptest::prelude::*;
use prost_reflect::DynamicMessage;

use crate::instance::{Setting, bag, every_type, vocabulary};

thread_local!(static TEMPLATE: Template = every_type());

fn map(entries: impl IntoIterator<Item = (String, Node)>) -> Node {
    let entry = |(text, node)| (Key { text, ..Key::default() }, node);
    Node::new(NodeValue::Map(entries.into_iter().map(entry).collect()))
}

fn text(text: impl Into<String>) -> Node {
    Node::new(NodeValue::String(text.into()))
}

fn params() -> impl Strategy<Value = Node> {
    let expressions = [
        "as",
        "ai",
        "ad",
        "ab",
        "at",
        "aip",
        "adur",
        "aemail",
        "auri",
        "adns",
        "amap",
        "xas | \"d\"",
        "\"text\"",
        "'text'",
        "5",
        "\"10s\"",
        "10s",
        "ai + 1",
        "amap[\"a\"]",
        "nosuch",
        "as +",
        "",
        "\"RED\"",
        "color",
        "10.0.0.1",
    ];
    let leaf = prop_oneof![
        4 => proptest::sample::select(expressions.to_vec()).prop_map(|s| NodeValue::String(s.to_owned())),
        1 => any::<bool>().prop_map(NodeValue::Bool),
        1 => any::<i64>().prop_map(NodeValue::Int),
        1 => any::<f64>().prop_map(NodeValue::Float),
        1 => Just(NodeValue::Null),
    ]
    .prop_map(Node::new);
    let names: Vec<String> = TEMPLATE
        .with(|template| template.instance_message().fields().map(|field| field.name().to_owned()).collect());
    let key = prop_oneof![4 => proptest::sample::select(names), 2 => "(text|number|value|values|inner|[a-z0-9]{0,2})"];
    leaf.prop_recursive(4, 32, 8, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(|nodes| Node::new(NodeValue::List(nodes))),
            3 => proptest::collection::vec((key.clone(), inner), 0..8).prop_map(map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// In both dialects and modes: problems, a failure that leaves the output alone, or a message that decodes.
    #[test]
    fn any_params_are_taken_or_refused(params in params(), typed in any::<bool>(), compat in any::<bool>()) {
        TEMPLATE.with(|template| {
            let setting = if typed { Setting::typed(template) } else { Setting::expressions(template) };
            let mut builder = vocabulary();
            let encoder = match (Setting { compat, ..setting }).compile(&params, &mut builder) {
                Ok(encoder) => encoder,
                Err(problems) => return assert!(!problems.is_empty()),
            };
            let mut out = vec![1, 2, 3];
            match encoder.encode(&bag(builder), &mut Referenced::new(), &mut out) {
                Ok(()) => {
                    let message = DynamicMessage::decode(template.instance_message().clone(), &out[3..]).unwrap();
                    let len = prost_reflect::prost::Message::encoded_len(&message);
                    // Our varints and lengths are minimal; only fields that are zero do not come back from prost.
                    assert!(len <= out.len() - 3);
                }
                Err(_) => assert_eq!(out, [1, 2, 3]),
            }
        });
    }

    /// Text and numbers of a bag arrive unchanged wherever an expression stands.
    #[test]
    fn values_of_the_bag_arrive(value in ".{0,200}", number in any::<i64>(), double in any::<f64>(), key in "[a-z]{0,140}") {
        TEMPLATE.with(|template| {
            let params = map([
                ("f_string".to_owned(), text("as")),
                ("f_sint64".to_owned(), text("ai")),
                ("r_int64".to_owned(), Node::new(NodeValue::List(vec![text("ai"), text("7"), text("ai")]))),
                ("f_double".to_owned(), text("ad")),
                ("m_string".to_owned(), map([(key.clone(), text("as"))])),
                ("m_message".to_owned(), map([("5".to_owned(), map([("text".to_owned(), text("as"))]))])),
            ]);
            let mut builder: VocabularyBuilder = vocabulary();
            let encoder = Setting::typed(template).compile(&params, &mut builder).unwrap();
            let mut bag = bag(builder);
            let slot = |name: &str| bag.vocabulary().slot(name).unwrap();
            let (text_slot, int_slot, double_slot) = (slot("as"), slot("ai"), slot("ad"));
            bag.set_text(text_slot, &value);
            bag.set(int_slot, mixer_attribute::Cell::Int64(number));
            bag.set(double_slot, mixer_attribute::Cell::Double(double));
            let mut out = Vec::new();
            encoder.encode(&bag, &mut Referenced::new(), &mut out).unwrap();
            let message = DynamicMessage::decode(template.instance_message().clone(), &out[..]).unwrap();
            let get = |name: &str| message.get_field_by_name(name).unwrap().into_owned();
            let string = |value: &prost_reflect::Value| value.as_str().unwrap().to_owned();
            assert_eq!(string(&get("f_string")), value);
            assert_eq!(get("f_sint64").as_i64(), Some(number));
            assert_eq!(get("f_double").as_f64().map(f64::to_bits), Some(double.to_bits()));
            let list: Vec<_> = get("r_int64").as_list().unwrap().iter().map(|v| v.as_i64().unwrap()).collect();
            assert_eq!(list, [number, 7, number]);
            let entries = get("m_string");
            assert_eq!(string(&entries.as_map().unwrap()[&prost_reflect::MapKey::String(key)]), value);
            let entries = get("m_message");
            let inner = entries.as_map().unwrap()[&prost_reflect::MapKey::I32(5)].as_message().unwrap().clone();
            assert_eq!(string(&inner.get_field_by_name("text").unwrap()), value);
        });
    }
}
