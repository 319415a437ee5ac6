//! The head of a response, RFC 9112 section 4.

use super::{
    BodyLength, Facts, Field, FieldName, HEAD_BYTES_CEILING, HeadLimits, Method, ParseError,
    Parsed, Phase, Section, Span, VERSION_BYTES, Version, conclude, find, line_ends, scan, version,
};

/// The head of a response.
#[derive(Default, Debug)]
pub struct ResponseHead {
    pub version: Version,
    /// 100 to 999; RFC 9110 section 15 has clients take what is above 599 for a 5xx.
    pub status: u16,
    pub reason: Span,
    pub fields: Vec<Field>,
    /// Bytes of the head, with its empty line.
    pub len: usize,

    /// The sender can take another request on this connection, provided that the body of this
    /// response does not last until it closes.
    pub keep_alive: bool,
    /// The protocol switched to by a 101; HTTP/1.1 with `Connection: upgrade` only.
    pub upgrade: Option<Span>,
    /// What `Content-Length` said, whether or not a body follows.
    pub declared_length: Option<u64>,

    phase: Phase,
    section: Section,
    facts: Facts,
}

impl ResponseHead {
    /// As `RequestHead::parse`; no empty line may precede the status line, since bytes before a
    /// response are another response's. `Content-Length` is marked as not to be forwarded where it
    /// must not be, in 1xx and 204, RFC 9110 section 8.6.
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

    /// How long the body is that follows, given what was asked, RFC 9112 section 6.3.
    #[inline]
    pub fn body_length(&self, request: Method) -> BodyLength {
        self.facts.framing.of_response(self.status, request)
    }

    /// Another response to the same request follows. A 101 is final: it ends HTTP/1.1.
    #[inline]
    pub const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
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
        if self.phase == Phase::Before && !self.status_line(bytes)? {
            return Ok(None);
        }
        let end = self.section.read(bytes, limits.fields_max, &mut self.fields, &mut self.facts)?;
        if end.is_some() {
            self.finish(bytes)?;
        }
        Ok(end)
    }

    /// `version SP status [ SP [ reason ] ] CRLF`. The second space is asked for by the grammar and
    /// left out by enough servers; without it nothing can be read in two ways.
    #[inline]
    fn status_line(&mut self, bytes: &[u8]) -> Result<bool, ParseError> {
        let Some(version) = version(bytes, 0)? else { return Ok(false) };
        let Some(status) = status(bytes)? else { return Ok(false) };
        let start = STATUS_END + 1;
        let end = match bytes.get(STATUS_END) {
            Some(b' ') => scan::value_end(bytes, self.section.scanned.max(start)),
            Some(b'\r' | b'\n') | None => STATUS_END,
            Some(_) => return Err(ParseError::BadStatus),
        };
        self.section.scanned = end;
        if !line_ends(bytes, end, ParseError::BadReason)? {
            return Ok(false);
        }
        self.version = version;
        self.status = status;
        self.reason = Span::between(start.min(end), end);
        self.section.begin(end + 2);
        self.phase = Phase::Fields;
        Ok(true)
    }

    #[inline]
    fn finish(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        self.facts.read_connection(bytes, &mut self.fields)?;
        let facts = &self.facts;
        facts.framing.check(self.version)?;
        let modern = self.version == Version::Http11;
        self.keep_alive = !facts.connection.close && (modern || facts.connection.keep_alive);
        self.declared_length = facts.framing.declared_length();
        if self.status == 101 && modern && facts.connection.upgrade {
            self.upgrade = facts.upgrade;
        }
        if self.declared_length.is_some() && matches!(self.status, 100..200 | 204) {
            let lengths = self.fields.iter_mut().filter(|f| f.id == FieldName::ContentLength);
            lengths.for_each(|field| field.hop = true);
        }
        Ok(())
    }
}

const STATUS_START: usize = VERSION_BYTES + 1;
const STATUS_END: usize = STATUS_START + 3;

/// The status code; `None` when more bytes are needed.
#[inline]
fn status(bytes: &[u8]) -> Result<Option<u16>, ParseError> {
    match bytes.get(VERSION_BYTES..).unwrap_or_default() {
        [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            Ok(Some(digit(a) * 100 + digit(b) * 10 + digit(c)))
        }
        [] | [b' '] | [b' ', b'1'..=b'9'] | [b' ', b'1'..=b'9', b'0'..=b'9'] => Ok(None),
        _ => Err(ParseError::BadStatus),
    }
}
