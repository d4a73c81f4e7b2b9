//! Properties: no text and no program panics, and a literal means what an attribute with its value means.

use mixer_attribute::{Bag, Cell, Duration, Referenced, ValueType, VocabularyBuilder};
use mixer_expr::{Options, compile};
use proptest::prelude::*;

use crate::support::{bag, show, vocabulary};

/// Compiles and, if that works, evaluates.
fn try_out(text: &str) {
    for compat in [false, true] {
        let mut builder = vocabulary();
        if let Ok(program) = compile(text, &mut builder, &Options { compat }) {
            let bag = bag(builder);
            let _ = program.eval(&bag, &mut Referenced::new());
            let _ = program.eval_bool(&bag, &mut Referenced::new());
            let _ = (program.equalities(), program.reads().count(), program.constant());
        }
    }
}

const TOKENS: &[&str] = &[
    "source.name",
    "source.user",
    "labels",
    "headers",
    "request.size",
    "mtls",
    "elapsed",
    "ended",
    "true",
    "1",
    "010",
    "1.5",
    "1e",
    "\"a\"",
    "\"5s\"",
    "'c'",
    "`r`",
    "(",
    ")",
    "[",
    "]",
    ".",
    ",",
    "+",
    "-",
    "!",
    "|",
    "||",
    "&&",
    "&",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "=",
    "*",
    "/",
    "%",
    "<<",
    "\n",
    "//",
    "/*",
    "*/",
    "size",
    "match",
    "conditional",
    "startsWith",
    "matches",
    "ip",
    "type",
    "func",
    "{",
    "}",
    ";",
    ":",
    "...",
    "\"",
    "'",
    "`",
    "\\",
    "é",
    "\0",
];

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        try_out(&text);
    }

    #[test]
    fn no_tokens_panic(tokens in prop::collection::vec((prop::sample::select(TOKENS), any::<bool>()), 0..24)) {
        let text: String = tokens.iter().flat_map(|(token, blank)| [*token, if *blank { " " } else { "" }]).collect();
        try_out(&text);
    }

    #[test]
    fn no_pattern_panics(pattern in "[a-c1\\\\dwsbQEpxPL{}()\\[\\]|*+?^$.,:&~i<>=-]{0,16}", text in "\\PC{0,8}") {
        try_out(&format!("`{pattern}`.matches(`{}`)", text.replace('`', "")));
        try_out(&format!("(source.user | `{pattern}`).matches(source.name)"));
    }

    #[test]
    fn no_conversion_panics(text in "\\PC{0,24}") {
        let text = text.replace('`', "");
        for function in ["ip", "timestamp", "dnsName", "email", "uri", "toLower", "size"] {
            try_out(&format!("{function}(`{text}`)"));
        }
        for function in ["dnsName", "email", "uri"] {
            try_out(&format!("{function}(`{text}`) == {function}(`{text}`)"));
        }
    }

    /// Literals are folded and recognised in many places; attributes are not. Both must come to the same.
    #[test]
    fn a_literal_means_what_an_attribute_means(choices in prop::collection::vec(any::<u8>(), 0..160), compat: bool) {
        let mut generator = Generator { choices: &choices, attributes: None };
        let value_type = generator.pick(&[ValueType::Bool, ValueType::String, ValueType::Int64, ValueType::Double]);
        let literals = generator.expr(value_type, 5);
        let mut generator = Generator { choices: &choices, attributes: Some(Vec::new()) };
        generator.pick(&[(), (), (), ()]);
        let attributes = generator.expr(value_type, 5);
        let given = generator.attributes.unwrap();
        let (a, b) = (run(&literals, &[], compat), run(&attributes, &given, compat));
        prop_assert_eq!(a, b, "{}\n{}", literals, attributes);
    }
}

fn run(text: &str, given: &[(String, Leaf)], compat: bool) -> String {
    let mut builder = VocabularyBuilder::new();
    for (name, value_type) in [("absent.text", ValueType::String), ("absent.flag", ValueType::Bool)] {
        builder.attribute(name, value_type).unwrap();
    }
    let map = builder.attribute("entries", ValueType::StringMap).unwrap();
    let slots: Vec<_> =
        given.iter().map(|(name, leaf)| builder.attribute(name, leaf.value_type()).unwrap()).collect();
    let program = match compile(text, &mut builder, &Options { compat }) {
        Ok(program) => program,
        Err(error) => return format!("{text}: {error}"),
    };
    let mut bag = Bag::new(builder.finish());
    bag.set_text_map(map, [("a", "b"), ("b", "")]);
    for (slot, (_, leaf)) in slots.into_iter().zip(given) {
        match leaf {
            Leaf::Text(text) => bag.set_text(slot, text),
            Leaf::Int64(v) => bag.set(slot, Cell::Int64(*v)),
            Leaf::Double(v) => bag.set(slot, Cell::Double(*v)),
            Leaf::Bool(v) => bag.set(slot, Cell::Bool(*v)),
            Leaf::Duration(v) => bag.set(slot, Cell::Duration(*v)),
        }
    }
    match program.eval(&bag, &mut Referenced::new()) {
        Ok(value) => show(&value),
        Err(error) => error.to_string(),
    }
}

