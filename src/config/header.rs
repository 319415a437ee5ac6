//! Header fields that the user names or sets: tokens and values that cannot break a message out of
//! its frame. A value that looks like a credential by its name is a secret.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::reader::Cursor;
use super::scalar::{self, Secret};

/// As written, and compared so: a reload sees a change of case. Requests are matched without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldName(String);

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    Plain(String),
    Secret(Secret),
}

/// Fields in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(FieldName, FieldValue)>);

/// Fields that say where a message ends or belong to one connection: RFC 9110 section 7.6.1, RFC
/// 9112 section 6. The proxy writes them, and nobody else.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

const CREDENTIALS: [&str; 6] = ["authorization", "cookie", "api-key", "apikey", "token", "secret"];

impl FieldName {
    pub fn parse(text: &str) -> Result<Self, String> {
        match scalar::is_token(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{}` is not a header name", text.escape_debug())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For a request or response to be matched by. The pseudo names of HTTP/2 come with it.
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let text = cursor.text()?;
        if [":authority", ":method", ":path", ":scheme", ":status"].contains(&text) {
            cursor.fail_unsupported();
            return None;
        }
        cursor.parsed(Self::parse)
    }

    /// For a field that is added, set or removed.
    pub fn read_modified(cursor: &Cursor<'_>) -> Option<Self> {
        let name = cursor.parsed(Self::parse)?;
        may_modify(cursor, &name).then_some(name)
    }

    fn is_credential(&self) -> bool {
        let name = self.0.to_ascii_lowercase();
        CREDENTIALS.iter().any(|part| name.contains(part))
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FieldValue {
    /// The value that a modifier gives to a field. No message quotes it: it may be a secret.
    fn read(cursor: &Cursor<'_>, name: &FieldName) -> Option<Self> {
        let allowed = may_modify(cursor, name);
        let text = cursor.parsed(|text| {
            scalar::check_field_value(text)?;
            Ok(text.trim_matches([' ', '\t']).to_owned())
        })?;
        allowed.then(|| match name.is_credential() {
            true => Self::Secret(Secret::new(text)),
            false => Self::Plain(text),
        })
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

impl Fields {
    /// A table of name and value.
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut fields = Vec::new();
        for (name, mark, value) in cursor.named() {
            match FieldName::parse(name) {
                Ok(name) => {
                    fields.extend(FieldValue::read(&value, &name).map(|value| (name, value)))
                }
                Err(message) => cursor.session().fail(&mark, &message, None),
            }
        }
        Some(Self(fields))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Whether a modifier may touch the field; says so if not.
pub fn may_modify(cursor: &Cursor<'_>, name: &FieldName) -> bool {
    let lower = name.as_str().to_ascii_lowercase();
    if FRAMING.contains(&lower.as_str()) {
        cursor.fail(&format!("`{name}` frames the message or belongs to one connection"));
        return false;
    }
    true
}
