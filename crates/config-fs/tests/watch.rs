//! Keeping up with a tree: what is handed over when, with events and without.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use mixer_config_fs::{FsSource, Timing, Update, Watch};

/// Events only: a poll would come after the test gave up.
const EVENTS: Timing = Timing {
    quiet: Duration::from_millis(10),
    longest: Duration::from_millis(200),
    poll: Duration::from_secs(3600),
    notify: true,
};
/// No events; time is paused, so it passes at once.
const POLL: Timing = Timing { notify: false, ..EVENTS };

fn rule(name: &str) -> String {
    format!("apiVersion: config.istio.io/v1alpha2\nkind: rule\nmetadata: {{name: {name}, namespace: shop}}\n")
}

fn start(path: &Path, timing: Timing) -> Watch {
    let mut source = FsSource::new(path);
    source.timing = timing;
    source.watch()
}

fn names(update: &Update) -> Vec<String> {
    let resources = update.content.as_ref().map(|content| content.resources.as_slice()).unwrap_or_default();
    resources.iter().map(|resource| resource.id.name.to_string()).collect()
}

/// The next updates until one has these rules, or the test hangs and its runner says so.
async fn until(watch: &mut Watch, wanted: &[&str]) -> Update {
    loop {
        let update = watch.next().await.unwrap();
        if names(&update) == wanted {
            return update;
        }
    }
}

#[tokio::test]
async fn events_bring_changes() {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("a.yaml"), rule("a")).unwrap();
    let mut watch = start(tree.path(), EVENTS);
    until(&mut watch, &["a"]).await;
    fs::write(tree.path().join("b.yaml"), rule("b")).unwrap();
    until(&mut watch, &["a", "b"]).await;
    fs::create_dir(tree.path().join("c")).unwrap();
    fs::write(tree.path().join("c/c.yaml"), rule("c")).unwrap();
    until(&mut watch, &["a", "b", "c"]).await;
    fs::remove_file(tree.path().join("a.yaml")).unwrap();
    until(&mut watch, &["b", "c"]).await;
}

#[tokio::test]
async fn a_config_map_is_swapped() {
    let tree = tempfile::tempdir().unwrap();
    let version = |name: &str, text: &str| {
        fs::create_dir(tree.path().join(name)).unwrap();
        fs::write(tree.path().join(name).join("rules.yaml"), text).unwrap();
    };
    version("..1", &rule("old"));
    symlink("..1", tree.path().join("..data")).unwrap();
    symlink("..data/rules.yaml", tree.path().join("rules.yaml")).unwrap();
    let mut watch = start(tree.path(), EVENTS);
    let mut file = start(&tree.path().join("rules.yaml"), EVENTS);
    until(&mut watch, &["old"]).await;
    until(&mut file, &["old"]).await;
    version("..2", &rule("new"));
    symlink("..2", tree.path().join("..data_tmp")).unwrap();
    fs::rename(tree.path().join("..data_tmp"), tree.path().join("..data")).unwrap();
    fs::remove_dir_all(tree.path().join("..1")).unwrap();
    let update = until(&mut watch, &["new"]).await;
    assert_eq!(update.unavailable, None);
    until(&mut file, &["new"]).await;
}

#[tokio::test]
async fn a_replaced_file_is_read() {
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join("rules.yaml");
    fs::write(&path, rule("old")).unwrap();
    let mut watch = start(&path, EVENTS);
    until(&mut watch, &["old"]).await;
    fs::write(tree.path().join("next"), rule("new")).unwrap();
    fs::rename(tree.path().join("next"), &path).unwrap();
    until(&mut watch, &["new"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_poll_brings_changes() {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("a.yaml"), rule("a")).unwrap();
    let mut watch = start(tree.path(), POLL);
    until(&mut watch, &["a"]).await;
    fs::write(tree.path().join("a.yaml"), rule("b")).unwrap();
    until(&mut watch, &["b"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_content_is_handed_over_once() {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("a.yaml"), rule("a")).unwrap();
    let mut watch = start(tree.path(), POLL);
    until(&mut watch, &["a"]).await;
    fs::write(tree.path().join("a.yaml"), rule("a")).unwrap();
    let polls = tokio::time::timeout(POLL.poll * 5, watch.next()).await;
    assert!(polls.is_err(), "{polls:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_good_stays_while_nothing_can_be_read() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path().join("root");
    let mut watch = start(&root, POLL);
    let update = watch.next().await.unwrap();
    assert!(update.content.is_none());
    assert!(update.unavailable.is_some());
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.yaml"), rule("a")).unwrap();
    assert_eq!(until(&mut watch, &["a"]).await.unavailable, None);
    fs::remove_file(root.join("a.yaml")).unwrap();
    let update = watch.next().await.unwrap();
    assert_eq!(names(&update), ["a"]);
    let reason = format!("{} has no file that ends in .yaml, .yml or .json", root.display());
    assert_eq!(update.unavailable.as_deref(), Some(reason.as_str()));
    fs::write(root.join("a.yaml"), rule("a")).unwrap();
    let update = watch.next().await.unwrap();
    assert_eq!((names(&update), update.unavailable), (vec!["a".to_owned()], None));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_becomes_unreadable_keeps_what_it_said() {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("a.yaml"), rule("a")).unwrap();
    fs::write(tree.path().join("b.yaml"), rule("b")).unwrap();
    let mut watch = start(tree.path(), POLL);
    until(&mut watch, &["a", "b"]).await;
    fs::write(tree.path().join("a.yaml"), b"\xff").unwrap();
    let update = watch.next().await.unwrap();
    assert_eq!(names(&update), ["a", "b"]);
    let problems = &update.content.unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].location.file.ends_with("a.yaml"));
    assert!(problems[0].message.ends_with("; what it said before stays in force"), "{}", problems[0]);
}

#[tokio::test]
async fn a_directory_that_comes_back_is_watched_again() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.yaml"), rule("a")).unwrap();
    let timing = Timing { poll: Duration::from_millis(20), ..EVENTS };
    let mut watch = start(&root, timing);
    until(&mut watch, &["a"]).await;
    fs::remove_dir_all(&root).unwrap();
    assert!(watch.next().await.unwrap().unavailable.is_some());
    fs::create_dir(&root).unwrap();
    fs::write(root.join("b.yaml"), rule("b")).unwrap();
    until(&mut watch, &["b"]).await;
}
