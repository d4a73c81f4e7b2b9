//! Any text: it compiles or is refused, and what compiles evaluates or fails, in both modes, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mixer_attribute::{Bag, Cell, Duration, Referenced, ValueType, VocabularyBuilder};
use mixer_expr::{Options, compile};

fuzz_target!(|text: &str| {
    for compat in [false, true] {
        let mut builder = VocabularyBuilder::new();
        let mut slots = Vec::new();
        for (name, value_type) in [
            ("s", ValueType::String),
            ("t", ValueType::String),
            ("i", ValueType::Int64),
            ("d", ValueType::Double),
            ("b", ValueType::Bool),
            ("m", ValueType::StringMap),
            ("n", ValueType::StringMap),
            ("e", ValueType::Duration),
            ("w", ValueType::Timestamp),
            ("a", ValueType::IpAddress),
            ("h", ValueType::DnsName),
            ("u", ValueType::Uri),
            ("l", ValueType::EmailAddress),
        ] {
            if let Ok(slot) = builder.attribute(name, value_type) {
                slots.push((name, slot));
            }
        }
        let Ok(program) = compile(text, &mut builder, &Options { compat }) else { continue };
        let mut bag = Bag::new(builder.finish());
        for (name, slot) in slots {
            match name {
                // Also what the text itself says, which reaches every conversion.
                "s" => bag.set_text(slot, text),
                "i" => bag.set(slot, Cell::Int64(3)),
                "d" => bag.set(slot, Cell::Double(2.5)),
                "b" => bag.set(slot, Cell::Bool(true)),
                "m" => bag.set_text_map(slot, [("k", "v"), ("", text)]),
                "e" => bag.set(slot, Cell::Duration(Duration::from_nanos(5))),
                "a" => bag.set_bytes(slot, &[10, 0, 0, 1]),
                "h" | "u" | "l" => bag.set_text(slot, text),
                _ => {}
            }
        }
        let mut refs = Referenced::new();
        let _ = program.eval(&bag, &mut refs);
        let _ = program.eval_bool(&bag, &mut refs);
        let _ = refs.resolve(&bag);
        let _ = (program.equalities(), program.reads().count());
    }
});
