//! The index finds exactly the rules whose condition can hold, and only where that pays.

use mixer_attribute::{Bag, Referenced, Slot, ValueType, VocabularyBuilder};
use mixer_expr::{Options, Program, compile_expecting};
use proptest::prelude::*;

use super::Index;

struct World {
    builder: VocabularyBuilder,
    host: Slot,
    port: Slot,
    mtls: Slot,
    labels: Slot,
}

fn world() -> World {
    let mut builder = VocabularyBuilder::new();
    let mut slot = |name: &str, value_type| builder.attribute(name, value_type).unwrap();
    let host = slot("host", ValueType::String);
    let port = slot("port", ValueType::Int64);
    let mtls = slot("mtls", ValueType::Bool);
    let labels = slot("labels", ValueType::StringMap);
    World { builder, host, port, mtls, labels }
}

fn programs(world: &mut World, texts: &[String]) -> Vec<Option<Program>> {
    let compile = |text: &String| {
        (!text.is_empty()).then(|| {
            let options = Options::default();
            compile_expecting(text, ValueType::Bool, &mut world.builder, &options).unwrap()
        })
    };
    texts.iter().map(compile).collect()
}

#[test]
fn many_rules_on_one_attribute_are_found_by_its_value() {
    let mut world = world();
    let mut texts: Vec<String> = (0..100).map(|i| format!("host == \"svc{i}\" && port == 80")).collect();
    texts.insert(50, String::new());
    texts.push("port > 1000".to_owned());
    let programs = programs(&mut world, &texts);
    let index = Index::new(programs.iter().map(Option::as_ref));
    let vocabulary = world.builder.finish();
    let find = |host: Option<&str>| {
        let mut bag = Bag::new(vocabulary.clone());
        if let Some(host) = host {
            bag.set_text(world.host, host);
        }
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        let mut referenced = Referenced::new();
        index.find(&bag, &mut referenced, &mut found, |slot| absent.push(slot));
        let read: Vec<_> =
            referenced.resolve(&bag).iter().map(|reference| reference.attribute.to_owned()).collect();
        assert_eq!(read, ["host"]);
        (found, absent)
    };
    assert_eq!(find(Some("svc3")), (vec![3, 50, 101], vec![]));
    assert_eq!(find(Some("svc99")), (vec![50, 100, 101], vec![]));
    assert_eq!(find(Some("other")), (vec![50, 101], vec![]));
    assert_eq!(find(None), (vec![50, 101], vec![world.host]));
}

#[test]
fn few_rules_or_one_value_are_not_worth_an_index() {
    let cases = [
        (7, "host == \"svc{i}\"", true),
        (8, "host == \"svc{i}\"", false),
        (100, "host == \"svc\" && port > {i}", true),
        (100, "host != \"svc{i}\"", true),
        (8, "port == {i}", false),
        (8, "labels[\"app\"] == \"a{i}\"", false),
        (8, "host.startsWith(\"a\") && labels[\"app\"] == \"a{i}\"", false),
        (8, "host == \"svc{i}\" || port == 1", true),
    ];
    for (count, text, trivial) in cases {
        let mut world = world();
        let texts: Vec<String> = (0..count).map(|i: i32| text.replace("{i}", &i.to_string())).collect();
        let programs = programs(&mut world, &texts);
        let index = Index::new(programs.iter().map(Option::as_ref));
        assert_eq!(index.is_trivial(), trivial, "{count} × {text}");
    }
}

#[test]
fn a_value_of_another_type_is_left_to_the_evaluation() {
    let mut world = world();
    let texts: Vec<String> = (0..10).map(|i| format!("port == {i}")).collect();
    let programs = programs(&mut world, &texts);
    let index = Index::new(programs.iter().map(Option::as_ref));
    let mut bag = Bag::new(world.builder.finish());
    bag.set_text(world.port, "80");
    let mut found = Vec::new();
    index.find(&bag, &mut Referenced::new(), &mut found, |_| {});
    assert_eq!(found, Vec::from_iter(0..10));
}

fn condition() -> impl Strategy<Value = String> {
    let conjunct = prop_oneof![
        (0..4u8).prop_map(|i| format!("host == \"h{i}\"")),
        (0..4u8).prop_map(|i| format!("port == {i}")),
        any::<bool>().prop_map(|b| format!("mtls == {b}")),
        (0..3u8).prop_map(|i| format!("labels[\"app\"] == \"a{i}\"")),
        (0..4u8).prop_map(|i| format!("(host | \"h1\") == \"h{i}\"")),
        Just("port > 1".to_owned()),
        Just("mtls".to_owned()),
    ];
    prop::collection::vec(conjunct, 0..4).prop_map(|parts| parts.join(" && "))
}

proptest! {
    /// Whatever is indexed: every rule that holds is a candidate, and the candidates are in order.
    #[test]
    fn no_rule_is_missed(
        texts in prop::collection::vec(condition(), 0..60),
        host in prop::option::of(0..4u8),
        port in prop::option::of(0..4i64),
        mtls in prop::option::of(any::<bool>()),
        app in prop::option::of(prop::option::of(0..3u8)),
    ) {
        let mut world = world();
        let programs = programs(&mut world, &texts);
        let index = Index::new(programs.iter().map(Option::as_ref));
        let mut bag = Bag::new(world.builder.finish());
        if let Some(host) = host {
            bag.set_text(world.host, &format!("h{host}"));
        }
        if let Some(port) = port {
            bag.set(world.port, mixer_attribute::Cell::Int64(port));
        }
        if let Some(mtls) = mtls {
            bag.set(world.mtls, mixer_attribute::Cell::Bool(mtls));
        }
        if let Some(app) = app {
            let app = app.map(|app| format!("a{app}"));
            bag.set_text_map(world.labels, app.iter().map(|app| ("app", app.as_str())));
        }
        let mut found = Vec::new();
        if index.is_trivial() {
            found.extend(0..texts.len() as u32);
        } else {
            index.find(&bag, &mut Referenced::new(), &mut found, |_| {});
        }
        prop_assert!(found.is_sorted());
        for (position, program) in programs.iter().enumerate() {
            let holds = program.as_ref().is_none_or(|p| p.eval_bool(&bag, &mut Referenced::new()) == Ok(true));
            if holds {
                prop_assert!(found.contains(&(position as u32)), "{} missed", texts[position]);
            }
        }
    }
}
