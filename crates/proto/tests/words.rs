//! The global word list holds the words of Istio 1.3 to 1.7 in their places.

use mixer_proto::GLOBAL_WORDS;

#[test]
fn words_stand_in_their_places() {
    let places = [
        (0, "source.ip"),
        (15, "request.headers"),
        (31, ":authority"),
        (84, "strict-transport-sec"),
        (90, "GET"),
        (94, "'200'"),
        (108, "text/html; charset=utf-8"),
        (111, "'0'"),
        (112, "'1'"),
        (134, "0"),
        (135, "1"),
        (136, "200"),
        (149, "504"),
        // The last words of Istio 1.0, 1.1 and 1.3.
        (201, "context.reporter.kind"),
        (218, "\"-\""),
        (220, "outbound"),
        (221, "context.proxy_version"),
    ];
    assert_eq!(GLOBAL_WORDS.len(), 222);
    for (place, word) in places {
        assert_eq!(GLOBAL_WORDS[place], word, "place {place}");
    }
}

#[test]
fn no_word_stands_twice() {
    let mut words = GLOBAL_WORDS.to_vec();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), GLOBAL_WORDS.len());
    assert!(!words.contains(&""));
}

#[test]
fn only_known_words_have_quotation_marks() {
    let quoted: Vec<usize> =
        (0..GLOBAL_WORDS.len()).filter(|place| GLOBAL_WORDS[*place].contains(['\'', '"'])).collect();
    assert_eq!(quoted, [94, 111, 112, 218]);
}

#[test]
fn the_list_is_the_recorded_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/reference/global_dictionary.txt");
    let Ok(recorded) = std::fs::read_to_string(path) else {
        println!("skipped: ../shared is not beside the project");
        return;
    };
    assert_eq!(recorded.lines().collect::<Vec<_>>(), GLOBAL_WORDS);
}
