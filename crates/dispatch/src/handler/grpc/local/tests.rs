//! One value for each runtime, the same one every time.

use std::sync::Arc;

use tokio::runtime::Builder;

use super::PerRuntime;

#[test]
fn each_runtime_has_its_own() {
    let values = PerRuntime::default();
    let runtimes = ["a", "b"].map(|name| (name, Builder::new_current_thread().build().unwrap()));
    for (name, runtime) in &runtimes {
        let first = runtime.block_on(async { values.get_or_make(|| *name) });
        assert_eq!(*first, *name);
    }
    for (name, runtime) in &runtimes {
        let again = runtime.block_on(async { values.get_or_make(|| unreachable!()) });
        assert_eq!(*again, *name);
        assert_eq!(Arc::strong_count(&again), 2);
    }
}
