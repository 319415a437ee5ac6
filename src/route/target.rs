//! What a route points to, by id: the things themselves belong to bands above.

use std::error::Error;
use std::fmt;

use super::field::{self, FieldError};
use super::split::Split;
use crate::base::id::{ClusterId, LlmId};
use crate::limits::REPLY_BODY_BYTES_MAX;

/// Where the requests of a route end.
#[derive(Clone, Debug)]
pub enum Target {
    /// Clusters by weight. The place that `Split::pick` tells is that of the backend in the file:
    /// what is compiled for one backend of the route alone is found by it.
    Clusters(Split<ClusterId>),
    /// Providers of models, by what a request's body says.
    Llm(LlmId),
    /// An answer without asking anyone.
    Reply(FixedReply),
}

/// A reply known at load: its fields are encoded once, the length of its body with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedReply {
    status: u16,
    fields: Box<[u8]>,
    body: Box<[u8]>,
}

impl FixedReply {
    /// `fields` are names and values, checked and encoded here.
    pub fn compile(
        status: u16,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Self, FixedReplyError> {
        if !(200..=599).contains(&status) {
            return Err(FixedReplyError::BadStatus);
        }
        if body.len() > REPLY_BODY_BYTES_MAX {
            return Err(FixedReplyError::BodyTooLarge);
        }
        // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
        if matches!(status, 204 | 205 | 304) && !body.is_empty() {
            return Err(FixedReplyError::BodyNotAllowed);
        }
        let mut encoded = Vec::new();
        for (name, value) in fields {
            field::encode(name, value, &mut encoded).map_err(FixedReplyError::Field)?;
        }
        // RFC 9110 section 8.6: none in a 204; in a 304 it would speak of what a 200 has.
        if !matches!(status, 204 | 304) {
            encoded.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        Ok(Self { status, fields: encoded.into(), body: body.into() })
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whole lines, Content-Length among them where a status has one.
    pub fn fields(&self) -> &[u8] {
        &self.fields
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixedReplyError {
    /// Not a final one.
    BadStatus,
    BodyTooLarge,
    /// A status that has no body.
    BodyNotAllowed,
    Field(FieldError),
}

impl fmt::Display for FixedReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadStatus => f.write_str("not a status from 200 to 599"),
            Self::BodyTooLarge => write!(f, "a body of more than {REPLY_BODY_BYTES_MAX} bytes"),
            Self::BodyNotAllowed => f.write_str("a body with a status that has none"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl Error for FixedReplyError {}

#[cfg(test)]
mod tests;
