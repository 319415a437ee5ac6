use super::*;

fn check(input: &str, tokens: u64, reported: Option<u64>) {
    for cut in 0..=input.len() {
        let (left, right) = input.as_bytes().split_at(cut);
        let mut events = Events::default();
        let found = events.push(left) + events.push(right);
        assert_eq!((found, events.reported_tokens()), (tokens, reported), "{input:?} at {cut}");
    }
}

#[test]
fn events_are_counted_when_they_end() {
    check("data: a\n\ndata: b\n\n", 2, None);
    check("data: a\r\n\r\ndata: b\r\rdata: c\n\r\n", 3, None);
    check(": comment\n\nevent: x\nid: 1\n\ndata: a\ndata: b\n\n", 1, None);
    check("data: unfinished\n", 0, None);
}

#[test]
fn tokens_of_the_dialects() {
    let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"completion_tokens\": 2}}\n\n";
    check(&format!("{chunk}{chunk}{usage}data: [DONE]\n\n"), 3, Some(2));
    let frame = "event: message_start\ndata: {\"type\":\"message_start\"}\n\n";
    let delta = "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\"}}\n\n";
    let end = "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":7}}\n\n";
    check(&format!("{frame}{delta}{delta}{end}"), 2, Some(7));
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut events = Events::default();
    for _ in 0..100 {
        events.push(&[b'x'; 10_000]);
    }
    assert!(events.line.len() <= LINE_BYTES_MAX);
    assert_eq!(events.push(b"\n\ndata: a\n\n"), 1);
}
