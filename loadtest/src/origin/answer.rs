//! An answer as the steps that make it up: what is sent, and when.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Waits until so long after the answer began.
    At(Duration),
    Send(Bytes),
    /// So many bytes of the pattern that [`pattern`] makes.
    Fill(u64),
    /// Ends the connection with a reset.
    Reset,
    /// Sends nothing more, and leaves the connection open until its peer closes it.
    Hang,
    /// The connection is a WebSocket from here on: messages come back as they are.
    WebSocket,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) steps: Vec<Step>,
    /// Another request may follow on the connection.
    pub(super) keep: bool,
    /// What of the first `Send` is the head.
    head_bytes: usize,
}

impl Answer {
    pub(super) fn full(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes = head(status, fields, Framing::Length(body.len() as u64)).into_bytes();
        let head_bytes = bytes.len();
        bytes.extend_from_slice(body);
        Self { steps: vec![Step::Send(bytes.into())], keep: true, head_bytes }
    }

    /// A body of so many bytes, made while it is sent.
    pub(super) fn filled(status: u16, fields: &[(&str, &str)], bytes: u64) -> Self {
        let head = head(status, fields, Framing::Length(bytes));
        let head_bytes = head.len();
        Self { steps: vec![Step::Send(head.into()), Step::Fill(bytes)], keep: true, head_bytes }
    }

    /// Pieces, each at its time, as chunks. A head alone goes out first.
    pub(super) fn stream(
        fields: &[(&str, &str)],
        pieces: impl IntoIterator<Item = (Duration, Vec<u8>)>,
    ) -> Self {
        let head = head(200, fields, Framing::Chunked);
        let head_bytes = head.len();
        let mut steps = vec![Step::Send(head.into())];
        let mut last = Duration::ZERO;
        for (at, piece) in pieces {
            if at > last {
                steps.push(Step::At(at));
                last = at;
            }
            steps.push(Step::Send(chunk(&piece).into()));
        }
        steps.push(Step::Send(Bytes::from_static(b"0\r\n\r\n")));
        Self { steps, keep: true, head_bytes }
    }

    /// A body of so many bytes, in chunks.
    pub(super) fn chunks(fields: &[(&str, &str)], bytes: u64) -> Self {
        let head = head(200, fields, Framing::Chunked);
        let head_bytes = head.len();
        let mut steps = vec![Step::Send(head.into())];
        let (mut left, block) = (bytes, block());
        while left > 0 {
            let piece = left.min(block.len() as u64) as usize;
            steps.push(Step::Send(chunk(&block[..piece]).into()));
            left -= piece as u64;
        }
        steps.push(Step::Send(Bytes::from_static(b"0\r\n\r\n")));
        Self { steps, keep: true, head_bytes }
    }

    /// 101, and a WebSocket behind it.
    pub(super) fn web_socket(accept: &str) -> Self {
        let fields = [("upgrade", "websocket"), ("sec-websocket-accept", accept)];
        let head = head(101, &fields, Framing::Upgrade);
        let head_bytes = head.len();
        Self { steps: vec![Step::Send(head.into()), Step::WebSocket], keep: false, head_bytes }
    }

    /// The head alone, as for HEAD. Its fields say how long the body would have been.
    pub(super) fn without_body(mut self) -> Self {
        self.steps.truncate(1);
        if let Some(Step::Send(bytes)) = self.steps.first_mut() {
            bytes.truncate(self.head_bytes);
        }
        self
    }

    /// Ends within the piece that follows `pieces` whole ones, or halfway through a body that is
    /// in one piece.
    pub(super) fn cut_after(&mut self, pieces: usize) {
        if let [Step::Send(bytes)] = self.steps.as_mut_slice() {
            bytes.truncate(self.head_bytes + (bytes.len() - self.head_bytes) / 2);
            return;
        }
        let mut sent = 0;
        let mut end = self.steps.len();
        // The first is the head, and no piece.
        for (at, step) in self.steps.iter_mut().enumerate().skip(1) {
            match step {
                Step::Send(bytes) if sent == pieces => bytes.truncate(bytes.len() / 2),
                Step::Fill(bytes) => *bytes /= 2,
                Step::Send(_) => {
                    sent += 1;
                    continue;
                }
                _ => continue,
            }
            end = at + 1;
            break;
        }
        self.steps.truncate(end);
    }
}

#[derive(Clone, Copy)]
enum Framing {
    Length(u64),
    Chunked,
    Upgrade,
}

fn head(status: u16, fields: &[(&str, &str)], framing: Framing) -> String {
    let mut head = String::with_capacity(256);
    // Writing to a string cannot fail.
    let _ = write!(head, "HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in fields {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = match framing {
        Framing::Length(bytes) => write!(head, "content-length: {bytes}\r\n\r\n"),
        Framing::Chunked => write!(head, "transfer-encoding: chunked\r\n\r\n"),
        Framing::Upgrade => write!(head, "connection: upgrade\r\n\r\n"),
    };
    head
}

fn chunk(content: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", content.len()).into_bytes();
    chunk.extend_from_slice(content);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// The byte at this place of a filled body: one too few, too many or out of place shows.
pub(super) fn pattern(at: usize) -> u8 {
    LETTERS[(at * 7 + at / LETTERS.len()) % LETTERS.len()]
}

const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// Whole repetitions of the pattern, 64 KiB or so, to be sent again and again.
pub(super) fn block() -> Bytes {
    static BLOCK: LazyLock<Bytes> =
        LazyLock::new(|| (0..PATTERN_BYTES * BLOCK_PATTERNS).map(pattern).collect());
    BLOCK.clone()
}

/// The pattern repeats after this many bytes.
const PATTERN_BYTES: usize = LETTERS.len() * LETTERS.len();
const BLOCK_PATTERNS: usize = 50;
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests;
