//! What is read from a certificate, and how it is shown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rcgen::{CertificateParams, DnType, KeyPair, SanType};

use super::*;

fn facts(dns: &[&str], uris: &[&str], name: Option<&str>) -> Facts {
    let mut params =
        CertificateParams::new(dns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(name) = name {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.not_before = rcgen::date_time_ymd(2020, 2, 29);
    params.not_after = rcgen::date_time_ymd(2021, 3, 1);
    Facts::of(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der()).unwrap()
}

#[test]
fn names_and_validity_are_read() {
    let facts = facts(&["a.example.com"], &["spiffe://td/ns/a"], Some("me"));
    assert_eq!(
        (&*facts.uris, &*facts.dns),
        (&["spiffe://td/ns/a".to_owned()][..], &["a.example.com".to_owned()][..])
    );
    let text = facts.to_string();
    assert!(text.contains("spiffe://td/ns/a, a.example.com"), "{text}");
    assert!(text.contains("signed by CN=me"), "{text}");
    assert!(text.contains("valid from 2020-02-29T00:00:00Z to 2021-03-01T00:00:00Z"), "{text}");
    let at = |seconds| facts.is_out_of_date(UNIX_EPOCH + Duration::from_secs(seconds));
    assert!(!at(1_600_000_000) && at(1_000_000_000) && at(1_700_000_000));
}

#[test]
fn what_a_stranger_wrote_does_not_break_a_line_or_fill_it() {
    let long = "x".repeat(2000);
    for name in ["a\nb", &long] {
        let text = facts(&[], &[], Some(name)).to_string();
        assert!(!text.contains('\n') && text.len() < 1500, "{text}");
    }
    assert_eq!(facts(&[], &[], None).names(), "no name");
    let many: Vec<String> = (0..9).map(|n| format!("h{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(facts(&many, &[], None).names(), "h0, h1, h2, h3 and 5 more");
}

#[test]
fn what_is_no_certificate_has_no_facts() {
    assert_eq!(Facts::of(&CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01, 0x01])), None);
}
