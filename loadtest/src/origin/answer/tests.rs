use super::*;

fn text(answer: &Answer) -> String {
    let sent = answer.steps.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    sent.collect()
}

#[test]
fn heads_say_how_their_body_ends() {
    let full = Answer::full(200, &[("a", "b")], b"body");
    assert_eq!(text(&full), "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 4\r\n\r\nbody");
    let head = full.without_body();
    assert_eq!(text(&head), "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 4\r\n\r\n");
    let filled = Answer::filled(200, &[], 1 << 40);
    assert_eq!(filled.steps[1], Step::Fill(1 << 40));
    let chunks = Answer::chunks(&[], 5);
    assert!(text(&chunks).ends_with("chunked\r\n\r\n5\r\nahov2\r\n0\r\n\r\n"), "{chunks:?}");
}

#[test]
fn streams_wait_between_pieces() {
    let at = Duration::from_millis;
    let pieces = [(at(0), b"one".to_vec()), (at(5), b"two".to_vec()), (at(5), b"three".to_vec())];
    let mut stream = Answer::stream(&[], pieces);
    let waits: Vec<&Step> = stream.steps.iter().filter(|s| matches!(s, Step::At(_))).collect();
    assert_eq!(waits, [&Step::At(at(5))]);
    assert!(text(&stream).ends_with("3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"));
    stream.cut_after(1);
    assert!(text(&stream).ends_with("3\r\none\r\n3\r\nt"), "{stream:?}");
}

#[test]
fn the_pattern_repeats() {
    let first: Vec<u8> = (0..PATTERN_BYTES).map(pattern).collect();
    let second: Vec<u8> = (PATTERN_BYTES..2 * PATTERN_BYTES).map(pattern).collect();
    assert_eq!(first, second);
    assert_ne!(first[..36], first[36..72]);
}
