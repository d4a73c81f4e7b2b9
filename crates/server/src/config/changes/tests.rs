//! Each problem is announced when it comes and when it goes, wherever its line moves to.

use mixer_config::{Location, Severity};
use mixer_template::Position;

use super::*;

fn problem(name: &str, line: u32) -> Problem {
    let file: Arc<str> = "rules.yaml".into();
    let id = ResourceId { kind: "rule".into(), namespace: "default".into(), name: name.into() };
    Problem {
        resource: Some(id),
        ..Problem::in_file(
            Severity::Error,
            Location::new(&file, Position { line, column: 1 }),
            "does not compile",
        )
    }
}

fn check(known: &mut Problems, found: &[Problem], new: &[&str], resolved: &[&str]) {
    let changes = known.update(found);
    let names = |problems: &[Problem]| -> Vec<String> {
        problems.iter().map(|problem| problem.resource.as_ref().unwrap().name.to_string()).collect()
    };
    assert_eq!(names(&changes.new), new);
    assert_eq!(names(&changes.resolved), resolved);
}

#[test]
fn each_problem_comes_and_goes_once() {
    let mut known = Problems::default();
    check(&mut known, &[problem("a", 1), problem("b", 5)], &["a", "b"], &[]);
    check(&mut known, &[problem("a", 3), problem("b", 5)], &[], &[]);
    check(&mut known, &[problem("b", 5), problem("c", 9)], &["c"], &["a"]);
    check(&mut known, &[], &[], &["b", "c"]);
    check(&mut known, &[problem("a", 1)], &["a"], &[]);
}

#[test]
fn the_same_problem_twice_is_one() {
    let mut known = Problems::default();
    check(&mut known, &[problem("a", 1), problem("a", 2)], &["a"], &[]);
    check(&mut known, &[problem("a", 1), problem("a", 2)], &[], &[]);
    check(&mut known, &[], &[], &["a"]);
}
