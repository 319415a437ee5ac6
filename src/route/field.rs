//! Header fields that a configuration adds: checked and encoded once, at load. Refuses what would
//! let a configured value end its line or change how long a message is.

use std::error::Error;
use std::fmt;

/// Appends `name: value` and a line end. The value goes without space around it.
pub fn encode(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), FieldError> {
    check_name(name)?;
    let value = value.trim_matches([' ', '\t']);
    // RFC 9110 section 5.5; a tab is the one control character in it.
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(FieldError::BadValue);
    }
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// Whether a field of this name may be set, added or removed at all.
pub fn check_name(name: &str) -> Result<(), FieldError> {
    if !is_token(name) {
        return Err(FieldError::BadName);
    }
    if OWN_FIELDS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(FieldError::Reserved);
    }
    Ok(())
}

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(good)
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    BadName,
    BadValue,
    /// It frames a message or speaks of one connection: the proxy alone writes it.
    Reserved,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadName => "not a header name",
            Self::BadValue => "a header value with a control character",
            Self::Reserved => "a header that the proxy alone writes",
        })
    }
}

impl Error for FieldError {}

const OWN_FIELDS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests;
