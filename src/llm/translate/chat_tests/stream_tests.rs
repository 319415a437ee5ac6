//! What streams must not do.

use super::super::fault::Trouble;
use super::*;

fn seen(dialect: &str, stream: &str) -> (Vec<String>, bool) {
    let mut seen = Vec::new();
    let broken =
        read_stream(dialect, stream, &mut |event| seen.push(format!("{event:?}"))).is_err();
    (seen, broken)
}

/// A stream that is cut anywhere never looks complete.
#[test]
fn what_is_cut_off_has_no_end() {
    for path in files("streams") {
        let case = fs::read_to_string(&path).unwrap();
        let (head, rest) = case.split_once("\n--- in\n").unwrap();
        let stream = rest.split_once("--- out\n").unwrap().0;
        let words: Vec<&str> = head.split(' ').collect();
        let (from, to) = (words[0], words[1]);
        let whole: Vec<&str> = stream.split_inclusive("\n\n").collect();
        let is_final = |event: &&str| {
            let ends = ["message_stop", "\"message_delta\"", "[DONE]", "\"error\""];
            let stops = event.contains("\"finish_reason\":\"");
            stops || ends.iter().any(|end| event.contains(end))
        };
        let last = whole.iter().position(is_final).unwrap_or(whole.len());
        for cut in 0..=last {
            let out = translate_stream(from, to, &whole[..cut].concat(), &caller());
            let ends = ["[DONE]", "message_stop", "\"finish_reason\":\"", "\"stop_reason\":\""];
            assert!(!ends.iter().any(|end| out.contains(end)), "{path:?}, cut at {cut}: {out}");
        }
    }
}

#[test]
fn faults_amid_a_stream_end_it() {
    let begun =
        "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    for (from, begun, error, trouble) in [
        ("completions", begun, r#"{"error":{"message":"x","code":429}}"#, Trouble::RateLimited),
        (
            "completions",
            begun,
            r#"{"error":{"message":"x","type":"server_error"}}"#,
            Trouble::Internal,
        ),
        ("completions", begun, r#"{"error":"x"}"#, Trouble::Internal),
        (
            "messages",
            "data: {\"type\":\"message_start\",\"message\":{}}\n\n",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            Trouble::Overloaded,
        ),
    ] {
        let stream = format!("{begun}data: {error}\n\n{begun}data: [DONE]\n\n");
        let mut found = None;
        read_stream(from, &stream, &mut |event| {
            if let Event::Fault(fault) = event {
                found = Some(fault.clone());
            }
        })
        .unwrap();
        let found = found.expect("there is a fault");
        assert_eq!((found.trouble, found.message.as_str()), (trouble, "x"));
        let told = translate_stream(from, "messages", &stream, &caller());
        assert!(told.contains("event: error\ndata: {\"type\":\"error\","), "{told}");
        let told = translate_stream(from, "completions", &stream, &caller());
        assert!(told.contains("data: {\"error\":{\"message\":\"x\""), "{told}");
        assert!(!told.contains("[DONE]"));
    }
}

#[test]
fn what_is_no_stream_is_broken() {
    let start = "data: {\"type\":\"message_start\",\"message\":{}}\n\n";
    for (from, stream) in [
        ("completions", "data: <html>\n\n"),
        ("completions", "data: [DONE]\n\n"),
        ("completions", "data: {\"choices\":5}\n\n"),
        ("messages", "data: {}\n\n"),
        ("messages", "data: {\"type\":\"message_stop\"}\n\n"),
        ("messages", "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"),
        ("messages", &format!("{start}{start}")),
        (
            "messages",
            &format!("{start}data: {{\"type\":\"content_block_delta\",\"delta\":{{}}}}\n\n"),
        ),
    ] {
        assert!(seen(from, stream).1, "{stream}");
    }
}

/// Calls that never end are kept up to a limit.
#[test]
fn calls_by_turns_are_bounded() {
    let call = |index: u32, text: &str| {
        let function = json!({"name": "f", "arguments": text});
        let call = json!({"index": index, "id": format!("c{index}"), "function": function});
        let chunk = json!({"id": "a", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
        format!("data: {chunk}\n\n")
    };
    let mut stream = call(0, "{");
    let much = "x".repeat(1024 * 1024);
    for _ in 0..3 {
        stream.push_str(&call(1, &much));
    }
    assert!(!seen("completions", &stream).1);
    stream.push_str(&call(1, &much));
    assert!(seen("completions", &stream).1);
}
