//! The field section of a head: lines out of bytes, and what they say about the message itself.
//!
//! Reads each byte about once however the head arrives: `Section` remembers the line and how far
//! into it the scan had got. The result depends on the bytes alone, never on how they were split:
//! an error is told at the first byte that proves it.

use super::{Field, FieldName, ParseError, Span, framing::Framing};
use crate::limits::CONNECTION_OPTIONS_MAX;
use crate::proto::{header, scan};

/// How far the reading of a head has got.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Section {
    /// Where the unfinished line starts.
    pub line: usize,
    /// Where its colon is, or 0. No line has its colon at the start of a head.
    pub colon: usize,
    /// Up to where it has been scanned without a decision.
    pub scanned: usize,
    /// Its name, when the colon has been seen.
    id: FieldName,
}

impl Section {
    /// Reads the lines that `bytes` completes into `fields`; `Some(end)` behind the empty line.
    #[inline]
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        fields_max: usize,
        fields: &mut Vec<Field>,
        facts: &mut Facts,
    ) -> Result<Option<usize>, ParseError> {
        loop {
            if self.colon == 0 && !self.reach_colon(bytes) {
                return self.without_colon(bytes);
            }
            if fields.len() >= fields_max {
                return Err(ParseError::TooManyFields);
            }
            self.scanned = scan::value_end(bytes, self.scanned);
            if !line_ends(bytes, self.scanned, ParseError::BadFieldValue)? {
                return Ok(None);
            }
            let field = self.field(bytes);
            fields.push(field);
            if field.id.is_noted() {
                facts.note(field, bytes)?;
            }
            self.begin(self.scanned + 2);
        }
    }

    /// Starts at `line`.
    #[inline]
    pub(super) fn begin(&mut self, line: usize) {
        *self = Self { line, colon: 0, scanned: line, id: FieldName::Other };
    }

    /// Scans the name of the line; false when no colon follows it.
    #[inline]
    fn reach_colon(&mut self, bytes: &[u8]) -> bool {
        let known = bytes.get(self.line..).and_then(FieldName::recognise);
        if let Some((id, length)) = known {
            self.id = id;
            self.colon = self.line + length;
            self.scanned = self.colon + 1;
            return true;
        }
        self.scanned = scan::token_end(bytes, self.scanned);
        let found = bytes.get(self.scanned) == Some(&b':') && self.scanned > self.line;
        if found {
            self.id = FieldName::parse(&bytes[self.line..self.scanned]);
            self.colon = self.scanned;
            self.scanned += 1;
        }
        found
    }

    /// The line, whose value ends where the scan has got to.
    #[inline]
    fn field(&self, bytes: &[u8]) -> Field {
        let (start, end) = scan::trimmed(bytes, self.colon + 1, self.scanned);
        Field {
            name: Span::between(self.line, self.colon),
            value: Span::between(start, end),
            id: self.id,
            hop: self.id.is_hop_by_hop(),
        }
    }

    /// The line stops where it should have a colon: it is the empty one, or not there yet, or bad.
    #[inline]
    fn without_colon(&self, bytes: &[u8]) -> Result<Option<usize>, ParseError> {
        let first = self.scanned == self.line;
        match bytes.get(self.scanned) {
            None => Ok(None),
            Some(b'\r') if first => {
                let ends = line_ends(bytes, self.scanned, ParseError::BareCr)?;
                Ok(ends.then_some(self.scanned + 2))
            }
            Some(b'\n') => Err(ParseError::BareLf),
            Some(b' ' | b'\t') if first => Err(ParseError::ObsFold),
            Some(b' ' | b'\t') => Err(ParseError::SpaceBeforeColon),
            Some(_) => Err(ParseError::BadFieldName),
        }
    }
}

