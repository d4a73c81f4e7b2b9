//! What `k8s://` URLs mean, and which are refused.

use super::*;

fn check(url: &str, kubeconfig: Option<&str>, namespaces: &[&str], seconds: Option<u64>) {
    let location = parse(url).unwrap();
    assert_eq!(location.kubeconfig, kubeconfig.map(PathBuf::from), "{url}");
    assert_eq!(location.namespaces, namespaces, "{url}");
    assert_eq!(location.retry_timeout, seconds.map(Duration::from_secs), "{url}");
}

#[test]
fn urls() {
    check("k8s://", None, &[], None);
    check("kube:///", None, &[], None);
    check("kubernetes:///root/.kube/config", Some("/root/.kube/config"), &[], None);
    check("k8s:///a%20b", Some("/a b"), &[], None);
    check("k8s://?ns=b,a,b&retry-timeout=5s", None, &["a", "b"], Some(5));
    check("k8s:///c?ns=a&ns=b&retry-timeout=2m", Some("/c"), &["a", "b"], Some(120));
}

#[test]
fn refused() {
    for (url, word) in [
        ("fs:///a", "unknown config URL"),
        ("k8s", "unknown config URL"),
        ("k8s://config", "three slashes"),
        ("k8s://?namespace=a", "no parameter \"namespace\""),
        ("k8s://?ns=A", "no name of a namespace"),
        ("k8s://?retry-timeout=soon", "no duration"),
        ("k8s://?retry-timeout=5", "no duration"),
    ] {
        let error = parse(url).unwrap_err().to_string();
        assert!(error.contains(word), "{url}: {error}");
    }
    let many: Vec<String> = (0..65).map(|n| format!("n{n}")).collect();
    let error = parse(&format!("k8s://?ns={}", many.join(","))).unwrap_err().to_string();
    assert!(error.contains("64 are the most"), "{error}");
}
