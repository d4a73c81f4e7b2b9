//! Literals, names, comments, newlines, precedence: what Go's lexer and expression parser make of a text.

use crate::support::check;

#[test]
fn numbers_are_decimal() {
    for (text, expected) in [
        ("12", "INT64 12"),
        ("010", "INT64 10"),
        ("00", "INT64 0"),
        ("9223372036854775807", "INT64 9223372036854775807"),
        (
            "9223372036854775808",
            "C: unable to parse expression '9223372036854775808': 1:1: 9223372036854775808: value",
        ),
        ("0x1F", "C: unable to parse expression '0x1F': 1:1: only decimal"),
        ("0b11", "C: unable to parse"),
        ("0o17", "C: unable to parse"),
        ("08", "C: unable to parse expression '08': 1:2: invalid digit '8'"),
        ("2_000", "C: unable to parse"),
        ("3i", "C: unable to parse"),
        ("2.25", "DOUBLE 2.25"),
        ("3.", "DOUBLE 3.0"),
        (".25", "DOUBLE 0.25"),
        ("2e3", "DOUBLE 2000.0"),
        ("1.5E-1", "DOUBLE 0.15"),
        ("08.5", "DOUBLE 8.5"),
        ("1e400", "C: unable to parse"),
        ("1e-400", "DOUBLE 0.0"),
        ("1e", "C: unable to parse expression '1e': 1:3: exponent has no digits"),
        ("1..5", "C: unable to parse expression '1..5': 1:3: expected 'EOF', found .5"),
        ("7a", "C: unable to parse expression '7a': 1:2: expected 'EOF', found a"),
        ("7.a", "C: unable to parse expression '7.a': 1:3: expected 'EOF', found a"),
    ] {
        check(text, expected);
    }
}

