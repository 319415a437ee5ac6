use super::*;
use crate::http::exchange::Usage;

const CHAT: &str = "data: {\"model\":\"gpt-6-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\
    \"content\":\"\"}}],\"usage\":null}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n\
    : a comment\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"model\":\"gpt-6-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\
    \"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const MESSAGES: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\
    \"model\":\"claude-5\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":3,\
    \"cache_creation_input_tokens\":2,\"output_tokens\":1}}}\n\nevent: ping\ndata: {\"type\":\
    \"ping\"}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\"}   \n\n\
    event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":10}}\n\n";
const RESPONSES: &str = "event: response.output_text.delta\ndata: {\"type\":\
    \"response.output_text.delta\",\"delta\":\"a\"}\n\nevent: response.completed\ndata: {\"type\":\
    \"response.completed\",\"response\":{\"model\":\"gpt-6\",\"usage\":{\"input_tokens\":8,\
    \"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens\":10}}}\n\n";

/// What goes on, and what was learnt.
fn pass(form: Form, hides: bool, pieces: &[&[u8]]) -> (String, Answer) {
    let mut answer = Answer::new(hides, None);
    answer.begin(form);
    let mut out = Buffer::with_capacity(64);
    let now = Instant::default();
    for (place, piece) in pieces.iter().enumerate() {
        let mut bytes = piece.to_vec();
        let kept = answer.see(&mut bytes, place + 1 == pieces.len(), now);
        answer.put_released(&mut out);
        out.put(&bytes[..kept]);
    }
    (String::from_utf8(out.filled().to_vec()).unwrap(), answer)
}

/// Whole, at every cut, and byte by byte.
fn every_split(form: Form, hides: bool, text: &str, expected: &str) -> Answer {
    let (passed, whole) = pass(form, hides, &[text.as_bytes()]);
    assert_eq!(passed, expected, "whole");
    let same = |pieces: &[&[u8]], what: &str| {
        let (passed, answer) = pass(form, hides, pieces);
        assert_eq!(passed, expected, "{what}");
        assert_eq!(answer.facts.usage(), whole.facts.usage(), "{what}");
        assert_eq!(answer.facts.model(), whole.facts.model(), "{what}");
        assert_eq!(answer.first_token, whole.first_token, "{what}");
    };
    for cut in 0..=text.len() {
        let (front, back) = text.as_bytes().split_at(cut);
        same(&[front, back], &format!("cut at {cut}"));
    }
    let single: Vec<_> = text.as_bytes().chunks(1).collect();
    same(&single, "byte by byte");
    whole
}

fn usage(input: u64, output: u64, read: Option<u64>, written: Option<u64>) -> Usage {
    let (input, output) = (Some(input), Some(output));
    Usage { input, output, cache_read: read, cache_written: written, ..Usage::default() }
}

#[test]
fn a_stream_is_passed_on_and_read() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("{CHAT}{USAGE}{DONE}").replace('\n', end);
        let answer = every_split(Form::Events, false, &text, &text);
        assert_eq!(answer.facts.usage(), usage(12, 3, Some(5), None));
        assert_eq!(answer.facts.model(), b"gpt-6-1");
        assert!(answer.first_token.is_some());
    }
}

#[test]
fn usage_that_nobody_asked_for_is_left_out() {
    let text = format!("{CHAT}{USAGE}{DONE}");
    let answer = every_split(Form::Events, true, &text, &format!("{CHAT}{DONE}"));
    assert_eq!(answer.facts.usage(), usage(12, 3, Some(5), None));
    // Behind everything, and in front of everything.
    every_split(Form::Events, true, &format!("{CHAT}{USAGE}"), CHAT);
    every_split(Form::Events, true, &format!("{USAGE}{CHAT}"), CHAT);
    every_split(Form::Events, true, &format!("{USAGE}{USAGE}"), "");
    every_split(Form::Events, true, "", "");
    let crlf = |text: &str| text.replace('\n', "\r\n");
    every_split(Form::Events, true, &crlf(&text), &crlf(&format!("{CHAT}{DONE}")));
}

