//! What can be asked of a program: constants, the slots it reads, equalities for an index.

use mixer_attribute::{Bag, Cell, Referenced, Slot, SlotKind, ValueType, VocabularyBuilder};
use mixer_expr::{Literal, Options, Program, Scope, compile};

use crate::support::{show, vocabulary};

fn program(text: &str) -> (Program, VocabularyBuilder) {
    let mut builder = vocabulary();
    let program = compile(text, &mut builder, &Options::default()).unwrap();
    (program, builder)
}

#[test]
fn programs_cross_threads() {
    fn check<T: Send + Sync + std::fmt::Debug + 'static>() {}
    check::<Program>();
}

#[test]
fn a_program_knows_its_text_and_type() {
    let (program, _) = program("mtls && true");
    assert_eq!(program.text(), "mtls && true");
    assert_eq!(program.value_type(), ValueType::Bool);
}

#[test]
fn constants_are_folded() {
    for (text, expected) in [
        ("1 + 2 + 3", "6"),
        ("\"a\" + \"b\"", "\"ab\""),
        ("toLower(\"A\" + \"B\")", "\"ab\""),
        ("\"x\" | source.user", "\"x\""),
        ("conditional(1 == 1, \"a\", \"b\")", "\"a\""),
        ("false && retried", "false"),
        ("true || retried", "true"),
        ("true && true", "true"),
        ("match(\"abc\", \"a*\") == false", "false"),
        ("\"^a\".matches(\"abc\")", "true"),
        ("ip(\"1.2.3.4\") == ip(\"::ffff:1.2.3.4\")", "true"),
        ("emptyStringMap()", "{}"),
    ] {
        let (program, _) = program(text);
        assert_eq!(program.constant().map(show).as_deref(), Some(expected), "{text}");
        assert_eq!(program.reads().count(), 0, "{text}");
    }
    for text in ["mtls", "retried && false", "ip(\"zzz\")", "\"(\".matches(\"x\")", "source.user | \"x\""] {
        assert!(program(text).0.constant().is_none(), "{text}");
    }
}

fn names(builder: &VocabularyBuilder, slots: impl Iterator<Item = Slot>) -> Vec<String> {
    let vocabulary = builder.vocabulary();
    let mut names: Vec<String> = slots
        .map(|slot| match vocabulary.kind(slot) {
            SlotKind::MapKey(map) => format!("{}[{}]", vocabulary.name(map), vocabulary.name(slot)),
            _ => vocabulary.name(slot).to_owned(),
        })
        .collect();
    names.sort();
    names
}

#[test]
fn every_slot_that_may_be_read_is_known() {
    for (text, expected) in [
        ("mtls && source.name == \"x\" || retried", &["mtls", "retried", "source.name"][..]),
        ("labels[\"app\"] | labels[\"app\"]", &["labels", "labels[app]"]),
        ("labels[\"ap\" + \"p\"]", &["labels", "labels[app]"]),
        ("labels[source.name]", &["labels", "source.name"]),
        (
            "conditional(match(source.user, \"x*\"), toLower(request.path), source.name + \"x\")",
            &["request.path", "source.name", "source.user"],
        ),
        (
            "ip(source.name) == source.ip && \"x\".matches(a.b.c) && request.path.matches(source.user)",
            &["a.b.c", "request.path", "source.ip", "source.name", "source.user"],
        ),
    ] {
        let (program, builder) = program(text);
        assert_eq!(names(&builder, program.reads()), expected, "{text}");
    }
}

#[track_caller]
fn check_equalities(text: &str, expected: &[(&str, Literal)]) {
    let (program, builder) = program(text);
    let actual: Vec<(String, Literal)> = program
        .equalities()
        .into_iter()
        .map(|(slot, literal)| (names(&builder, std::iter::once(slot)).remove(0), literal))
        .collect();
    let expected: Vec<(String, Literal)> =
        expected.iter().map(|(name, literal)| ((*name).to_owned(), literal.clone())).collect();
    assert_eq!(actual, expected, "{text}");
}

fn text(value: &str) -> Literal {
    Literal::Text(value.as_bytes().into())
}