#[derive(Clone, Copy, Debug)]
enum Leaf {
    Text(&'static str),
    Int64(i64),
    Double(f64),
    Bool(bool),
    Duration(Duration),
}

impl Leaf {
    fn value_type(self) -> ValueType {
        match self {
            Self::Text(_) => ValueType::String,
            Self::Int64(_) => ValueType::Int64,
            Self::Double(_) => ValueType::Double,
            Self::Bool(_) => ValueType::Bool,
            Self::Duration(_) => ValueType::Duration,
        }
    }

    fn literal(self) -> String {
        match self {
            Self::Text(text) => format!("`{text}`"),
            Self::Int64(v) => v.to_string(),
            Self::Double(v) => format!("{v:?}"),
            Self::Bool(v) => v.to_string(),
            Self::Duration(v) => format!("`{v}`"),
        }
    }
}

/// Makes well-typed expressions; the bytes decide, and when they are used up everything is a leaf.
struct Generator<'c> {
    choices: &'c [u8],
    /// When set, leaves become attributes, which are collected here.
    attributes: Option<Vec<(String, Leaf)>>,
}

impl Generator<'_> {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let choice = self.choices.split_first().map_or(0, |(first, rest)| {
            self.choices = rest;
            usize::from(*first)
        });
        from[choice % from.len()]
    }

    fn leaf(&mut self, value_type: ValueType) -> String {
        let leaf = match value_type {
            ValueType::String => Leaf::Text(self.pick(&[
                "",
                "a",
                "b",
                "A",
                "a*",
                "*b",
                "ab",
                "1.2.3.4",
                "a@b.c",
                "(",
                "^a",
                "http://a/",
            ])),
            ValueType::Int64 => Leaf::Int64(self.pick(&[0, 1, 2, i64::MAX])),
            ValueType::Double => Leaf::Double(self.pick(&[0.5, 1.5, 1e300])),
            ValueType::Duration => Leaf::Duration(Duration::from_nanos(self.pick(&[1_000, 5_000_000_000]))),
            _ => Leaf::Bool(self.pick(&[false, true])),
        };
        match &mut self.attributes {
            None => leaf.literal(),
            Some(attributes) => {
                let name = format!("v{}", attributes.len());
                attributes.push((name.clone(), leaf));
                name
            }
        }
    }

    fn expr(&mut self, value_type: ValueType, depth: usize) -> String {
        if depth == 0 || self.choices.is_empty() {
            return self.leaf(value_type);
        }
        let depth = depth - 1;
        match self.pick(&[0, 1, 2, 3, 4, 5]) {
            0 => self.leaf(value_type),
            1 => {
                let (first, second) = (self.expr(value_type, depth), self.expr(value_type, depth));
                format!("(({first}) | ({second}))")
            }
            2 => {
                let condition = self.expr(ValueType::Bool, depth);
                let (yes, no) = (self.expr(value_type, depth), self.expr(value_type, depth));
                format!("conditional({condition}, {yes}, {no})")
            }
            _ => match value_type {
                ValueType::Bool => self.condition(depth),
                ValueType::String => self.text(depth),
                ValueType::Int64 if self.pick(&[false, true]) => {
                    format!("size({})", self.expr(ValueType::String, depth))
                }
                ValueType::Int64 | ValueType::Double => {
                    format!("({} + {})", self.expr(value_type, depth), self.expr(value_type, depth))
                }
                _ => self.leaf(value_type),
            },
        }
    }

    fn text(&mut self, depth: usize) -> String {
        let first = self.expr(ValueType::String, depth);
        match self.pick(&[0, 1, 2, 3, 4]) {
            0 => format!("toLower({first})"),
            1 => format!("entries[{first}]"),
            2 => format!("(entries[{first}] | {})", self.expr(ValueType::String, depth)),
            3 => format!("(absent.text | {first})"),
            _ => format!("({first} + {})", self.expr(ValueType::String, depth)),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let same = self.pick(&[ValueType::String, ValueType::Int64, ValueType::Double, ValueType::Bool]);
        match self.pick(&[
            "&&",
            "||",
            "==",
            "!=",
            "<",
            "<=",
            ">=",
            "match",
            "matches",
            "startsWith",
            "endsWith",
            "ip",
            "dnsName",
            "email",
            "uri",
            "|",
        ]) {
            operator @ ("&&" | "||") => {
                let (left, right) = (self.expr(ValueType::Bool, depth), self.expr(ValueType::Bool, depth));
                format!("({left} {operator} {right})")
            }
            operator @ ("==" | "!=") => {
                format!("({} {operator} {})", self.expr(same, depth), self.expr(same, depth))
            }
            operator @ ("<" | "<=" | ">=") => {
                let same = if same == ValueType::Bool { ValueType::Int64 } else { same };
                format!("({} {operator} {})", self.expr(same, depth), self.expr(same, depth))
            }
            "match" => {
                let (text, pattern) =
                    (self.expr(ValueType::String, depth), self.expr(ValueType::String, depth));
                format!("match({text}, {pattern})")
            }
            "|" => format!("(absent.flag | {})", self.expr(ValueType::Bool, depth)),
            method @ ("matches" | "startsWith" | "endsWith") => {
                let (target, text) =
                    (self.expr(ValueType::String, depth), self.expr(ValueType::String, depth));
                format!("({target}).{method}({text})")
            }
            function => {
                let (left, right) =
                    (self.expr(ValueType::String, depth), self.expr(ValueType::String, depth));
                format!("({function}({left}) == {function}({right}))")
            }
        }
    }
}