#[test]
fn an_event_that_has_more_than_usage_stays() {
    for event in [
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"error\":{\"message\":\"x\"}}\n\n",
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
        "data: {\"choices\":[],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tok\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}",
    ] {
        every_split(Form::Events, true, event, event);
        let text = format!("{event}{}", if event.ends_with('\n') { USAGE } else { "" });
        every_split(Form::Events, true, &text, event);
    }
}

#[test]
fn a_giant_event_is_not_held_back() {
    let padding = " ".repeat(3 * EVENT_HELD_BYTES_MAX);
    let giant = format!("data: {{\"choices\":[],{padding}\"usage\":{{\"prompt_tokens\":7}}}}\n\n");
    let pieces: Vec<_> = giant.as_bytes().chunks(1000).collect();
    let (passed, answer) = pass(Form::Events, true, &pieces);
    assert_eq!((passed, answer.facts.usage().input), (giant, Some(7)));
    assert!(answer.held.is_empty());
}

#[test]
fn each_api_is_understood() {
    let answer = every_split(Form::Events, false, MESSAGES, MESSAGES);
    assert_eq!(answer.facts.usage(), usage(10, 10, Some(3), Some(2)));
    assert_eq!(answer.facts.model(), b"claude-5");
    assert!(answer.first_token.is_some());
    let answer = every_split(Form::Events, false, RESPONSES, RESPONSES);
    assert_eq!(answer.facts.usage(), usage(8, 10, Some(3), None));
    assert_eq!(answer.facts.model(), b"gpt-6");
    assert!(answer.first_token.is_some());
    let whole = "{\"model\":\"e\",\"data\":[{\"embedding\":[0.5,1e-3]}],\"usage\":{\"prompt_tokens\":4,\
        \"total_tokens\":4}}";
    let answer = every_split(Form::Json, true, whole, whole);
    assert_eq!(answer.facts.usage().input, Some(4));
    assert_eq!((answer.facts.usage().output, answer.first_token), (None, None));
    let counted = "{\"input_tokens\":14}";
    assert_eq!(every_split(Form::Json, false, counted, counted).facts.counted, Some(14));
}

#[test]
fn what_is_not_understood_is_passed_on() {
    for text in
        ["<html>", "{\"usage\":", "", "data: x\n\ndata: {\n\n", "{\"usage\":{\"input_tokens\":-1}}"]
    {
        for form in [Form::Json, Form::Events, Form::Other] {
            let answer = every_split(form, false, text, text);
            assert_eq!(answer.facts.usage(), Usage::default(), "{text}");
        }
    }
}

#[test]
fn a_form_is_known_by_its_type() {
    for (kind, form) in [
        (Some("application/json"), Form::Json),
        (Some("Application/JSON; charset=utf-8"), Form::Json),
        (Some("application/problem+json"), Form::Json),
        (Some("text/event-stream;charset=utf-8"), Form::Events),
        (Some("text/html"), Form::Other),
        (Some("json"), Form::Other),
        (Some(""), Form::Other),
        (None, Form::Other),
    ] {
        assert_eq!(Form::of(kind.map(str::as_bytes)), form, "{kind:?}");
    }
}

