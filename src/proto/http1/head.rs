//! Heads out of bytes: `RequestHead` and `ResponseHead`, tables that a connection owns and reuses.
//!
//! They hold spans, not bytes; every span counts from the first byte given to `parse`, skipped
//! empty lines included. A head that did not end may be parsed again with more bytes appended; the
//! outcome is the same for every way the bytes can be split. Refuses all that RFC 9112 lets a
//! recipient refuse, and repairs nothing.

use super::section::{Expectation, Facts, Section, line_ends};
use super::{
    BodyLength, Field, FieldName, HeadLimits, Method, ParseError, Parsed, Scheme, Span, TargetForm,
    Version,
};
use crate::limits::{EMPTY_LINES_MAX, HEAD_BYTES_CEILING, METHOD_BYTES_MAX};
use crate::proto::scan;
use crate::proto::uri;

mod response;

pub use response::ResponseHead;

/// The head of a request.
#[derive(Default, Debug)]
pub struct RequestHead {
    pub method: Method,
    pub method_name: Span,
    pub target: Span,
    pub version: Version,
    pub fields: Vec<Field>,
    /// Bytes of the head, with its empty line and the empty lines skipped before it.
    pub len: usize,

    pub form: TargetForm,
    /// Of an absolute-form target.
    pub scheme: Option<Scheme>,
    /// The authority the request is for: that of the target when it has one, else `Host`. Valid as
    /// `uri-host [ ":" port ]`; empty only on HTTP/1.0.
    pub host: Span,
    /// What goes into an origin-form target. Empty, or without its `/` before the `?`, when an
    /// absolute-form target had no path: `path` says `/` then.
    pub path_and_query: Span,
    /// Behind the `?`; `None` without one.
    pub query: Option<Span>,

    pub body: BodyLength,
    /// The sender can take another response on this connection.
    pub keep_alive: bool,
    /// The sender waits for a 100 before it sends its body.
    pub expect_continue: bool,
    /// The protocols the sender would switch to; HTTP/1.1 with `Connection: upgrade` only.
    pub upgrade: Option<Span>,
    /// `TE: trailers` was there; the field itself is hop-by-hop.
    pub te_trailers: bool,

    phase: Phase,
    section: Section,
    facts: Facts,
    empty_lines: usize,
    /// Where the `?` of the target is, or 0.
    question_mark: usize,
}

/// Which part of a head comes next.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    #[default]
    Before,
    StartLine,
    Fields,
    /// The next `parse` starts a new head.
    Over,
}

impl RequestHead {
    /// Reads a head from the start of `bytes`. After `Partial`, call it again with the same bytes
    /// and more. After `Complete` or an error the next call starts anew.
    ///
    /// `Expect` is marked as not to be forwarded where the sender cannot mean it: without a body,
    /// or on HTTP/1.0, RFC 9110 section 10.1.1.
    pub fn parse(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<Parsed, ParseError> {
        if self.phase == Phase::Over {
            self.reset();
        }
        let ceiling = limits.head_bytes_max.min(HEAD_BYTES_CEILING);
        let bytes = &bytes[..bytes.len().min(ceiling)];
        let outcome = self.advance(bytes, limits);
        conclude(outcome, bytes.len() == ceiling, &mut self.phase, &mut self.len)
    }

    /// Forgets everything but the room of the table.
    pub fn reset(&mut self) {
        self.fields.clear();
        *self = Self { fields: std::mem::take(&mut self.fields), ..Self::default() };
    }

    /// A byte of a request line has been seen: silence from now on is a slow client, not an idle
    /// one.
    pub fn started(&self) -> bool {
        self.phase != Phase::Before
    }

    /// The path of the target as it was written, `/` when it had none, `*` for the asterisk-form.
    /// Empty for CONNECT.
    #[inline]
    pub fn path<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let written = self.path_and_query.of(bytes);
        let path = match self.query {
            Some(query) => &written[..written.len() - query.len as usize - 1],
            None => written,
        };
        if path.is_empty() && self.form == TargetForm::Absolute { b"/" } else { path }
    }

