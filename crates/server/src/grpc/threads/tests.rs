//! Connections spread over all threads, and fill up where others ended.

use tokio::runtime::{Builder, Handle};

use super::Threads;

#[test]
fn a_connection_goes_where_the_fewest_are() {
    let runtimes = [(); 3].map(|()| Builder::new_current_thread().build().unwrap());
    let [first, others @ ..] = runtimes.each_ref().map(|runtime| runtime.handle().clone());
    let ids: Vec<_> = runtimes.iter().map(|runtime| runtime.handle().id()).collect();
    let number = |handle: &Handle| ids.iter().position(|id| *id == handle.id()).unwrap();

    let threads = {
        let _here = first.enter();
        Threads::new(&others)
    };
    let mut places: Vec<_> = (0..6).map(|_| threads.place()).map(|(at, place)| (number(at), place)).collect();
    assert_eq!(places.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    places.retain(|(at, _)| *at != 2);
    let again: Vec<_> = (0..3).map(|_| threads.place()).map(|(at, place)| (number(at), place)).collect();
    assert_eq!(again.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 2, 0]);
}
