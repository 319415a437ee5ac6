//! Requests of HTTP/1.1 as an origin sees them: a head out of bytes, and how its body ends. What
//! is wrong is refused; what is odd is let through, since an origin has no secrets to smuggle.

use std::ops::Range;

/// A whole head. It points into the bytes that it was read from, which it does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: Range<usize>,
    pub(super) target: Range<usize>,
    fields: Vec<(Range<usize>, Range<usize>)>,
    pub(super) bytes: usize,
    pub(super) body: Length,
    pub(super) keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Known(u64),
    Chunked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A head with the bytes that it points into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    input: &'a [u8],
    head: &'a Head,
}

/// `None`: more bytes are needed.
pub(super) fn parse(input: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let bytes = match request.parse(input) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Malformed),
    };
    let range = |part: &[u8]| {
        let begin = part.as_ptr() as usize - input.as_ptr() as usize;
        begin..begin + part.len()
    };
    let (mut body, mut keep) = (Length::Known(0), request.version == Some(1));
    for field in request.headers.iter() {
        let value = std::str::from_utf8(field.value).unwrap_or_default();
        if field.name.eq_ignore_ascii_case("content-length") {
            body = Length::Known(value.trim().parse().map_err(|_| Malformed)?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            body = Length::Chunked;
        } else if field.name.eq_ignore_ascii_case("connection") {
            keep = !value.eq_ignore_ascii_case("close")
                && (keep || value.eq_ignore_ascii_case("keep-alive"));
        }
    }
    let parts = request.headers.iter().map(|f| (range(f.name.as_bytes()), range(f.value)));
    Ok(Some(Head {
        method: range(request.method.ok_or(Malformed)?.as_bytes()),
        target: range(request.path.ok_or(Malformed)?.as_bytes()),
        fields: parts.collect(),
        bytes,
        body,
        keep,
    }))
}

impl<'a> Request<'a> {
    pub(super) fn new(input: &'a [u8], head: &'a Head) -> Self {
        Self { input, head }
    }

    pub(super) fn method(self) -> &'a str {
        self.text(&self.head.method)
    }

    pub(super) fn target(self) -> &'a str {
        self.text(&self.head.target)
    }

    /// Without the query.
    pub(super) fn path(self) -> &'a str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    pub(super) fn query(self) -> &'a str {
        self.target().split_once('?').map_or("", |(_, query)| query)
    }

    /// The first field of this name. Empty where it is not text.
    pub(super) fn field(self, name: &str) -> Option<&'a str> {
        let named = |(field, _): &&(Range<usize>, _)| self.text(field).eq_ignore_ascii_case(name);
        self.head.fields.iter().find(named).map(|(_, value)| self.text(value))
    }

    fn text(self, range: &Range<usize>) -> &'a str {
        std::str::from_utf8(&self.input[range.clone()]).unwrap_or_default()
    }
}

/// Decodes a chunked body as it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    /// Of the chunk that is being read, with the line end behind it.
    left: u64,
    trailer: bool,
    over: bool,
}

impl Chunks {
    /// Takes what it can of `input`, gives the content to `content`, and says how many bytes it
    /// took, and whether the body is over.
    pub(super) fn push(
        &mut self,
        input: &[u8],
        mut content: impl FnMut(&[u8]),
    ) -> Result<(usize, bool), Malformed> {
        let mut at = 0;
        while !self.over {
            let rest = &input[at..];
            let taken =
                if self.left > 0 { self.inside(rest, &mut content) } else { self.line(rest)? };
            if taken == 0 {
                break;
            }
            at += taken;
        }
        Ok((at, self.over))
    }

    /// How much of the chunk and its line end is there.
    fn inside(&mut self, rest: &[u8], content: &mut impl FnMut(&[u8])) -> usize {
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let taken = rest.len().min(count(self.left));
        content(&rest[..taken.min(count(self.left.saturating_sub(LINE_END)))]);
        self.left -= taken as u64;
        taken
    }

    /// A whole line between chunks: a size, or of the trailer. 0: it is not there yet.
    fn line(&mut self, rest: &[u8]) -> Result<usize, Malformed> {
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return if rest.len() > CHUNK_LINE_MAX { Err(Malformed) } else { Ok(0) };
        };
        if self.trailer {
            self.over = end == 0;
            return Ok(end + 2);
        }
        let line = std::str::from_utf8(&rest[..end]).map_err(|_| Malformed)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        match u64::from_str_radix(size, 16).map_err(|_| Malformed)? {
            0 => self.trailer = true,
            size => self.left = size.checked_add(LINE_END).ok_or(Malformed)?,
        }
        Ok(end + 2)
    }
}

const LINE_END: u64 = 2;
pub(super) const FIELDS_MAX: usize = 128;
const CHUNK_LINE_MAX: usize = 4096;

#[cfg(test)]
mod tests;
