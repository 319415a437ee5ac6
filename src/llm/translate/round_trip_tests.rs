//! What both dialects can say comes back as it was, from each: prompts and streams of every make.

use serde_json::{Value, json};

use super::prompt::{
    Call, Choice, Effort, Media, MediaKind, Reasoning, Role, Source, Thinking, Tool,
};
use super::{Block, Caller, Event, Finish, Host, Line, Part, Prompt, Provider, Usage};
use super::{converse, responses};
use crate::base::random::Random;
use crate::proto::aws_event_stream::Decoder;

const ROUNDS: usize = 500;

fn text(random: &Random) -> String {
    const PIECES: [&str; 8] = ["a", "\"", "\\", "\n", "é", "{}", "\u{1F600}", " b"];
    let count = 1 + random.below(6);
    let pieces = (0..count).map(|_| PIECES[random.below(PIECES.len() as u64) as usize]);
    format!("x{}", pieces.collect::<String>())
}

fn input(random: &Random) -> Value {
    json!({ "a": text(random), "n": random.below(9), "deep": [{ "b": null }, 1.5, true] })
}

fn prompt(random: &Random) -> Prompt {
    let mut prompt = Prompt { model: "m".into(), ..Prompt::default() };
    if random.below(2) == 0 {
        prompt.system = vec![Part::text(text(random))];
    }
    for number in 0..1 + random.below(3) {
        prompt.say(Role::User, Part::text(text(random)));
        let data = Source::Data("aGk=".into());
        let media = [
            Media {
                kind: MediaKind::Image,
                mime: "image/png".into(),
                source: data.clone(),
                name: None,
                detail: None,
            },
            Media {
                kind: MediaKind::Document,
                mime: "application/pdf".into(),
                source: data,
                name: Some("a report".into()),
                detail: None,
            },
        ];
        let media = media[random.below(2) as usize].clone();
        prompt.say(Role::User, Part::Media { media, cache: None });
        let signature = Some(text(random));
        let thinking = match random.below(2) {
            0 => Thinking { text: text(random), signature, sealed: None },
            _ => Thinking { sealed: signature, ..Thinking::default() },
        };
        prompt.say(Role::Assistant, Part::Thinking(thinking));
        prompt.say(Role::Assistant, Part::text(text(random)));
        let calls = random.below(3);
        for call in 0..calls {
            let (id, name) = (format!("call_{number}_{call}"), format!("tool-{call}"));
            let call = Call { id, name, input: input(random), ..Call::default() };
            prompt.say(Role::Assistant, Part::Call(call));
        }
        for call in 0..calls {
            let (id, name) = (format!("call_{number}_{call}"), Some(format!("tool-{call}")));
            let parts = vec![Part::text(text(random))];
            prompt.say(Role::User, Part::Result { id, name, parts, is_error: false, cache: None });
        }
    }
    prompt.tools = (0..3)
        .map(|number| Tool {
            name: format!("tool-{number}"),
            description: Some(text(random)),
            schema: json!({ "type": "object", "properties": { "a": { "const": text(random) } } }),
            strict: Some(random.below(2) == 0),
            cache: None,
        })
        .collect();
    prompt.choice = match random.below(4) {
        0 => Some(Choice::Auto),
        1 => Some(Choice::Any),
        2 => Some(Choice::Tool("tool-1".into())),
        _ => None,
    };
    prompt.sampling.output_tokens = Some(5000 + random.below(1000));
    prompt.metadata.insert("team".into(), text(random).into());
    if matches!(prompt.choice, None | Some(Choice::Auto)) {
        let reasoning = Reasoning { effort: Some(Effort::Medium), budget: None, shown: true };
        prompt.reasoning = Some(reasoning).filter(|_| random.below(2) == 0);
    }
    prompt.stream = random.below(2) == 0;
    prompt
}

