//! Functions that turn text into other types, and other text functions.

use crate::support::check;

#[test]
fn addresses_have_sixteen_bytes() {
    for (text, expected) in [
        ("ip(\"10.0.0.1\")", "IP_ADDRESS 00000000000000000000ffff0a000001"),
        ("ip(\"::1\")", "IP_ADDRESS 00000000000000000000000000000001"),
        ("ip(\"2001:DB8::1\")", "IP_ADDRESS 20010db8000000000000000000000001"),
        ("source.ip", "IP_ADDRESS 0a000001"),
        ("ip(\"010.0.0.1\")", "IP_ADDRESS E: could not convert 010.0.0.1 to IP_ADDRESS"),
        ("ip(\"1.2.3\")", "IP_ADDRESS E: could not convert 1.2.3 to IP_ADDRESS"),
        ("ip(\"fe80::1%eth0\")", "IP_ADDRESS E: could not convert"),
        ("ip(\"\")", "IP_ADDRESS E: could not convert  to IP_ADDRESS"),
        ("origin.ip | ip(\"zzz\")", "IP_ADDRESS E: could not convert zzz to IP_ADDRESS"),
        ("source.ip | ip(\"zzz\")", "IP_ADDRESS 0a000001"),
    ] {
        check(text, expected);
    }
}

#[test]
fn timestamps_are_rfc_3339() {
    check("timestamp(\"2019-01-01T01:00:00+01:00\")", "TIMESTAMP 2019-01-01T00:00:00Z");
    check("timestamp(\"2019-01-01T00:00:00.1234567899Z\")", "TIMESTAMP 2019-01-01T00:00:00.123456789Z");
    check(
        "timestamp(\"2019-01-01\")",
        "TIMESTAMP E: could not convert '2019-01-01' to TIMESTAMP. expected format: '2006-01-02T15:04:05Z07:00'",
    );
}