#[test]
fn geminis_answers_are_read_in_every_form() {
    let of = |kind: Form, text: &str| {
        let mut answers = Vec::new();
        for size in [1, 7, text.len()] {
            let mut answer = Answer::new(false, Some(Dialect::Gemini));
            answer.begin(kind);
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            for (place, piece) in pieces.iter().enumerate() {
                let mut bytes = piece.to_vec();
                let last = place + 1 == pieces.len();
                assert_eq!(answer.see(&mut bytes, last, Instant::default()), piece.len());
            }
            answers.push((answer.facts.usage(), answer.first_token.is_some()));
        }
        assert!(answers.iter().all(|other| *other == answers[0]), "{answers:?}");
        answers[0]
    };
    let piece = |text: &str, said: u32| {
        format!(
            "{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}]}}}}],\
             \"usageMetadata\":{{\"promptTokenCount\":29,\"candidatesTokenCount\":{said},\
             \"thoughtsTokenCount\":202,\"cachedContentTokenCount\":4}},\"modelVersion\":\"g\"}}"
        )
    };
    let wanted = usage(29, 212, Some(4), None);
    assert_eq!(of(Form::Json, &piece("a", 10)), (wanted, false));
    let array = format!("[{},\r\n{}]", piece("a", 1), piece("b", 10));
    assert_eq!(of(Form::Json, &array), (wanted, true));
    let events = format!("data: {}\r\n\r\ndata: {}\r\n\r\n", piece("", 1), piece("b", 10));
    assert_eq!(of(Form::Events, &events), (wanted, true));
}

#[test]
fn converses_frames_are_read_at_every_split() {
    let mut stream = Vec::new();
    let mut put = |name: &str, payload: &str| {
        let payload = |out: &mut Vec<u8>| out.extend_from_slice(payload.as_bytes());
        crate::proto::aws_event_stream::write(
            &mut stream,
            crate::proto::aws_event_stream::Kind::Event,
            name,
            payload,
        );
    };
    put("messageStart", "{\"role\":\"assistant\"}");
    put("contentBlockDelta", "{\"delta\":{\"text\":\"Hi\"},\"contentBlockIndex\":0,\"p\":\"abc\"}");
    put(
        "metadata",
        "{\"usage\":{\"inputTokens\":5,\"outputTokens\":2,\"cacheReadInputTokens\":3}}",
    );
    for at in 0..=stream.len() {
        let mut answer = Answer::new(false, Some(Dialect::Converse));
        answer.begin(Form::Frames);
        for (piece, last) in [(&stream[..at], false), (&stream[at..], true)] {
            let mut bytes = piece.to_vec();
            assert_eq!(answer.see(&mut bytes, last, Instant::default()), piece.len());
            assert_eq!(bytes, piece, "it passes as it came");
        }
        assert_eq!(answer.facts.usage(), usage(8, 2, Some(3), None), "{at}");
        assert!(answer.first_token.is_some());
    }
}

/// Events that differ in their texts alone are not scanned one by one; what another tells counts.
#[test]
fn events_that_are_alike_hide_nothing() {
    let chunk = |text: &str, usage: &str| {
        format!(
            "data: {{\"model\":\"m\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}],\"usage\":{usage}}}\n\n"
        )
    };
    let told = |input: u64, output: u64| {
        format!("{{\"prompt_tokens\":{input},\"completion_tokens\":{output}}}")
    };
    let alike = ["one", " two", "", " \\\"three\\\"", " four", " five"];
    let alike: String = alike.iter().map(|text| chunk(text, "null")).collect();
    let text = format!("{alike}{USAGE}{alike}{DONE}");
    let answer = every_split(Form::Events, true, &text, &format!("{alike}{alike}{DONE}"));
    assert_eq!(answer.facts.usage(), usage(12, 3, Some(5), None));
    assert_eq!(answer.facts.model(), b"m", "what is told last counts");
    // Some tell it with each, and more each time; then what was told before is told again.
    let each: String = [1, 1, 2, 3, 3, 1].map(|count| chunk("word", &told(7, count))).concat();
    let answer = every_split(Form::Events, true, &each, &each);
    assert_eq!(answer.facts.usage(), usage(7, 1, None, None));
    let claude = |text: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        )
    };
    let deltas: String = ["a", "b", "c\\n", "d", "e"].map(claude).concat();
    let answer = every_split(
        Form::Events,
        false,
        &format!("{deltas}{MESSAGES}"),
        &format!("{deltas}{MESSAGES}"),
    );
    assert_eq!(answer.facts.usage(), usage(10, 10, Some(3), Some(2)));
}