#[test]
fn prompts() {
    let random = Random::seeded(1);
    for _ in 0..ROUNDS {
        let prompt = prompt(&random);
        let line = Line { model: "m", streams: prompt.stream };
        // A model that takes an effort: a budget is not the same word.
        let provider = Provider { model: "m", host: Host::Own, output_tokens: 1 };
        let (mut caller, mut out) = (Caller::default(), Vec::new());
        responses::prompt::write(&prompt, &provider, &mut caller, &mut out).unwrap();
        let mut again = responses::prompt::read(&out, line).unwrap();
        assert_eq!(again.store.take(), Some(false));
        assert_eq!(again, prompt);

        out.clear();
        let provider = Provider { model: "openai.gpt-oss-120b-1:0", ..provider };
        converse::prompt::write(&prompt, &provider, &mut caller, &mut out).unwrap();
        let mut again = converse::prompt::read(&out, line).unwrap();
        again.wants_usage = false;
        assert_eq!(again, prompt);
        assert!(caller.renamed.is_empty());
    }
}

/// A stream as a reader would tell it: owned, so that it can be compared.
fn stream(random: &Random) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |event: &Event<'_>| told.push(format!("{event:?}"));
    emit(random, &mut tell);
    told
}

fn emit(random: &Random, sink: &mut impl FnMut(&Event<'_>)) {
    sink(&Event::Start { id: "resp_1", model: "m", usage: Usage::default() });
    let mut calls = false;
    for number in 0..random.below(6) {
        let (kind, said) = (random.below(4), text(random));
        match kind {
            0 => sink(&Event::Open(Block::Text)),
            1 => sink(&Event::Open(Block::Thinking)),
            2 => sink(&Event::Open(Block::Sealed(&said))),
            _ => {
                calls = true;
                let id = format!("call_{number}");
                sink(&Event::Open(Block::Call { id: &id, name: "f" }));
            }
        }
        if kind != 2 {
            for _ in 0..1 + random.below(3) {
                sink(&Event::Delta(&text(random)));
            }
        }
        if kind == 1 {
            sink(&Event::Signature(&said));
        }
        sink(&Event::Close);
    }
    let finish = match random.below(3) {
        0 => Finish::Length,
        _ if calls => Finish::Calls,
        _ => Finish::Stop,
    };
    sink(&Event::Finish { finish, stop_sequence: None });
    sink(&Event::Usage(Usage {
        input: Some(100),
        output: Some(random.below(50)),
        cache_read: Some(30),
        cache_written: Some(20),
        reasoning: None,
    }));
    sink(&Event::End);
}

#[test]
fn streams() {
    let caller = Caller::default();
    for seed in 0..ROUNDS as u64 {
        let expected = stream(&Random::seeded(seed));
        let mut wire = Vec::new();
        let mut writer = responses::stream::Writer::default();
        emit(&Random::seeded(seed), &mut |event| writer.write(event, &caller, &mut wire));
        let mut told = Vec::new();
        let mut sink = |event: &Event<'_>| told.push(format!("{event:?}"));
        let mut reader = responses::stream::Reader::default();
        for event in str::from_utf8(&wire).unwrap().split_terminator("\n\n") {
            let data = event.split_once("\ndata: ").unwrap().1;
            reader.read(b"", data.as_bytes(), &mut sink).unwrap();
        }
        // It always tells how many tokens were thoughts.
        let told: Vec<_> =
            told.iter().map(|e| e.replace("reasoning: Some(0)", "reasoning: None")).collect();
        assert_eq!(told, expected);

        let mut wire = Vec::new();
        let mut writer = converse::stream::Writer::default();
        emit(&Random::seeded(seed), &mut |event| writer.write(event, &caller, &mut wire));
        // In pieces, as a network brings them.
        for size in [1, 7, wire.len()] {
            assert_eq!(told_of_frames(wire.chunks(size)), expected);
        }
    }
}

fn told_of_frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let (mut decoder, mut told) = (Decoder::default(), Vec::new());
    // There is no place for these.
    let known = |told: String| told.replace(r#"id: "", model: """#, r#"id: "resp_1", model: "m""#);
    let mut sink = |event: &Event<'_>| told.push(known(format!("{event:?}")));
    let mut reader = converse::stream::Reader::default();
    for mut piece in pieces {
        while let Some(frame) = decoder.next(&mut piece).unwrap() {
            reader.read(frame.name, frame.data, &mut sink).unwrap();
        }
    }
    reader.end(&mut sink);
    told
}
