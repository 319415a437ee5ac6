//! What is written is read again as what it was, as far as the dialect can say it.

use super::super::prompt::Part;
use super::*;

/// Requests of the cases, written in their own dialect and read again.
#[test]
fn requests_come_back() {
    for (path, case) in cases("requests") {
        let from = text(&case, "from");
        let Ok(prompt) = read_prompt(from, case["in"].to_string().as_bytes()) else { continue };
        if case["lossy"] == true {
            continue;
        }
        let model = if from == "messages" { "claude-sonnet-5" } else { "gpt-5.2" };
        let provider = Provider { model, host: Host::Own, output_tokens: 4096 };
        let written = write_prompt(from, &prompt, &provider, &mut Caller::default());
        let written = written.unwrap_or_else(|why| panic!("{path:?}: {why:?}"));
        let again = read_prompt(from, written.to_string().as_bytes()).unwrap();
        let again =
            Prompt { model: prompt.model.clone(), wants_usage: prompt.wants_usage, ..again };
        assert_eq!(format!("{again:#?}"), format!("{prompt:#?}"), "{path:?}");
    }
}

/// Answers of the cases, written in either dialect and read again.
#[test]
fn answers_come_back() {
    for (path, case) in cases("answers") {
        let from = text(&case, "from");
        let generation = read_generation(from, case["in"].to_string().as_bytes()).unwrap();
        let caller = Caller { renamed: Vec::new(), ..caller() };
        for dialect in ["completions", "messages"] {
            let written = write_generation(dialect, &generation, &caller);
            let again = read_generation(dialect, written.to_string().as_bytes()).unwrap();
            if generation.usage != Default::default() {
                assert_eq!(again.usage.output, generation.usage.output, "{path:?}");
                assert_eq!(again.usage.input, generation.usage.input, "{path:?}");
            }
            assert_eq!(texts(&again), texts(&generation), "{path:?}");
            if dialect == from && case["lossy"] != true {
                assert_eq!(again.finish, generation.finish, "{path:?}");
                assert_eq!(again.usage, generation.usage, "{path:?}");
                assert_eq!(again.parts, generation.parts, "{path:?}");
            }
        }
    }
}

fn texts(generation: &Generation) -> String {
    let text = |part: &Part| match part {
        Part::Text { text, .. } | Part::Refusal(text) => text.clone(),
        Part::Call(call) => format!("{} {}", call.name, call.input),
        _ => String::new(),
    };
    generation.parts.iter().map(text).collect()
}

/// A stream that goes through the other dialect and back tells the same pieces.
#[test]
fn streams_come_back() {
    for path in files("streams") {
        let case = fs::read_to_string(&path).unwrap();
        let (head, rest) = case.split_once("\n--- in\n").unwrap();
        let (stream, _) = rest.split_once("--- out\n").unwrap();
        let words: Vec<&str> = head.split(' ').collect();
        let caller = Caller { renamed: Vec::new(), ..caller() };
        let there = translate_stream(words[0], words[1], stream, &caller);
        let (mut first, mut second) = (Pieces::default(), Pieces::default());
        read_stream(words[0], stream, &mut |event| first.see(event)).unwrap();
        read_stream(words[1], &there, &mut |event| second.see(event)).unwrap();
        assert_eq!(first.text, second.text, "{path:?}");
        assert_eq!(first.is_over, second.is_over, "{path:?}");
        if first.is_over && words.len() == 2 {
            assert_eq!(first.output, second.output, "{path:?}");
        }
    }
}

#[derive(Default)]
struct Pieces {
    text: String,
    output: u64,
    is_over: bool,
}

impl Pieces {
    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { usage, .. } | Event::Usage(usage) => {
                self.output = usage.output.unwrap_or(self.output);
            }
            Event::Open(super::super::Block::Call { name, .. }) => self.text.push_str(name),
            Event::Delta(text) if *text != "{}" => self.text.push_str(text),
            Event::End => self.is_over = true,
            _ => (),
        }
    }
}