#[test]
fn conjuncts_that_compare_with_a_literal_are_equalities() {
    check_equalities("source.name == \"x\"", &[("source.name", text("x"))]);
    check_equalities("\"0\" == source.name", &[("source.name", text("0"))]);
    check_equalities("source.name == \"a\" + \"b\"", &[("source.name", text("ab"))]);
    check_equalities(
        "request.size == 3 && mtls && source.name == \"\"",
        &[("request.size", Literal::Int64(3)), ("mtls", Literal::Bool(true)), ("source.name", text(""))],
    );
    check_equalities(
        "mtls == false && (retried == true && source.name == \"x\")",
        &[("mtls", Literal::Bool(false)), ("retried", Literal::Bool(true)), ("source.name", text("x"))],
    );
    check_equalities("labels[\"app\"] == \"v1\"", &[("labels[app]", text("v1"))]);
    check_equalities("(source.name | \"unknown\") == \"x\"", &[("source.name", text("x"))]);
    check_equalities("response.code | 0 == 404", &[("response.code", Literal::Int64(404))]);
    check_equalities("labels[\"app\"] | \"none\" == \"v1\"", &[("labels[app]", text("v1"))]);
    check_equalities("mtls | false", &[("mtls", Literal::Bool(true))]);
    check_equalities("(mtls | true) == false", &[("mtls", Literal::Bool(false))]);
}

#[test]
fn what_can_be_true_otherwise_is_no_equality() {
    for other in [
        "source.name != \"x\"",
        "source.name == \"x\" || mtls",
        "source.name == source.user",
        "(source.name | \"x\") == \"x\"",
        "(source.name | source.user) == \"x\"",
        "labels[\"app\"] == \"\"",
        "labels[\"app\"] | \"v1\" == \"v1\"",
        "labels[source.name] == \"x\"",
        "load == 2.5",
        "host == dnsName(\"a.b\")",
        "mtls | true",
        "match(source.name, \"x\")",
        "true",
        "(mtls || mtls) == false",
    ] {
        check_equalities(other, &[]);
    }
}

/// A scope of its own, as instances with outputs of an adapter have it.
struct Outputs {
    base: VocabularyBuilder,
    output: Slot,
}

impl Scope for Outputs {
    fn attribute(&self, name: &str) -> Option<(Slot, ValueType)> {
        match name {
            "$out" | "output.labels" => Some((self.output, ValueType::StringMap)),
            _ => self.base.attribute(name),
        }
    }

    fn map_key(&mut self, map: Slot, key: &str) -> Slot {
        self.base.map_key(map, key)
    }
}

#[test]
fn any_scope_can_give_names_a_meaning() {
    let mut base = vocabulary();
    let output = base.output("labels", ValueType::StringMap);
    let mut scope = Outputs { base, output };
    let program =
        compile("output.labels[\"app\"] | source.name | \"x\"", &mut scope, &Options::default()).unwrap();
    let mut bag = Bag::new(scope.base.finish());
    bag.set_text_map(output, [("app", "from output")]);
    let mut refs = Referenced::new();
    assert_eq!(show(&program.eval(&bag, &mut refs).unwrap()), "\"from output\"");
    assert_eq!(refs.resolve(&bag), []);
}

#[test]
fn a_key_that_is_no_text_is_looked_up_as_bytes() {
    let (program, builder) = program("labels[\"\\xff\"]");
    let slot = builder.vocabulary().slot("labels").unwrap();
    let mut bag = Bag::new(builder.finish());
    let (key, value) = (bag.intern(b"\xff").unwrap(), bag.intern(b"found").unwrap());
    bag.set_map(slot, [(key, value)]);
    assert_eq!(show(&program.eval(&bag, &mut Referenced::new()).unwrap()), "\"found\"");
}

#[test]
fn every_stored_form_is_checked_against_the_declared_type() {
    let cells = [Cell::Int64(1), Cell::Double(1.0), Cell::Bool(true)];
    for name in
        ["request.size", "load", "mtls", "source.name", "labels", "elapsed", "started", "source.ip", "host"]
    {
        for text in [name.to_owned(), format!("conditional(true, {name}, {name})")] {
            let (program, builder) = program(&text);
            let mut bag = Bag::new(builder.finish());
            let slot = bag.vocabulary().slot(name).unwrap();
            let mut wrong = 0;
            for cell in cells {
                bag.set(slot, cell);
                let result = program.eval(&bag, &mut Referenced::new());
                wrong += usize::from(result.is_err_and(|error| error.to_string().contains(name)));
            }
            let right = usize::from(matches!(name, "request.size" | "load" | "mtls"));
            assert_eq!(wrong, cells.len() - right, "{text}");
        }
    }
    for text in
        ["labels[\"a\"]", "labels[\"a\"] | \"x\"", "labels[source.name] | \"x\"", "labels[\"a\"] == \"b\""]
    {
        let (program, builder) = program(text);
        let mut bag = Bag::new(builder.finish());
        bag.set_text(bag.vocabulary().slot("labels").unwrap(), "text");
        let error = program.eval(&bag, &mut Referenced::new()).unwrap_err();
        assert!(error.to_string().starts_with("error converting value to string map: 'text'"), "{error}");
    }
}