    /// The first field of that name.
    pub fn field(&self, id: FieldName) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The value of the first field of that name.
    pub fn value<'a>(&self, bytes: &'a [u8], id: FieldName) -> Option<&'a [u8]> {
        self.field(id).map(|field| field.value.of(bytes))
    }

    /// The values of all fields of that name, in their order.
    pub fn values<'a>(&'a self, bytes: &'a [u8], id: FieldName) -> impl Iterator<Item = &'a [u8]> {
        let called = self.fields.iter().filter(move |field| field.id == id);
        called.map(|field| field.value.of(bytes))
    }

    /// The value of the first field called `name`, which is in lower case.
    pub fn find(&self, bytes: &[u8], name: &[u8]) -> Option<Span> {
        find(&self.fields, bytes, name)
    }

    #[inline]
    fn advance(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<Option<usize>, ParseError> {
        if self.phase == Phase::Before && !self.skip_empty_lines(bytes)? {
            return Ok(None);
        }
        if self.phase == Phase::StartLine && !self.request_line(bytes, limits)? {
            return Ok(None);
        }
        let end = self.section.read(bytes, limits.fields_max, &mut self.fields, &mut self.facts)?;
        if end.is_some() {
            self.finish(bytes)?;
        }
        Ok(end)
    }

    /// Empty lines before a request line, RFC 9112 section 2.2. True when the line is reached.
    #[inline]
    fn skip_empty_lines(&mut self, bytes: &[u8]) -> Result<bool, ParseError> {
        loop {
            match bytes.get(self.section.line) {
                None => return Ok(false),
                Some(b'\r') => {}
                Some(b'\n') => return Err(ParseError::BareLf),
                Some(_) => break,
            }
            if !line_ends(bytes, self.section.line, ParseError::BareCr)? {
                return Ok(false);
            }
            self.empty_lines += 1;
            if self.empty_lines > EMPTY_LINES_MAX {
                return Err(ParseError::TooManyEmptyLines);
            }
            self.section.begin(self.section.line + 2);
        }
        self.phase = Phase::StartLine;
        Ok(true)
    }

    /// `method SP target SP version CRLF`, RFC 9112 section 3. True when the line is complete.
    #[inline]
    fn request_line(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<bool, ParseError> {
        let line = self.section.line;
        let method_end = scan::token_end(bytes, line);
        match bytes.get(method_end) {
            _ if method_end - line > METHOD_BYTES_MAX => return Err(ParseError::BadMethod),
            None => return Ok(false),
            Some(b' ') if method_end > line => {}
            Some(b'\n') if method_end > line => return Err(ParseError::BareLf),
            Some(_) => return Err(ParseError::BadMethod),
        }
        let start = method_end + 1;
        let end = self.target_end(bytes, start);
        if end - start > limits.target_bytes_max {
            return Err(ParseError::TargetTooLong);
        }
        match bytes.get(end) {
            None => return Ok(false),
            Some(b' ') if end > start => {}
            // A line without a version is HTTP/0.9, or nothing at all.
            Some(b'\r' | b'\n') if end > start => {
                let ends = line_ends(bytes, end, ParseError::BadTarget)?;
                return if ends { Err(ParseError::BadVersion) } else { Ok(false) };
            }
            Some(_) => return Err(ParseError::BadTarget),
        }
        let Some(version) = version(bytes, end + 1)? else { return Ok(false) };
        let line_end = end + 1 + VERSION_BYTES;
        if !line_ends(bytes, line_end, ParseError::BadVersion)? {
            return Ok(false);
        }
        self.version = version;
        self.method_name = Span::between(line, method_end);
        self.method = Method::parse(&bytes[line..method_end]);
        self.target = Span::between(start, end);
        self.place_target(bytes)?;
        self.section.begin(line_end + 2);
        self.phase = Phase::Fields;
        Ok(true)
    }

    /// Scans the target from where the last call stopped; remembers where its query starts.
    #[inline]
    fn target_end(&mut self, bytes: &[u8], start: usize) -> usize {
        let mut at = self.section.scanned.max(start);
        if self.question_mark == 0 {
            at = scan::path_end(bytes, at);
            if bytes.get(at) == Some(&b'?') {
                self.question_mark = at;
            }
        }
        if self.question_mark != 0 {
            at = scan::query_end(bytes, at);
        }
        self.section.scanned = at;
        at
    }

    /// Which form the target has, and where its parts are, RFC 9112 section 3.2.
    #[inline]
    fn place_target(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        let (start, end) = (self.target.start as usize, self.target.end());
        if self.question_mark != 0 {
            self.query = Some(Span::between(self.question_mark + 1, end));
        }
        if bytes[start] == b'/' && self.method != Method::Connect {
            self.form = TargetForm::Origin;
            self.path_and_query = self.target;
            return Ok(());
        }
        let target = self.target.of(bytes);
        let form = uri::target(target, self.method).ok_or(ParseError::BadTarget)?;
        let authority =
            |range: std::ops::Range<usize>| Span::between(start + range.start, start + range.end);
        match form {
            uri::Target::Asterisk => {
                self.form = TargetForm::Asterisk;
                self.path_and_query = self.target;
            }
            uri::Target::Authority => {
                self.form = TargetForm::Authority;
                self.host = self.target;
            }
            uri::Target::Absolute(scheme, range) => {
                self.form = TargetForm::Absolute;
                self.scheme = Some(scheme);
                self.path_and_query = Span::between(start + range.end, end);
                self.host = authority(range);
            }
        }
        Ok(())
    }

    /// What can only be said when all fields are there.
    #[inline]
    fn finish(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        self.facts.read_connection(bytes, &mut self.fields)?;
        let facts = &self.facts;
        let modern = self.version == Version::Http11;
        // RFC 9112 section 3.2: every HTTP/1.1 request has one valid Host, also one whose target
        // has an authority that replaces it.
        match facts.hosts {
            0 if modern => return Err(ParseError::NoHost),
            0 => {}
            1 if uri::is_authority(facts.host.of(bytes)) => {}
            1 => return Err(ParseError::BadHost),
            _ => return Err(ParseError::TwoHosts),
        }
        if matches!(self.form, TargetForm::Origin | TargetForm::Asterisk) {
            self.host = facts.host;
        }
        self.body = facts.framing.of_request(self.version)?;
        if facts.expect == Expectation::Unknown && modern {
            return Err(ParseError::BadExpect);
        }
        self.keep_alive = !facts.connection.close && (modern || facts.connection.keep_alive);
        self.upgrade = facts.upgrade.filter(|_| modern && facts.connection.upgrade);
        self.te_trailers = facts.te_trailers;
        if facts.expect != Expectation::None {
            self.expect_continue = modern && self.body != BodyLength::None;
            let hop = !self.expect_continue;
            let fields = self.fields.iter_mut();
            fields.filter(|field| field.id == FieldName::Expect).for_each(|field| field.hop = hop);
        }
        Ok(())
    }
}

const VERSION_BYTES: usize = "HTTP/1.1".len();

/// What `parse` says of an outcome; a head that fills all there may be and did not end is too large.
#[inline]
fn conclude(
    outcome: Result<Option<usize>, ParseError>,
    full: bool,
    phase: &mut Phase,
    len: &mut usize,
) -> Result<Parsed, ParseError> {
    match outcome {
        Ok(None) if !full => return Ok(Parsed::Partial),
        Ok(Some(end)) => *len = end,
        Ok(None) | Err(_) => {}
    }
    *phase = Phase::Over;
    match outcome {
        Ok(Some(_)) => Ok(Parsed::Complete),
        Ok(None) => Err(ParseError::HeadTooLarge),
        Err(error) => Err(error),
    }
}

/// The version at `at`; `None` when more bytes are needed.
#[inline]
fn version(bytes: &[u8], at: usize) -> Result<Option<Version>, ParseError> {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<VERSION_BYTES>) {
        Some(b"HTTP/1.1") => Ok(Some(Version::Http11)),
        Some(b"HTTP/1.0") => Ok(Some(Version::Http10)),
        _ => other_version(bytes.get(at..).unwrap_or_default()),
    }
}

#[cold]
fn other_version(bytes: &[u8]) -> Result<Option<Version>, ParseError> {
    for (byte, expected) in bytes.iter().zip(b"HTTP/0.0") {
        let fits = byte == expected || (*expected == b'0' && byte.is_ascii_digit());
        if !fits {
            return Err(ParseError::BadVersion);
        }
    }
    if bytes.len() < VERSION_BYTES { Ok(None) } else { Err(ParseError::VersionUnsupported) }
}

fn find(fields: &[Field], bytes: &[u8], name: &[u8]) -> Option<Span> {
    let id = FieldName::parse(name);
    let called = |field: &&Field| {
        field.id == id
            && (id != FieldName::Other || field.name.of(bytes).eq_ignore_ascii_case(name))
    };
    fields.iter().find(called).map(|field| field.value)
}

#[cfg(test)]
mod tests;
