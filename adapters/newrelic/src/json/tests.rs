//! What is written is what `serde_json` writes.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

proptest! {
    #[test]
    fn an_object_is_written_as_serde_writes_it(
        (key, text) in ("\\PC*|[a-z.]{0,12}", "\\PC*|[\u{0}-\u{7f}]*"),
        (int, uint, number) in (any::<i64>(), any::<u64>(), any::<f64>()),
        value in any::<bool>(),
    ) {
        let written = |write: &dyn Fn(&mut Object)| {
            let mut object = Object::new();
            write(&mut object);
            String::from_utf8(object.finish()).unwrap()
        };
        let expected = |value: Json| format!("{{{}:{value}}}", Json::from(&*key));
        prop_assert_eq!(written(&|object| object.text(&key, &text)), expected(Json::from(&*text)));
        prop_assert_eq!(written(&|object| object.int(&key, int)), expected(Json::from(int)));
        prop_assert_eq!(written(&|object| object.uint(&key, uint)), expected(Json::from(uint)));
        prop_assert_eq!(written(&|object| object.number(&key, number)), expected(Json::from(number)));
        prop_assert_eq!(written(&|object| object.bool(&key, value)), expected(Json::from(value)));
    }
}

#[test]
fn objects_are_in_objects() {
    let mut object = Object::new();
    object.int("a", 1);
    object.begin("b");
    object.text("c", "\"\n");
    object.text("d", "");
    object.end();
    object.begin("e");
    object.end();
    let text = String::from_utf8(object.finish()).unwrap();
    assert_eq!(text, r#"{"a":1,"b":{"c":"\"\n","d":""},"e":{}}"#);
}