/// Whether CRLF stands at `at`; false when that is not known yet. `otherwise` is the error for a
/// byte that belongs to no line end.
#[inline]
pub(super) fn line_ends(
    bytes: &[u8],
    at: usize,
    otherwise: ParseError,
) -> Result<bool, ParseError> {
    match bytes.get(at..) {
        Some([b'\r', b'\n', ..]) => Ok(true),
        None | Some([] | [b'\r']) => Ok(false),
        Some([b'\r', ..]) => Err(ParseError::BareCr),
        Some([b'\n', ..]) => Err(ParseError::BareLf),
        Some(_) => Err(otherwise),
    }
}

/// What the fields of a head say about the message itself, gathered while they are read.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Facts {
    pub framing: Framing,
    pub hosts: u8,
    pub host: Span,
    pub connection: Options,
    pub upgrade: Option<Span>,
    pub expect: Expectation,
    pub te_trailers: bool,
    /// A `Connection` field has more than one of the options that are no field's name.
    listed: bool,
    /// How many options they had.
    options: usize,
}

/// What `Connection` said.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Options {
    pub close: bool,
    pub keep_alive: bool,
    pub upgrade: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Expectation {
    #[default]
    None,
    Continue,
    /// Anything else: an expectation that nobody can meet.
    Unknown,
}

impl Facts {
    #[inline]
    fn note(&mut self, field: Field, bytes: &[u8]) -> Result<(), ParseError> {
        let value = field.value.of(bytes);
        match field.id {
            FieldName::Host => {
                self.hosts = self.hosts.saturating_add(1);
                self.host = field.value;
            }
            FieldName::ContentLength => self.framing.content_length(value)?,
            FieldName::TransferEncoding => self.framing.transfer_encoding(value)?,
            FieldName::Connection => self.listed |= !self.connection.take(value),
            FieldName::Upgrade if self.upgrade.is_none() => self.upgrade = Some(field.value),
            FieldName::Expect => self.expect = self.expect.and(value),
            FieldName::Te => self.te_trailers |= header::lists(value, b"trailers"),
            _ => {}
        }
        Ok(())
    }

    /// Reads the `Connection` fields, when all fields are there, and marks what they list.
    #[inline]
    pub(super) fn read_connection(
        &mut self,
        bytes: &[u8],
        fields: &mut [Field],
    ) -> Result<(), ParseError> {
        if !self.listed {
            return Ok(());
        }
        for index in 0..fields.len() {
            if fields[index].id == FieldName::Connection {
                self.read_options(fields[index].value, bytes, fields)?;
            }
        }
        Ok(())
    }

    fn read_options(
        &mut self,
        list: Span,
        bytes: &[u8],
        fields: &mut [Field],
    ) -> Result<(), ParseError> {
        for option in header::elements(list.of(bytes)) {
            self.options += 1;
            if self.options > CONNECTION_OPTIONS_MAX {
                return Err(ParseError::TooManyOptions);
            }
            if !self.connection.take(option) {
                mark_listed(option, bytes, fields);
            }
        }
        Ok(())
    }
}

impl Options {
    /// Takes an option that is not the name of a field.
    #[inline]
    fn take(&mut self, option: &[u8]) -> bool {
        let known = match option.len() {
            5 if option.eq_ignore_ascii_case(b"close") => &mut self.close,
            10 if option.eq_ignore_ascii_case(b"keep-alive") => &mut self.keep_alive,
            7 if option.eq_ignore_ascii_case(b"upgrade") => &mut self.upgrade,
            _ => return false,
        };
        *known = true;
        true
    }
}

impl Expectation {
    /// Exactly `100-continue`, once: a list or a repetition is read differently from parser to
    /// parser, which is how the Expect desynchronisations of 2025 worked.
    fn and(self, value: &[u8]) -> Self {
        if self == Self::None && value.eq_ignore_ascii_case(b"100-continue") {
            Self::Continue
        } else {
            Self::Unknown
        }
    }
}

fn mark_listed(option: &[u8], bytes: &[u8], fields: &mut [Field]) {
    let id = FieldName::parse(option);
    if id.is_protected() {
        return;
    }
    for field in fields.iter_mut().filter(|field| field.id == id) {
        if field.name.of(bytes).eq_ignore_ascii_case(option) {
            field.hop = true;
        }
    }
}
