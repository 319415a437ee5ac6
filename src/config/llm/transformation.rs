//! What becomes of a request for one model: fields that are set or made. The name of the model without
//! what it begins with, which agentgateway's examples ask for, is told apart: it needs no tree.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::expression::{Expression, Wants, When};
use super::super::policy::prompt::Made;
use super::super::reader::Cursor;

/// Expressions by the fields that they make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transformation {
    /// Of `model`: the name without this.
    pub strip: Option<String>,
    pub made: Made,
}

impl Transformation {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut transformation = Self::default();
        for (name, _, value) in cursor.named() {
            let prefix = value.is_text().then(|| value.text().and_then(prefix)).flatten();
            match prefix.filter(|_| name == MODEL) {
                Some(prefix) => transformation.strip = Some(prefix.to_owned()),
                None => {
                    let made = Expression::read(&value, Wants::Json, When::Model);
                    transformation.made.0.extend(made.map(|made| (name.to_owned(), made)));
                }
            }
        }
        Some(transformation)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// It says what is sent as the model's name.
    pub(super) fn names_model(&self) -> bool {
        self.strip.is_some() || self.made.0.iter().any(|(name, _)| name == MODEL)
    }
}

/// What the expression takes away, if that is all it does.
fn prefix(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(STRIP)?.strip_prefix('"')?.strip_suffix("\")")?;
    (!inner.contains(['"', '\\'])).then_some(inner)
}

impl Serialize for Transformation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(prefix) = &self.strip {
            map.serialize_entry(MODEL, &format!("{STRIP}\"{prefix}\")"))?;
        }
        for (name, made) in &self.made.0 {
            map.serialize_entry(name, made)?;
        }
        map.end()
    }
}

const MODEL: &str = "model";
const STRIP: &str = "llmRequest.model.stripPrefix(";
