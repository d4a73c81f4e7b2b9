//! A report as text and as JSON, and the list of cases.

use std::collections::HashSet;

use mixer_adapter_test::conform::{CaseResult, Needs, Report, Verdict, cases};

#[test]
fn a_report_is_read_by_people_and_programs() {
    let case = |id, template: Option<&str>, verdict| CaseResult {
        id,
        template: template.map(str::to_owned),
        sentence: "It is so.",
        needs: Needs::Protocol,
        observed: template.is_some(),
        verdict,
    };
    let report = Report {
        address: "a:1".to_owned(),
        passed: 1,
        failed: 1,
        skipped: 1,
        cases: vec![
            case("one", Some("metric"), Verdict::Pass),
            case("two", None, Verdict::Fail("it is not".to_owned())),
            case("three", None, Verdict::Skipped("who knows".to_owned())),
        ],
    };
    let text = "pass  one[metric]  It is so. (observed)\n\
                FAIL  two          It is so.\n                   But: it is not\n\
                skip  three        who knows\n\
                a:1: 1 passed, 1 failed, 1 skipped\n\
                failed: two";
    assert_eq!(report.to_string(), text);
    let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(json["failed"], 1);
    assert_eq!(
        json["cases"][0],
        serde_json::json!({"id": "one", "template": "metric", "sentence": "It is so.", "needs": "protocol",
            "observed": true, "result": "pass"})
    );
    assert_eq!(json["cases"][1]["why"], "it is not");
    assert!(!report.is_good());
}

#[test]
fn every_case_has_a_name_and_a_sentence_of_its_own() {
    let ids: HashSet<_> = cases().iter().map(|case| case.id).collect();
    let sentences: HashSet<_> = cases().iter().map(|case| case.sentence).collect();
    assert_eq!((ids.len(), sentences.len()), (cases().len(), cases().len()));
    assert!(cases().iter().all(|case| case.sentence.ends_with('.')));
}
