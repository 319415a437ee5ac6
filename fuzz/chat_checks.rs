//! What holds of Completions and Messages for any bytes: shared by the fuzz target and by a seeded
//! test on stable.

use super::translate::{
    Block, Broken, Caller, Event, Host, Line, Prompt, Provider, completions, messages,
};

/// Reads bytes as everything there is, and writes what it was understood as.
pub(super) fn chat(bytes: &[u8]) {
    let line = Line { model: "m", streams: true };
    let prompts = [completions::prompt::read(bytes, line), messages::prompt::read(bytes, line)];
    for prompt in prompts.iter().flatten() {
        for host in [Host::Own, Host::Vertex, Host::Bedrock, Host::Compatible] {
            for model in ["claude-opus-4-7", "claude-3-7-sonnet", "gpt-5.1", "deepseek"] {
                written(prompt, &Provider { model, host, output_tokens: 4096 });
            }
        }
    }
    let generations = [completions::generation::read(bytes), messages::generation::read(bytes)];
    for generation in generations.iter().flatten() {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        completions::generation::write(generation, &Caller::default(), &mut one);
        messages::generation::write(generation, &Caller::default(), &mut other);
        let one = completions::generation::read(&one).expect("it reads its own");
        let other = messages::generation::read(&other).expect("it reads its own");
        assert_eq!(one.usage.output.unwrap_or(0), generation.usage.output.unwrap_or(0));
        assert_eq!(other.usage.output.unwrap_or(0), generation.usage.output.unwrap_or(0));
    }
    for fault in
        [completions::fault::read(500, None, bytes), messages::fault::read(500, None, bytes)]
    {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        completions::fault::write(&fault, &mut one);
        messages::fault::write(&fault, &mut other);
        is_json(&one);
        is_json(&other);
    }
    streams(bytes);
}

fn written(prompt: &Prompt, provider: &Provider<'_>) {
    let line = Line { model: "m", streams: true };
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let mut caller = Caller::default();
    if completions::prompt::write(prompt, provider, &mut caller, &mut one).is_ok() {
        let again = completions::prompt::read(&one, line).expect("it reads its own");
        assert_eq!(again.sampling.seed, prompt.sampling.seed);
    }
    if messages::prompt::write(prompt, provider, &mut caller, &mut other).is_ok() {
        messages::prompt::read(&other, line).expect("it reads its own");
    }
}

/// Reads lines as events.
fn streams(bytes: &[u8]) {
    let mut completions = completions::stream::Reader::default();
    stream(bytes, |line, sink| completions.read(b"", line, &mut |event| sink(event)));
    let mut messages = messages::stream::Reader::default();
    stream(bytes, |line, sink| messages.read(b"", line, &mut |event| sink(event)));
}

type Sink<'a> = dyn FnMut(&Event<'_>) + 'a;

fn stream(bytes: &[u8], mut read: impl FnMut(&[u8], &mut Sink<'_>) -> Result<(), Broken>) {
    let caller = Caller { wants_usage: true, ..Caller::default() };
    let mut order = Order::default();
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let mut completions = completions::stream::Writer::default();
    let mut messages = messages::stream::Writer::default();
    let mut sink = |event: &Event<'_>| {
        order.see(event);
        completions.write(event, &caller, &mut one);
        messages.write(event, &caller, &mut other);
    };
    for line in bytes.split(|byte| *byte == b'\n') {
        if read(line, &mut sink).is_err() {
            break;
        }
    }
    for written in [&one, &other] {
        let text = str::from_utf8(written).expect("it is UTF-8");
        for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            if line != "[DONE]" {
                is_json(line.as_bytes());
            }
        }
    }
}

fn is_json(bytes: &[u8]) {
    serde_json::from_slice::<serde_json::Value>(bytes).expect("it is JSON");
}

/// The order of events, as their module has it.
#[derive(Default)]
pub(super) struct Order {
    is_begun: bool,
    is_open: bool,
    is_sealed: bool,
    is_finished: bool,
    pub(super) is_over: bool,
}

impl Order {
    pub(super) fn see(&mut self, event: &Event<'_>) {
        assert!(!self.is_over, "{event:?} after the end");
        let begins = matches!(event, Event::Start { .. });
        let is_fault = matches!(event, Event::Fault(_));
        assert!(begins != self.is_begun || is_fault, "{event:?} out of order");
        match event {
            Event::Start { .. } => self.is_begun = true,
            Event::Open(block) => {
                assert!(!self.is_open && !self.is_finished, "{event:?} amid another");
                self.is_open = true;
                self.is_sealed = matches!(block, Block::Sealed(_));
            }
            Event::Delta(text) => {
                assert!(
                    self.is_open && !self.is_sealed && !text.is_empty(),
                    "{event:?} of nothing"
                );
            }
            Event::Signature(_) => assert!(self.is_open, "{event:?} of nothing"),
            Event::Close => assert!(std::mem::take(&mut self.is_open), "it closes nothing"),
            Event::Finish { .. } => {
                assert!(!self.is_open && !self.is_finished, "it is finished twice");
                self.is_finished = true;
            }
            Event::Usage(_) | Event::Logprobs(_) => (),
            Event::End => {
                assert!(!self.is_open, "it ends amid a block");
                self.is_over = true;
            }
            Event::Fault(_) => self.is_over = true,
        }
    }
}
