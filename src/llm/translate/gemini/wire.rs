//! What stands on the wire: the parts of contents, which requests and answers share.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Somebody's words, borrowed where they have no escapes: serde would copy an `Option<Cow>`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) role: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) parts: Option<Vec<Part<'a>>>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Part<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought: Option<bool>,
    #[serde(borrow, alias = "inline_data", skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(borrow, alias = "file_data", skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<File<'a>>,
    #[serde(borrow, alias = "function_call", skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<Call<'a>>,
    #[serde(borrow, alias = "function_response", skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<Answer<'a>>,
    #[serde(borrow, alias = "thought_signature", skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<Text<'a>>,
    /// What only Gemini does, and says in parts of its own.
    #[serde(alias = "executable_code", skip_serializing)]
    pub(super) executable_code: Option<IgnoredAny>,
    #[serde(alias = "code_execution_result", skip_serializing)]
    pub(super) code_execution_result: Option<IgnoredAny>,
    #[serde(alias = "tool_call", skip_serializing)]
    pub(super) tool_call: Option<IgnoredAny>,
    #[serde(alias = "tool_response", skip_serializing)]
    pub(super) tool_response: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Blob<'a> {
    #[serde(borrow, alias = "mime_type")]
    pub(super) mime_type: Text<'a>,
    #[serde(borrow)]
    pub(super) data: Text<'a>,
    #[serde(borrow, alias = "display_name", skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct File<'a> {
    #[serde(borrow, alias = "file_uri")]
    pub(super) file_uri: Text<'a>,
    #[serde(borrow, alias = "mime_type", skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Call<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) args: Option<Cow<'a, Value>>,
}

/// What a tool said: Google calls it a response.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Answer<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) response: Option<Value>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) parts: Option<Vec<Part<'a>>>,
}

impl<'a> Text<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(super) fn owned(self) -> String {
        self.0.into_owned()
    }
}

impl<'a> Part<'a> {
    pub(super) fn of_text(text: &'a str) -> Self {
        Self { text: Some(Text::of(text)), ..Self::default() }
    }
}

/// A whole number, as JSON writes one or as libraries do: `40.0`, `"40"`.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Whole)
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<i64>, E> {
        Ok(Some(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<i64>, E> {
        i64::try_from(number).map(Some).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<i64>, E> {
        if number.fract() != 0.0 || number.abs() > EXACT_MAX {
            return Err(E::custom("a whole number is expected"));
        }
        Ok(Some(number as i64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<i64>, E> {
        text.parse().map(Some).map_err(|_| E::custom("a whole number is expected"))
    }
}

/// Beyond it a float names no whole number.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
