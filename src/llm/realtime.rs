//! `Realtime`: what a provider says over a WebSocket (RFC 6455), looked at on its way to the caller:
//! `response.done` tells what a response used, and there are many on one connection. Frames may come
//! in any pieces, and nothing of them is kept. What a provider masks, compresses, or writes in
//! anything but JSON is not looked into.

use super::translate::Usage;
use super::usage::Facts;
use crate::base::clock::Instant;
use crate::proto::json_scan::Scan;

#[derive(Debug)]
pub struct Realtime {
    header: Header,
    /// Of the frame under way.
    left: u64,
    /// Its bytes are looked at.
    reads: bool,
    /// It ends its message.
    is_last: bool,
    /// What the message under way is; a control frame may come amid one.
    message: Message,
    scan: Scan,
    /// What the message under way tells.
    told: Facts,
    /// Of all responses.
    sum: Usage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Text,
    /// It is no JSON, or in no text.
    Other,
}

/// Bytes of a frame before its payload: 2, or 10 with the longest length, and 4 of a mask.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    bytes: [u8; 14],
    len: usize,
}

impl Default for Realtime {
    fn default() -> Self {
        let told = Facts::of_realtime();
        Self {
            header: Header::default(),
            left: 0,
            reads: false,
            is_last: false,
            message: Message::Other,
            scan: Scan::new(told.paths()),
            told,
            sum: Usage::default(),
        }
    }
}

impl Realtime {
    /// Sees what came of the connection, and puts down what it tells.
    pub fn see(
        &mut self,
        mut bytes: &[u8],
        facts: &mut Facts,
        first: &mut Option<Instant>,
        now: Instant,
    ) {
        while !bytes.is_empty() {
            bytes = self.step(bytes);
            if self.left == 0 && self.is_last && self.reads {
                self.end(facts, first, now);
            }
        }
    }

    /// Takes a piece of a payload, or a byte of a header. Returns what is left.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.left == 0 {
            if self.header.take(bytes[0]) {
                self.begin();
            }
            return &bytes[1..];
        }
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (payload, rest) = bytes.split_at(count);
        self.left -= count as u64;
        self.payload(payload);
        rest
    }

    /// The header of a frame is there.
    fn begin(&mut self) {
        let Header { bytes, .. } = std::mem::take(&mut self.header);
        let (first, second) = (bytes[0], bytes[1]);
        self.left = Header::payload(&bytes);
        let (opcode, is_masked) = (first & 0x0F, second & 0x80 != 0);
        let is_control = opcode & 0x08 != 0;
        self.is_last = first & 0x80 != 0;
        if matches!(opcode, 1 | 2) {
            // The bits behind the first belong to extensions.
            let is_plain = opcode == 1 && first & 0x70 == 0;
            self.message = if is_plain { Message::Text } else { Message::Other };
            self.scan.reset();
            self.told = Facts::of_realtime();
        }
        if is_masked && !is_control {
            self.message = Message::Other;
        }
        self.reads = !is_control && self.message == Message::Text;
    }

    fn payload(&mut self, payload: &[u8]) {
        let Self { scan, told, .. } = self;
        if self.reads && scan.push(payload, &mut |found| told.take(found)).is_err() {
            self.message = Message::Other;
            self.reads = false;
        }
    }

    /// A message is complete.
    fn end(&mut self, facts: &mut Facts, first: &mut Option<Instant>, now: Instant) {
        self.reads = false;
        let event = std::mem::take(&mut self.told.event);
        if event.has_token {
            first.get_or_insert(now);
        }
        if event.is_done {
            let usage = self.told.usage();
            add(&mut self.sum.input, usage.input);
            add(&mut self.sum.output, usage.output);
            add(&mut self.sum.cache_read, usage.cache_read);
        }
        facts.tell(str::from_utf8(self.told.model()).unwrap_or_default(), self.sum);
    }
}