#[test]
fn text_has_three_forms() {
    for (text, expected) in [
        (r#""plain""#, r#"STRING "plain""#),
        (r#""tab\t quote\" slash\\ bell\a""#, r#"STRING "tab\t quote\" slash\\ bell\u{7}""#),
        (r#""\x41\102\u00e9\U0001F600""#, "STRING \"ABé😀\""),
        (r#""\xff""#, "STRING \"\u{fffd}\""),
        (r"`raw\n`", r#"STRING "raw\\n""#),
        ("`two\r\nlines`", r#"STRING "two\nlines""#),
        ("'q'", r#"STRING "q""#),
        (r"'\''", r#"STRING "'""#),
        (r#"'"'"#, r#"STRING "\"""#),
        ("'é'", "STRING \"é\""),
        ("'qq'", "C: unable to parse expression ''qq'': 1:1: illegal rune literal"),
        ("''", "C: unable to parse"),
        ("\"open", "C: unable to parse expression '\"open': 1:1: string literal not terminated"),
        ("`open", "C: unable to parse expression '`open': 1:1: raw string literal not terminated"),
        ("'o", "C: unable to parse expression ''o': 1:1: rune literal not terminated"),
        ("\"two\nlines\"", "C: unable to parse"),
        (r#""ab\q""#, "C: unable to parse expression '\"ab\\q\"': 1:5: unknown escape sequence"),
        (r#""\'""#, "C: unable to parse"),
        (r#""\400""#, "C: unable to parse"),
        (r#""\x4""#, "C: unable to parse"),
        (r#""\u12""#, "C: unable to parse"),
        (r#""\ud800""#, "C: unable to parse"),
        (r#""\U00110000""#, "C: unable to parse"),
        ("\"\\", "C: unable to parse"),
    ] {
        check(text, expected);
    }
}

#[test]
fn booleans_are_words_in_any_case() {
    check("true", "BOOL true");
    check("TrUe", "BOOL true");
    check("FALSE || mtls", "BOOL true");
    check("false.x", "C: unknown attribute false.x");
    check("true.startsWith(\"t\")", "C: unknown attribute true");
}

#[test]
fn names_are_joined_by_dots() {
    check("a.b.c", r#"STRING "abc""#);
    check("a . b .c", r#"STRING "abc""#);
    check("a.\nb.c", r#"STRING "abc""#);
    check("a\n.b.c", "C: unable to parse expression 'a\n.b.c': 2:1: expected 'EOF', found '.'");
    check("a.b[\"c\"]", "C: unknown attribute a.b");
    check("labels.app", "C: unknown attribute labels.app");
    check("größe", "C: unknown attribute größe");
    check("_x", "C: unknown attribute _x");
    check("source-name", "C: unknown function: SUB");
    for reserved in ["type", "a.type", "request.default == \"x\"", "map[\"x\"]", "func() {}"] {
        check(reserved, "C: unable to parse");
    }
    for broken in ["a.", ".a", "a..b", "a.b.", "a.1", "a.\"b\""] {
        check(broken, "C: unable to parse");
    }
}

#[test]
fn comments_and_blanks_are_skipped() {
    check("/* who */ source.name", r#"STRING "reviews""#);
    check("source.name // who", r#"STRING "reviews""#);
    check("\"a\" /* x */ + /* y */ \"b\"", r#"STRING "ab""#);
    check("\t mtls\r\n", "BOOL true");
    check("\u{feff}mtls", "BOOL true");
    check("mtls\u{feff}", "C: unable to parse expression 'mtls\u{feff}': 1:5: illegal byte order mark");
    check("mtls\u{a0}", "C: unable to parse");
    check("mtls /* open", "C: unable to parse expression 'mtls /* open': 1:6: comment not terminated");
}

#[test]
fn a_newline_behind_an_operand_ends_the_expression() {
    check("mtls\n\n", "BOOL true");
    check("\nmtls", "BOOL true");
    check("mtls // note\n", "BOOL true");
    check("mtls &&\n true", "BOOL true");
    check("size(\nsource.name)", "INT64 7");
    check("size(source.name,\n)", "INT64 7");
    check(
        "\"a\"\n + \"b\"",
        "C: unable to parse expression '\"a\"\n + \"b\"': 2:2: expected 'EOF', found '+'",
    );
    check("mtls\n&& true", "C: unable to parse expression 'mtls\n&& true': 2:1: expected 'EOF', found '&&'");
    check("mtls /*\n*/ && true", "C: unable to parse");
    check("(mtls\n)", "C: unable to parse expression '(mtls\n)': 1:6: expected ')', found newline");
    check("size(source.name\n)", "C: unable to parse");
    check("labels[\"app\"\n]", "C: unable to parse");
    check("mtls; mtls", "C: unable to parse expression 'mtls; mtls': 1:5: expected 'EOF', found ';'");
}

#[test]
fn operators_bind_as_in_go() {
    for (text, expected) in [
        ("1 + 2", "INT64 3"),
        ("source.user | source.name == \"reviews\"", "BOOL true"),
        ("source.name == \"reviews\" | \"x\"", "BOOL true"),
        ("request.size + response.code | 5", "INT64 E: lookup failed: 'response.code'"),
        ("response.code | 4 + 1", "INT64 5"),
        ("response.code | request.size + 1", "INT64 4"),
        ("1 < 2 == true", "BOOL true"),
        ("1 < 2 < 3", "C: LT(LT(1, 2), 3) arg 2 (3) typeError got INT64, expected BOOL"),
        ("true || false && false", "BOOL true"),
        ("(true || false) && false", "BOOL false"),
        ("true && false == false", "BOOL true"),
        ("1 == 1 | true", "C: OR(1, true) arg 2 (true) typeError got BOOL, expected INT64"),
        ("((source.name) | \"x\")", r#"STRING "reviews""#),
    ] {
        check(text, expected);
    }
}

#[test]
fn operators_that_the_language_lacks_are_named() {
    for (text, name) in [
        ("-1", "SUB"),
        ("!mtls", "NOT"),
        ("request.size - 1", "SUB"),
        ("request.size * 2", "MUL"),
        ("request.size / 2", "QUO"),
        ("request.size % 2", "REM"),
        ("mtls & mtls", "AND"),
        ("&mtls", "AND"),
        ("request.size ^ 2", "XOR"),
        ("^request.size", "XOR"),
        ("request.size << 2", ""),
        ("request.size >> 2", ""),
        ("mtls &^ mtls", ""),
        ("<-mtls", ""),
        ("*source.name", "MUL"),
    ] {
        check(text, &format!("C: unknown function: {name}"));
    }
}

#[test]
fn other_go_syntax_is_refused() {
    for text in [
        "",
        " ",
        "mtls ==",
        "mtls mtls",
        "mtls, mtls",
        "(mtls",
        "mtls)",
        "()",
        "labels[]",
        "labels[\"a\"",
        "labels[\"a\", \"b\"]",
        "size(",
        "size(,)",
        "size(source.name source.name)",
        "source.name[1:2]",
        "source.name.(int)",
        "[]int{1}",
        "mtls ? 1 : 2",
        "mtls = true",
        "mtls := true",
        "mtls === true",
        "++mtls",
        "#",
        "@x",
        "a$b",
        "mtls\0",
        "size(source.name...)",
    ] {
        check(text, "C: unable to parse expression");
    }
    check("", "C: unable to parse expression '': 1:1: expected operand, found 'EOF'");
    check("mtls ==", "C: unable to parse expression 'mtls ==': 1:8: expected operand, found 'EOF'");
    check("(a.b).c", "C: unexpected expression");
    check("toLower(\"x\").c", "C: unexpected expression");
    check("(size)(source.name)", "C: unexpected expression");
    check("size(source.name)(1)", "C: unexpected expression");
    check("labels[\"app\"].startsWith(\"v\")", "C: unexpected expression");
    check("(labels[\"app\"]).startsWith(\"v\")", "BOOL true");
}
