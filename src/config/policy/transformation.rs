//! `transformations`: headers and bodies that expressions make, of a request on its way to the backend and of
//! a response on its way to the client.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::expression::{Expression, Wants, When};
use super::super::header::{self, FieldName};
use super::super::reader::Cursor;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transformations {
    #[serde(skip_serializing_if = "Transformation::is_empty")]
    pub request: Transformation,
    #[serde(skip_serializing_if = "Transformation::is_empty")]
    pub response: Transformation,
}

/// Added, set and removed in this order, as with header modifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transformation {
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub add: Values,
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub set: Values,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<FieldName>,
    /// In the place of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Expression>,
}

/// Names with what makes their values. A name is that of a header, or a pseudo header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(pub Vec<(String, Expression)>);

impl Transformations {
    pub(in crate::config) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let read = |c: &Cursor<'_>, when| Transformation::read(c, when);
        let transformations = Self {
            request: table.or("request", Transformation::default(), |c| read(c, When::Request)),
            response: table.or("response", Transformation::default(), |c| read(c, When::Response)),
        };
        table.unsupported(&["conditional"]);
        table.finish();
        Some(transformations)
    }
}

impl Transformation {
    fn read(cursor: &Cursor<'_>, when: When) -> Option<Self> {
        let mut table = cursor.table();
        let pseudo: &[&str] = match when {
            When::Request => &[":authority", ":method", ":path"],
            When::Response => &[":status"],
            When::Model => &[],
        };
        let transformation = Self {
            add: table.or("add", Values::default(), |c| read_values(c, when, &[])),
            set: table.or("set", Values::default(), |c| read_values(c, when, pseudo)),
            remove: table.list("remove", FieldName::read_modified).unwrap_or_default(),
            body: table.maybe("body", |c| Expression::read(c, Wants::Bytes, when)),
        };
        table.unsupported(&["metadata", "replace"]);
        table.finish();
        Some(transformation)
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A table of name and expression.
pub(super) fn read_values(cursor: &Cursor<'_>, when: When, pseudo: &[&str]) -> Option<Values> {
    let mut values = Vec::new();
    for (name, mark, value) in cursor.named() {
        let expression = Expression::read(&value, Wants::Text, when);
        if name.starts_with(':') {
            if !pseudo.contains(&name) {
                let known = pseudo.join(", ");
                let hint = (!pseudo.is_empty()).then(|| format!("one of {known}"));
                cursor.session().fail(&mark, "not a pseudo header that is set here", hint);
                continue;
            }
        } else {
            match FieldName::parse(name) {
                Ok(field) if header::may_modify(&value, &field) => (),
                Ok(_) => continue,
                Err(message) => {
                    cursor.session().fail(&mark, &message, None);
                    continue;
                }
            }
        }
        values.extend(expression.map(|expression| (name.to_owned(), expression)));
    }
    Some(Values(values))
}

impl Values {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
