//! Names of the webhook, and contents on their way.

use super::*;

#[test]
fn a_service_is_known_by_its_names() {
    assert_eq!(
        names("mixs", "istio-system"),
        ["mixs.istio-system.svc", "mixs.istio-system.svc.cluster.local"]
    );
    assert_eq!(names("mixs.example.org", "n"), ["mixs.example.org"]);
    assert_eq!(names("10.0.0.1", "n"), ["10.0.0.1"]);
}

#[test]
fn contents_wait_for_their_number() {
    let pending = Pending::default();
    let contents: Vec<Arc<KubeContent>> = (0..12).map(|_| Arc::default()).collect();
    for (number, content) in (1..).zip(&contents) {
        pending.add(number, content.clone());
    }
    assert!(pending.take(12).is_some_and(|content| Arc::ptr_eq(&content, &contents[11])));
    assert!(pending.take(11).is_none(), "an older one than what is known is of no use");
    pending.add(13, contents[0].clone());
    assert!(pending.take(14).is_none());
}