#[test]
fn names_are_checked_and_shown_in_unicode() {
    for (text, expected) in [
        ("dnsName(\"a.B.com\")", r#"DNS_NAME "a.B.com""#),
        ("dnsName(\"a.b.\")", r#"DNS_NAME "a.b.""#),
        ("dnsName(\"xn--bcher-kva.de\")", "DNS_NAME \"bücher.de\""),
        ("dnsName(\"xn--bcher-kva.de.\")", "DNS_NAME \"bücher.de.\""),
        ("dnsName(\"bücher.de\")", "DNS_NAME \"bücher.de\""),
        ("dnsName(\"a b\")", r#"DNS_NAME "a b""#),
        ("dnsName(\"a_b.com\")", r#"DNS_NAME "a_b.com""#),
        ("dnsName(\"*.foo.com\")", r#"DNS_NAME "*.foo.com""#),
        ("dnsName(\"\")", "DNS_NAME E: error converting '' to dns name: 'idna: invalid label \"\"'"),
        ("dnsName(\"a..b\")", "DNS_NAME E: error converting 'a..b' to dns name"),
        (
            "dnsName(\"-a.com\")",
            "DNS_NAME E: error converting '-a.com' to dns name: 'idna: invalid label \"-a\"'",
        ),
        ("dnsName(\"a-.com\")", "DNS_NAME E: "),
        ("dnsName(\"ab--c.com\")", "DNS_NAME E: "),
        ("dnsName(\"xn--a\")", "DNS_NAME E: "),
        ("dnsName(\"XN--BCHER-KVA.de\")", "DNS_NAME E: "),
    ] {
        check(text, expected);
    }
}

#[test]
fn names_are_equal_as_hosts() {
    for (text, expected) in [
        ("dnsName(\"a.B.com\") == host", "BOOL true"),
        ("dnsName(\"a.b.com.\") == host", "BOOL true"),
        ("dnsName(\"a.c.com\") != host", "BOOL true"),
        ("dnsName(\"BÜCHER.de\") == dnsName(\"xn--bcher-kva.de\")", "BOOL true"),
        ("dnsName(\"straße.de\") == dnsName(\"strasse.de\")", "BOOL false"),
        ("dnsName(\"a b\") == host", "BOOL E: idna: "),
        ("host == dnsName(\"a_b\")", "BOOL E: idna: "),
    ] {
        check(text, expected);
    }
}

#[test]
fn mail_addresses_are_checked() {
    for (text, ok) in [
        ("a@b.com", true),
        (" a@b.com ", true),
        ("<a@b.com>", true),
        ("a+tag@b.com", true),
        ("\\\"a b\\\"@c.com", true),
        ("a@bücher.de", true),
        ("a@b_c.com", true),
        ("", false),
        ("a", false),
        ("a@", false),
        ("@b", false),
        ("a b@c", false),
        ("a@b c", false),
        ("a..b@c", false),
        ("a@b.", false),
        ("a@-b.com", false),
        ("a@[1.2.3.4]", false),
        ("\\\"\\\"@c.com", false),
        ("a@b, c@d", false),
        ("<a@b", false),
    ] {
        let expected = if ok {
            format!("EMAIL_ADDRESS {:?}", text.replace("\\\"", "\""))
        } else {
            "EMAIL_ADDRESS E: error converting '".to_owned()
        };
        check(&format!("email(\"{text}\")"), &expected);
    }
    check("email(\"\")", "EMAIL_ADDRESS E: error converting '' to e-mail: 'mail: no address'");
    check(
        "email(\"Foo <a@b.com>\")",
        "EMAIL_ADDRESS E: error converting 'Foo <a@b.com>' to e-mail: display names are not allowed",
    );
    check(
        "email(\"a@b.com (Foo)\")",
        "EMAIL_ADDRESS E: error converting 'a@b.com (Foo)' to e-mail: display names are not allowed",
    );
}

#[test]
fn mail_addresses_are_equal_as_mailboxes() {
    for (text, expected) in [
        ("email(\"a@b.com\") == email(\"a@B.com\")", "BOOL true"),
        ("email(\"a@b.com\") == email(\"A@b.com\")", "BOOL false"),
        ("email(\"\\\"a\\\"@b.com\") == email(\"<a@b.com>\")", "BOOL true"),
        ("email(\"a@b.com\") != email(\"b@b.com\")", "BOOL true"),
        (
            "email(\"a@b.com\") == email(\"a@B.com.\")",
            "BOOL E: error converting 'a@B.com.' to e-mail: 'mail: no angle-addr'",
        ),
        ("email(\"a@b_c\") == email(\"a@b_c\")", "BOOL E: error comparing e-mails"),
        ("mail | email(\"a@b.com\")", r#"EMAIL_ADDRESS "a@b.com""#),
    ] {
        check(text, expected);
    }
}

#[test]
fn uris_are_checked() {
    for (text, ok) in [
        ("a", true),
        ("/a b", true),
        ("urn:foo", true),
        ("http://h:/", true),
        ("http://[::1]:80/", true),
        ("http://u:p@h/?q=%zz", true),
        ("//h/p", true),
        ("?", true),
        ("http://", true),
        ("1:b", false),
        (":foo", false),
        ("a%zz", false),
        ("http://h:x", false),
        ("http://h h/", false),
        ("http://h%20/", false),
        ("http://[::1", false),
        ("http://u[@h/", false),
        ("http://h#f%zz", false),
        ("http://h/\\x01", false),
    ] {
        let expected =
            if ok { format!("URI {text:?}") } else { "URI E: error converting string to uri '".to_owned() };
        check(&format!("uri(\"{text}\")"), &expected);
    }
    check("uri(\"\")", "URI E: error converting string to uri: empty string");
    check("address | uri(\"\")", "URI E: error converting string to uri: empty string");
}

#[test]
fn uris_are_equal_up_to_letter_case_of_scheme_and_host() {
    for (a, b, expected) in [
        ("http://H/", "HTTP://h/", true),
        ("http://h.", "http://h", true),
        ("http://h:", "http://h", true),
        ("http://u:p@h", "http://u:p@H", true),
        ("http://u%41@h", "http://uA@h", true),
        ("http://h/a b", "http://h/a%20b", true),
        ("http://h/é", "http://h/%C3%A9", true),
        ("http://h/#", "http://h/", true),
        ("http://bücher.de", "http://xn--bcher-kva.de", true),
        ("urn:a", "URN:a", true),
        ("ftp://h/a b", "ftp://h/a%20b", true),
        ("http://h", "http://h/", false),
        ("http://h:80/", "http://h/", false),
        ("http://h:80/", "http://h:080/", false),
        ("http://h", "https://h", false),
        ("http://h/a", "http://h/A", false),
        ("http://h/a%2f", "http://h/a%2F", false),
        ("http://a/?x=1&y=2", "http://a/?y=2&x=1", false),
        ("http://h/?", "http://h/", false),
        ("http://u@h", "http://h", false),
        ("ftp://h", "ftp://H", false),
        ("/a", "/A", false),
        ("urn:a", "urn:A", false),
        ("http:Opaque", "http:opaque", false),
    ] {
        check(&format!("uri(\"{a}\") == uri(\"{b}\")"), &format!("BOOL {expected}"));
        check(&format!("uri(\"{b}\") != uri(\"{a}\")"), &format!("BOOL {}", !expected));
    }
    check("uri(\"http://a_b/\") == uri(\"http://a_b/\")", "BOOL E: idna: ");
}

#[test]
fn text_functions() {
    for (text, expected) in [
        ("size(source.name)", "INT64 7"),
        ("size(\"é\")", "INT64 2"),
        ("size(\"\")", "INT64 0"),
        ("toLower(\"ABCÉΣ\")", "STRING \"abcéσ\""),
        ("toLower(\"İ\")", "STRING \"i\""),
        ("toLower(source.name)", r#"STRING "reviews""#),
        ("toLower(\"\\xffA\\xff\")", "STRING \"\u{fffd}a\u{fffd}\""),
        ("conditionalString(mtls, \"x\", \"y\")", r#"STRING "x""#),
        ("conditionalString(mtls, \"x\", source.user)", "STRING E: lookup failed: 'source.user'"),
        ("conditional(mtls, \"x\", source.user)", r#"STRING "x""#),
        ("conditional(retried | false, \"a\", \"b\")", r#"STRING "b""#),
        ("conditional(retried, 1, 2)", "INT64 E: lookup failed: 'retried'"),
        ("conditional(true, source.name, source.user)", r#"STRING "reviews""#),
        ("conditional(mtls, labels, headers)", "STRING_MAP {app:v1 reviews:yes}"),
        ("source.name.startsWith(\"rev\")", "BOOL true"),
        ("\"abc\".endsWith(\"bc\")", "BOOL true"),
        ("a.b.c.startsWith(\"a\")", "BOOL true"),
        ("toLower(\"ABC\").startsWith(\"a\")", "BOOL true"),
        ("(source.name + \"x\").endsWith(\"sx\")", "BOOL true"),
        ("conditional(true, source.name, source.user).startsWith(\"r\")", "BOOL true"),
    ] {
        check(text, expected);
    }
}