fn add(sum: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0).saturating_add(more));
    }
}

impl Header {
    /// Takes a byte. Whether the header is complete.
    fn take(&mut self, byte: u8) -> bool {
        self.bytes[self.len] = byte;
        self.len += 1;
        self.len >= 2
            && self.len == 2 + Self::length_bytes(self.bytes[1]) + Self::mask_bytes(self.bytes[1])
    }

    const fn length_bytes(second: u8) -> usize {
        match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    const fn mask_bytes(second: u8) -> usize {
        if second & 0x80 != 0 { 4 } else { 0 }
    }

    fn payload(bytes: &[u8; 14]) -> u64 {
        let long = &bytes[2..2 + Self::length_bytes(bytes[1])];
        match long {
            [] => u64::from(bytes[1] & 0x7F),
            long => long.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let len = match payload.len() {
            len @ 0..126 => vec![len as u8],
            len @ 126..0x1_0000 => [&[126][..], &(len as u16).to_be_bytes()].concat(),
            len => [&[127][..], &(len as u64).to_be_bytes()].concat(),
        };
        [&[first][..], &len, payload].concat()
    }

    fn done(input: u64, output: u64, cached: u64) -> String {
        format!(
            "{{\"type\":\"response.done\",\"response\":{{\"usage\":{{\"total_tokens\":9,\
             \"input_tokens\":{input},\"output_tokens\":{output},\
             \"input_token_details\":{{\"cached_tokens\":{cached}}}}}}}}}"
        )
    }

    fn seen(pieces: &[&[u8]]) -> (Facts, bool) {
        let (mut realtime, mut facts) = (Realtime::default(), Facts::default());
        let mut first = None;
        for piece in pieces {
            realtime.see(piece, &mut facts, &mut first, Instant::default());
        }
        (facts, first.is_some())
    }

    #[test]
    fn responses_are_summed_up_at_every_split() {
        let (one, two) = (done(10, 4, 3), done(7, 5, 0));
        let (front, back) = two.as_bytes().split_at(40);
        let pad = format!("{{\"type\":\"x\",\"pad\":\"{}\"}}", "p".repeat(70_000));
        let stream = [
            frame(0x81, br#"{"type":"session.created","session":{"model":"gpt-rt"}}"#),
            frame(0x82, b"\x00\x01 no text"),
            frame(0x81, br#"{"type":"response.output_audio.delta","delta":"AAAA"}"#),
            frame(0x81, one.as_bytes()),
            frame(0x81, b"no JSON"),
            // In two pieces, with a ping amid them.
            frame(0x01, front),
            frame(0x89, b"ping"),
            frame(0x80, back),
            // What another model used for the transcript is none of the response's.
            frame(0x81, br#"{"type":"transcription.completed","usage":{"input_tokens":99}}"#),
            frame(0x88, b""),
        ]
        .concat();
        let check = |(facts, first): (Facts, bool)| {
            let usage = facts.usage();
            assert_eq!((usage.input, usage.output, usage.cache_read), (Some(17), Some(9), Some(3)));
            assert_eq!((facts.model(), first), (&b"gpt-rt"[..], true));
        };
        check(seen(&[&stream]));
        for at in 0..=stream.len() {
            let (front, back) = stream.split_at(at);
            check(seen(&[front, back]));
        }
        check(seen(&stream.chunks(1).collect::<Vec<_>>()));
        check(seen(&[&frame(0x81, pad.as_bytes()), &stream]));
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let text = done(1, 1, 1);
        let mut masked = frame(0x81, b"");
        masked[1] = 0x80 | 4;
        masked.extend_from_slice(b"maskdata");
        for other in [frame(0xC1, text.as_bytes()), frame(0x82, text.as_bytes()), masked] {
            let (facts, _) = seen(&[&other, &frame(0x81, text.as_bytes())]);
            assert_eq!(facts.usage().input, Some(1), "{other:?}");
        }
    }
}
