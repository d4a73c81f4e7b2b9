//! The filter: answers, malformed lines, and answers that come while the stream stays open.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;

fn answers(input: &[u8], compat: bool) -> Vec<Value> {
    let mut output = Vec::new();
    answer_all(input, &mut output, &Options { compat }).unwrap();
    let text = String::from_utf8(output).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn check(line: &Value, expected: &Value) {
    let text = line.to_string();
    assert_eq!(answers(text.as_bytes(), false), std::slice::from_ref(expected), "{text}");
}

#[test]
fn values_of_every_kind_come_back_as_they_were_given() {
    for (value_type, value) in [
        ("STRING", json!({"string": "a \"b\"\n\u{e9}"})),
        ("INT64", json!({"int64": -9223372036854775808i64})),
        ("DOUBLE", json!({"double": 2.5})),
        ("DOUBLE", json!({"double": 10})),
        ("DOUBLE", json!({"double": "NaN"})),
        ("DOUBLE", json!({"double": "-Infinity"})),
        ("BOOL", json!({"bool": true})),
        ("TIMESTAMP", json!({"timestamp": "2020-02-29T01:02:03.5Z"})),
        ("IP_ADDRESS", json!({"bytes": [10, 0, 0, 1]})),
        ("DURATION", json!({"duration_ns": -5})),
        ("STRING_MAP", json!({"string_map": {"a": "1", "b": ""}})),
    ] {
        let line = json!({"expr": "x", "manifest": {"x": value_type}, "input": {"x": value}});
        check(&line, &json!({"type": value_type, "result": value, "referenced": ["x"]}));
    }
}

#[test]
fn an_address_is_given_in_any_form_and_answered_as_bytes() {
    for given in [json!({"ip": "10.0.0.1"}), json!({"ip": [10, 0, 0, 1]}), json!({"bytes": [10, 0, 0, 1]})] {
        let line = json!({"expr": "x", "input": {"x": given}});
        check(&line, &json!({"type": "IP_ADDRESS", "result": {"bytes": [10, 0, 0, 1]}, "referenced": ["x"]}));
    }
    let line = json!({"expr": "x", "input": {"x": {"ip": "10.0.0"}}});
    assert!(
        answers(line.to_string().as_bytes(), false)[0]["error"]
            .as_str()
            .unwrap()
            .contains("not an IP address")
    );
}

#[test]
fn what_was_read_names_maps_keys_and_what_was_missing() {
    let manifest = json!({"a": "STRING", "m": "STRING_MAP", "n": "STRING_MAP"});
    let line = json!({
        "expr": "n[\"x\"] | m[a] | m[\"there\"] | a",
        "manifest": manifest,
        "input": {"a": {"string": "gone"}, "m": {"string_map": {"there": "1"}}, "unknown": {"bool": true}},
    });
    check(
        &line,
        &json!({"type": "STRING", "result": {"string": "1"}, "referenced": ["-m[gone]", "-n", "a", "m", "m[there]"]}),
    );
}

#[test]
fn errors_say_which_kind_they_are() {
    let manifest = json!({"a": "STRING"});
    check(
        &json!({"expr": "a", "manifest": manifest, "input": {}}),
        &json!({"type": "STRING", "error": "lookup failed: 'a'", "referenced": ["-a"]}),
    );
    check(
        &json!({"expr": "b", "manifest": manifest}),
        &json!({"compile_error": "unknown attribute b (line 1, column 1)"}),
    );
}

#[test]
fn a_malformed_line_is_answered_and_the_rest_go_on() {
    let lines = [
        "{\"expr\": \"1\", \"manifest\": {}}",
        "nonsense",
        "",
        "{\"expr\": 1}",
        "{\"expr\": \"1\", \"manifest\": {\"a\": \"NUMBER\"}}",
        "{\"expr\": \"a\", \"input\": {\"a\": {\"number\": 1}}}",
        "{\"expr\": \"1\", \"manifest\": {}}",
    ];
    let mut input = lines.join("\n").into_bytes();
    input.extend_from_slice(b"\n\xff\xfe\n");
    let answers = answers(&input, false);
    assert_eq!(answers.len(), lines.len() + 1);
    for (index, answer) in answers.iter().enumerate() {
        if index == 0 || index == 6 {
            assert_eq!(answer["result"], json!({"int64": 1}));
        } else {
            let error = answer["error"].as_str().unwrap();
            assert!(error.starts_with(&format!("line {}: ", index + 1)), "{error}");
        }
    }
}

#[test]
fn an_expression_is_answered_anew_for_each_input() {
    let manifest = json!({"a": "INT64"});
    let line =
        |n: i64| json!({"expr": "a + 1", "manifest": manifest, "input": {"a": {"int64": n}}}).to_string();
    let input = [line(1), line(41), json!({"expr": "a + 1", "manifest": manifest}).to_string()].join("\n");
    let answers = answers(input.as_bytes(), false);
    assert_eq!(answers[0]["result"], json!({"int64": 2}));
    assert_eq!(answers[1]["result"], json!({"int64": 42}));
    assert_eq!(answers[2]["error"], "lookup failed: 'a'");
}

#[test]
fn compatibility_changes_answers() {
    let line = json!({"expr": "(1 == 1) | false", "manifest": {}}).to_string();
    assert_eq!(answers(line.as_bytes(), false)[0]["result"], json!({"bool": true}));
    assert_eq!(answers(line.as_bytes(), true)[0]["result"], json!({"bool": false}));
}

/// A writer that asks one question, and the next only when it has seen the answer.
struct Conversation {
    questions: VecDeque<String>,
    answered: Rc<RefCell<Vec<u8>>>,
    asked: usize,
}

impl Read for Conversation {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let answered = self.answered.borrow().iter().filter(|b| **b == b'\n').count();
        assert_eq!(answered, self.asked, "a question is not answered");
        let Some(question) = self.questions.pop_front() else { return Ok(0) };
        self.asked += question.matches('\n').count();
        buffer[..question.len()].copy_from_slice(question.as_bytes());
        Ok(question.len())
    }
}

struct Answers {
    pending: Vec<u8>,
    answered: Rc<RefCell<Vec<u8>>>,
}

impl Write for Answers {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.answered.borrow_mut().append(&mut self.pending);
        Ok(())
    }
}

#[test]
fn whoever_waits_gets_each_answer_before_asking_again() {
    let answered = Rc::new(RefCell::new(Vec::new()));
    let line = json!({"expr": "1 + 1", "manifest": {}}).to_string() + "\n";
    let (head, tail) = line.split_at(7);
    let questions = VecDeque::from([line.clone(), line.repeat(2), head.to_owned(), tail.to_owned()]);
    let conversation = Conversation { questions, answered: answered.clone(), asked: 0 };
    let answers = Answers { pending: Vec::new(), answered: answered.clone() };
    answer_all(conversation, answers, &Options::default()).unwrap();
    assert_eq!(answered.borrow().iter().filter(|b| **b == b'\n').count(), 4);
}
