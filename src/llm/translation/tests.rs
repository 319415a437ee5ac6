use super::*;
use crate::llm::translate::Usage;

/// Ten tokens of a prompt, three of them out of a cache, and two of an answer.
const CHAT: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
    \"model\":\"gpt-6-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\
    \"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi \"},\"finish_reason\":null}]}\n\n\
    : a comment\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"ho\\\"\"},\"finish_reason\":null}]}\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"model\":\"gpt-6-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\
    \"completion_tokens\":2,\"total_tokens\":12,\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn caller() -> Caller {
    Caller { model: "fast".to_owned(), wants_usage: true, seed: 7, now: 1, ..Caller::default() }
}

struct Got {
    text: String,
    facts: Facts,
    first: bool,
}

/// What a caller gets of a stream of Completions that comes in these pieces.
fn got(own: Dialect, streams: Streams, pieces: &[&[u8]]) -> Got {
    let mut translation = Translation::new(own, Dialect::Completions, caller(), Some(streams));
    assert!(translation.is_stream(Form::Events) && !translation.is_stream(Form::Json));
    translation.begin(Form::Events);
    let (mut out, mut facts, mut first) = (Vec::new(), Facts::default(), None);
    for (place, piece) in pieces.iter().enumerate() {
        let now = Instant::default();
        let mut told = Told { facts: &mut facts, first_token: &mut first, now };
        translation.push(piece, place + 1 == pieces.len(), &mut told);
        out.extend_from_slice(translation.out());
        translation.taken();
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    Got { text, facts, first: first.is_some() }
}

const OTHERS: [Dialect; 4] =
    [Dialect::Messages, Dialect::Responses, Dialect::Gemini, Dialect::Converse];

#[test]
fn a_stream_is_the_same_at_every_split() {
    let stream = [CHAT, DONE].concat();
    let stream = stream.as_bytes();
    for own in OTHERS {
        let whole = got(own, Streams::Usual, &[stream]);
        assert!(whole.text.contains("Hi ") && !whole.text.contains(CUT), "{}", whole.text);
        let usage = whole.facts.usage();
        assert_eq!((usage.input, usage.output, usage.cache_read), (Some(10), Some(2), Some(3)));
        assert_eq!((whole.facts.model(), whole.first), (&b"gpt-6-1"[..], true));
        let same = |pieces: &[&[u8]]| {
            let split = got(own, Streams::Usual, pieces);
            assert_eq!(split.text, whole.text, "{own:?}");
            assert_eq!(split.facts.usage(), usage, "{own:?}");
        };
        for at in 0..=stream.len() {
            let (front, back) = stream.split_at(at);
            same(&[front, back]);
            same(&[front, back, b""]);
        }
        same(&stream.chunks(1).collect::<Vec<_>>());
    }
}

#[test]
fn a_stream_that_ends_early_never_looks_complete() {
    let stream = [CHAT, DONE].concat();
    for own in OTHERS {
        let whole = got(own, Streams::Usual, &[stream.as_bytes()]);
        // Behind the reason and the usage there is nothing to be missed.
        for at in 0..stream.find("data: {\"choices\":[{\"index\":0,\"delta\":{},").unwrap() {
            let cut = got(own, Streams::Usual, &[&stream.as_bytes()[..at]]);
            assert!(cut.text.contains(CUT), "{own:?} {at}: {}", cut.text);
            assert_ne!(cut.text, whole.text, "{own:?} {at}");
        }
        let mut translation =
            Translation::new(own, Dialect::Completions, caller(), Some(Streams::Usual));
        translation.begin(Form::Events);
        assert!(translation.cut(), "{own:?}: the connection broke");
        assert!(String::from_utf8_lossy(translation.out()).contains(CUT), "{own:?}");
        translation.taken();
        assert!(!translation.cut(), "{own:?}: it is told once");
    }
}

#[test]
fn what_is_no_event_ends_the_stream_with_an_error() {
    let hi = CHAT.find(": a comment").unwrap();
    for own in OTHERS {
        for wrong in ["data: {\"choices\":7}\n\n", "data: <html>\n\n", "data: {\"a\":\n\n"] {
            let stream = format!("{}{wrong}{}{DONE}", &CHAT[..hi], &CHAT[hi..]);
            let told = got(own, Streams::Usual, &[stream.as_bytes()]);
            assert!(told.text.contains("not what its API has"), "{own:?}: {}", told.text);
            assert!(!told.text.contains("\\\"ho"), "{own:?}: what comes behind is not looked at");
        }
    }
}

#[test]
fn an_array_is_whole_however_its_stream_ends() {
    let stream = [CHAT, DONE].concat();
    let read = |got: Got| serde_json::from_str::<serde_json::Value>(&got.text).unwrap();
    let whole = read(got(Dialect::Gemini, Streams::Array, &[stream.as_bytes()]));
    let items = whole.as_array().unwrap();
    assert_eq!(items.last().unwrap()["usageMetadata"]["promptTokenCount"], 10);
    let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    assert_eq!(read(got(Dialect::Gemini, Streams::Array, &bytes)), whole);
    let cut = read(got(Dialect::Gemini, Streams::Array, &[&stream.as_bytes()[..CHAT.len() / 2]]));
    assert_eq!(cut.as_array().unwrap().last().unwrap()["error"]["message"], CUT);
}

#[test]
fn a_whole_answer_is_one_and_nothing_else() {
    let answer = br#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-6-1",
        "choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#;
    for own in OTHERS {
        let translation = Translation::new(own, Dialect::Completions, caller(), None);
        assert!(!translation.is_stream(Form::Events), "nobody asked for one");
        let mut facts = Facts::default();
        let whole = translation.whole(answer, &mut facts).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        assert!(value.to_string().contains("Hi"), "{value}");
        assert_eq!((facts.usage().input, facts.usage().output), (Some(10), Some(2)));
        for wrong in [&b"<html>"[..], b"", b"{}", b"[]", b"{\"choices\":[]}x"] {
            assert_eq!(translation.whole(wrong, &mut facts), Err(Broken), "{own:?}");
        }
        let streams = Some(Streams::Usual);
        let asked = Translation::new(own, Dialect::Completions, caller(), streams);
        assert_eq!(asked.whole(answer, &mut facts), Err(Broken), "a stream was asked for");
    }
}

#[test]
fn facts_are_told_field_by_field() {
    let mut facts = Facts::default();
    facts.tell("m", Usage { input: Some(5), ..Usage::default() });
    facts.tell("", Usage { output: Some(2), cache_read: Some(1), ..Usage::default() });
    let usage = facts.usage();
    assert_eq!((facts.model(), usage.input, usage.output), (&b"m"[..], Some(5), Some(2)));
    assert_eq!((usage.cache_read, usage.cache_written), (Some(1), None));
}
