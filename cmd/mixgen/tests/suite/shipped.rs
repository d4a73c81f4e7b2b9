//! The shipped templates: generated files are up to date, golden cases hold, and the server takes the resource together
//! with the README's example.

use std::fs;

use crate::new::example;
use crate::program::{run, validate, workspace};

#[test]
fn templates_are_up_to_date_and_golden() {
    let run = run(&workspace(), &["check", "templates"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.starts_with("33 generated files are up to date, "), "{}", run.out);
}

#[test]
fn the_server_takes_every_resource_and_example() {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace().join("templates")).unwrap() {
        let folder = entry.unwrap().path();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let (resource, readme) = (read("template.yaml"), read("README.md"));
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let problems = validate(&[("template.yaml", &resource), ("README.md", example(&readme))]);
        assert_eq!(problems, Vec::<String>::new(), "{name}");
        let wrong = example(&readme).replace(&format!("template: {name}"), "template: nosuch");
        assert!(!validate(&[("template.yaml", &resource), ("README.md", &wrong)]).is_empty(), "{name}");
        names.push(name);
    }
    names.sort();
    let expected = [
        "apikey",
        "authorization",
        "checknothing",
        "edge",
        "kubernetes",
        "listentry",
        "logentry",
        "metric",
        "quota",
        "reportnothing",
        "tracespan",
    ];
    assert_eq!(names, expected);
}
