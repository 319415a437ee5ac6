//! `directResponse`: an answer without asking anyone, written out or made by expressions.

use serde::{Serialize, Serializer};

use super::super::expression::{Expression, Wants, When};
use super::super::reader::{Cursor, Table};
use super::transformation::{Values, read_values};
use crate::limits::DIRECT_BODY_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectResponse {
    pub status: u16,
    #[serde(skip_serializing_if = "Body::is_empty")]
    pub body: Body,
    /// In its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_expression: Option<Expression>,
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub headers: Values,
}

/// Text where it is text, else a list of numbers, as in agentgateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(pub Vec<u8>);

impl DirectResponse {
    pub(super) fn of(table: &mut Table<'_>) -> Option<Self> {
        let status = table.must("status", |c| c.integer(200..=599));
        let body = table.or("body", Body::default(), Body::read);
        let text = |c: &Cursor<'_>| Expression::read(c, Wants::Text, When::Request);
        let body_expression = table.maybe("bodyExpression", text);
        let headers =
            table.or("headers", Values::default(), |c| read_values(c, When::Request, &[]));
        if body_expression.is_some() && !body.is_empty() {
            table.fail("body and bodyExpression are two bodies: one of them is never used");
        }
        let has_body = body_expression.is_some() || !body.is_empty();
        // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
        if matches!(status, Some(204 | 205 | 304)) && has_body {
            table.fail("a response with this status has no body");
        }
        Some(Self { status: status?, body, body_expression, headers })
    }
}

impl Body {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let bytes: Vec<u8> = match cursor.is_list() {
            true => cursor.list().iter().filter_map(|c| c.integer(0..=255)).collect(),
            false => cursor.text()?.as_bytes().to_vec(),
        };
        if bytes.len() > DIRECT_BODY_BYTES_MAX {
            cursor.fail(&format!("more than {DIRECT_BODY_BYTES_MAX} bytes"));
            return None;
        }
        Some(Self(bytes))
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_seq(&self.0),
        }
    }
}
