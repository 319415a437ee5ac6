//! What must hold of the readers of Responses and Converse, whatever the bytes: no panic, and what
//! is accepted is accepted again as it is written. A body has the name of the reader in front, and a
//! stream an event a line.
//!
//! Included twice: by the fuzz target, and by the seeded test on stable. Whoever includes it has
//! `translate` in scope.

use super::translate::{Caller, Event, Host, Line, Provider, converse, responses};

pub(super) fn responses_converse(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind {
        b'p' => prompt(rest),
        b'a' => answer(rest),
        b's' => stream(rest),
        _ => fault(rest),
    }
}

const LINE: Line<'_> = Line { model: "m", streams: true };
const PROVIDER: Provider<'_> = Provider { model: "p", host: Host::Own, output_tokens: 1 };

fn prompt(body: &[u8]) {
    let prompts = [responses::prompt::read(body, LINE), converse::prompt::read(body, LINE)];
    for prompt in prompts.into_iter().flatten() {
        let (mut caller, mut out) = (Caller::default(), Vec::new());
        if responses::prompt::write(&prompt, &PROVIDER, &mut caller, &mut out).is_ok() {
            assert!(responses::prompt::read(&out, LINE).is_ok(), "{}", out.escape_ascii());
        }
        out.clear();
        if converse::prompt::write(&prompt, &PROVIDER, &mut caller, &mut out).is_ok() {
            // Of a prompt that says nothing no message is left, and one there must be.
            let is_empty = out.starts_with(b"{\"messages\":[]");
            assert!(
                is_empty || converse::prompt::read(&out, LINE).is_ok(),
                "{}",
                out.escape_ascii()
            );
        }
    }
}

fn answer(body: &[u8]) {
    let answers = [responses::generation::read(body), converse::generation::read(body)];
    for answer in answers.into_iter().flatten() {
        let mut out = Vec::new();
        responses::generation::write(&answer, &Caller::default(), &mut out);
        assert!(responses::generation::read(&out).is_ok(), "{}", out.escape_ascii());
        out.clear();
        converse::generation::write(&answer, &Caller::default(), &mut out);
        assert!(converse::generation::read(&out).is_ok(), "{}", out.escape_ascii());
    }
}

fn stream(body: &[u8]) {
    let mut readers = (responses::stream::Reader::default(), converse::stream::Reader::default());
    let mut writers = (responses::stream::Writer::default(), converse::stream::Writer::default());
    let caller = Caller::default();
    let mut out = Vec::new();
    let mut sink = |event: &Event<'_>| {
        writers.0.write(event, &caller, &mut out);
        writers.1.write(event, &caller, &mut out);
    };
    for event in body.split(|byte| *byte == b'\n') {
        let split = event.iter().position(|byte| *byte == b' ').unwrap_or(event.len());
        let (name, data) = event.split_at(split);
        let _ = readers.0.read(name, data, &mut sink);
        let _ = readers.1.read(name, data, &mut sink);
    }
    readers.0.end(&mut sink);
    readers.1.end(&mut sink);
}

fn fault(body: &[u8]) {
    for kind in [None, str::from_utf8(body).ok()] {
        for fault in
            [responses::fault::read(400, kind, body), converse::fault::read(400, kind, body)]
        {
            let mut out = Vec::new();
            responses::fault::write(&fault, &mut out);
            let again = responses::fault::read(fault.trouble.status(), None, &out);
            assert!(again.message == fault.message || fault.message.is_empty());
        }
    }
}
