//! Answers of HTTP/1.1 out of a stream of bytes. As strict as it must be to know where an answer
//! ends, and no stricter: what it says about a server must be the server's fault. Owns the state of
//! one answer; the bytes stay its user's.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use self::chunked::Chunked;
use crate::outcome::Fault;

mod chunked;

/// One answer, from its first byte to its last.
#[derive(Debug)]
pub(crate) struct Reader {
    stage: Stage,
    interims: u32,
    /// Whether it answers a HEAD, and so has no body whatever its head says.
    bodiless: bool,
    close: bool,
}

/// The last head of a connection. The next one is mostly the same, byte by byte, and then need not
/// be searched for its end, nor parsed.
#[derive(Debug, Default)]
pub(crate) struct Familiar {
    raw: Vec<u8>,
    head: Option<Head>,
}

/// Who looks at what comes.
pub(crate) trait Sink {
    /// The head with all its lines, of the final answer.
    fn head(&mut self, status: u16, head: &[u8]);
    fn body(&mut self, part: &[u8]);
}

/// What a piece of input came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) used: usize,
    pub(crate) done: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Head,
    Length(u64),
    Chunked(Chunked),
    ToClose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    ToClose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    framing: Framing,
    close: bool,
}

impl Reader {
    pub(crate) fn new(bodiless: bool) -> Self {
        Self { stage: Stage::Head, interims: 0, bodiless, close: false }
    }

    /// Whether the connection may not be used again.
    pub(crate) fn closes(&self) -> bool {
        self.close || matches!(self.stage, Stage::ToClose)
    }

    /// Whether the body has begun, so that large reads are worth their memory.
    pub(crate) fn in_body(&self) -> bool {
        !matches!(self.stage, Stage::Head)
    }

    /// Takes in what it can. What is not used must be there again at the front of the next piece.
    pub(crate) fn push(
        &mut self,
        input: &[u8],
        familiar: &mut Familiar,
        sink: &mut impl Sink,
    ) -> Result<Step, Fault> {
        let mut used = 0;
        while matches!(self.stage, Stage::Head) {
            let Some((head, length)) = familiar.head(&input[used..])? else {
                return Ok(Step { used, done: false });
            };
            let done = self.take_head(head, &input[used..used + length], sink)?;
            used += length;
            if done {
                return Ok(Step { used, done });
            }
        }
        let step = self.take_body(&input[used..], sink)?;
        Ok(Step { used: used + step.used, done: step.done })
    }

    /// At the end of the connection.
    pub(crate) fn finish(&self, any_byte: bool) -> Result<(), Fault> {
        match self.stage {
            Stage::ToClose => Ok(()),
            Stage::Head if !any_byte && self.interims == 0 => Err(Fault::ClosedUnanswered),
            _ => Err(Fault::ClosedMidway),
        }
    }

    /// Whether the answer is over with it.
    fn take_head(&mut self, head: Head, raw: &[u8], sink: &mut impl Sink) -> Result<bool, Fault> {
        if head.status < 200 && head.status != 101 {
            self.interims += 1;
            return if self.interims > INTERIMS_MAX {
                Err(Fault::EndlessInterim)
            } else {
                Ok(false)
            };
        }
        self.close = head.close;
        sink.head(head.status, raw);
        if self.bodiless || matches!(head.status, 101 | 204 | 304) {
            return Ok(true);
        }
        self.stage = match head.framing {
            Framing::Length(0) => return Ok(true),
            Framing::Length(length) => Stage::Length(length),
            Framing::Chunked => Stage::Chunked(Chunked::default()),
            Framing::ToClose => Stage::ToClose,
        };
        Ok(false)
    }

    fn take_body(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<Step, Fault> {
        match &mut self.stage {
            Stage::Head => Ok(Step { used: 0, done: false }),
            Stage::Length(left) => {
                let used = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                sink.body(&input[..used]);
                *left -= used as u64;
                Ok(Step { used, done: *left == 0 })
            }
            Stage::Chunked(chunked) => chunked.push(input, sink).map_err(Fault::Malformed),
            Stage::ToClose => {
                sink.body(input);
                Ok(Step { used: input.len(), done: false })
            }
        }
    }
}

impl Familiar {
    /// The head at the front of the input, and its length with the empty line at its end.
    fn head(&mut self, input: &[u8]) -> Result<Option<(Head, usize)>, Fault> {
        if let Some(head) = self.head
            && input.starts_with(&self.raw)
        {
            return Ok(Some((head, self.raw.len())));
        }
        let Some(length) = head_length(input)? else { return Ok(None) };
        let head = parse_head(&input[..length]).map_err(Fault::Malformed)?;
        if length <= FAMILIAR_BYTES_MAX {
            self.raw.clear();
            self.raw.extend_from_slice(&input[..length]);
            self.head = Some(head);
        }
        Ok(Some((head, length)))
    }
}

/// How long the head is, with the empty line at its end.
fn head_length(input: &[u8]) -> Result<Option<usize>, Fault> {
    static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
    if !input.starts_with(&b"HTTP/1."[..input.len().min(7)]) {
        return Err(Fault::Malformed("it does not begin with HTTP/1."));
    }
    match END.find(input) {
        Some(at) => Ok(Some(at + 4)),
        None if input.len() >= HEAD_BYTES_MAX => Err(Fault::Malformed("the head is too long")),
        None => Ok(None),
    }
}

fn parse_head(head: &[u8]) -> Result<Head, &'static str> {
    let status = match head.get(7..13) {
        Some(&[b'0' | b'1', b' ', a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', after])
            if after == b' ' || after == b'\r' =>
        {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => return Err("bad status line"),
    };
    let mut found = Head { status, framing: Framing::ToClose, close: head[7] == b'0' };
    let mut lines = Lines(&head[..head.len() - 2]);
    lines.next();
    for line in lines {
        found.take_line(line)?;
    }
    Ok(found)
}

impl Head {
    /// Told apart by the length of the name first: most lines cost one comparison.
    fn take_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let Some(colon) = memchr::memchr(b':', line) else { return Err("a line without a colon") };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        match colon {
            0 => return Err("a field without a name"),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = parse_length(value).ok_or("bad Content-Length")?;
                match self.framing {
                    Framing::Length(other) if other != length => return Err("two lengths"),
                    Framing::Chunked => (),
                    _ => self.framing = Framing::Length(length),
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if !ends_in_chunked(value) {
                    return Err("unknown Transfer-Encoding");
                }
                self.framing = Framing::Chunked;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.close |= has_token(value, b"close");
                self.close &= !has_token(value, b"keep-alive");
            }
            _ => (),
        }
        Ok(())
    }
}

/// The value of a field in a head, of the first line that has it.
pub(crate) fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    Lines(head).skip(1).find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let same = line[..colon].eq_ignore_ascii_case(name.as_bytes());
        same.then(|| line[colon + 1..].trim_ascii())
    })
}

/// Lines without their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.0).unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
    }
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    value.iter().try_fold(0u64, |length, byte| match byte {
        b'0'..=b'9' => Some(length * 10 + u64::from(byte - b'0')),
        _ => None,
    })
}

fn ends_in_chunked(value: &[u8]) -> bool {
    let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(token))
}

pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
const INTERIMS_MAX: u32 = 100;
/// Ten thousand connections remember a head each.
const FAMILIAR_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests;
