//! `Fields`: an object of a body, whose fields are taken out by name. What has the wrong type is
//! told of with its whole path, `input[3].content[0].text`; the path is put together only then.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Broken, Refused};

/// Where a value stands. It lies on the stack, step by step.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Body,
    Field(&'a Self, &'a str),
    Item(&'a Self, usize),
}

pub(super) struct Fields<'a> {
    pub(super) at: At<'a>,
    map: Map<String, Value>,
}

/// Text of an event: borrowed, unless it has escapes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl fmt::Display for At<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Field(Self::Body, name) => out.write_str(name),
            Self::Field(parent, name) => write!(out, "{parent}.{name}"),
            Self::Item(parent, index) => write!(out, "{parent}[{index}]"),
        }
    }
}

impl At<'_> {
    pub(super) fn refuse(&self, why: &str) -> Refused {
        match self {
            Self::Body => Refused(format!("the body {why}").into()),
            _ => Refused(format!("{self}: {why}").into()),
        }
    }
}

impl<'a> Fields<'a> {
    /// Of a whole body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refused> {
        let value = serde_json::from_slice(body)
            .map_err(|error| Refused(format!("the body is no JSON: {error}").into()))?;
        Self::of(value, At::Body)
    }

    pub(super) fn of(value: Value, at: At<'a>) -> Result<Self, Refused> {
        match value {
            Value::Object(map) => Ok(Self { at, map }),
            _ => Err(at.refuse("must be an object")),
        }
    }

    /// What is null is not there.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.map.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// The first field that is there, of a union.
    pub(super) fn first(&mut self) -> Option<(String, Value)> {
        let mut fields = std::mem::take(&mut self.map).into_iter();
        fields.find(|(_, value)| !value.is_null())
    }

    pub(super) fn refuse(&self, name: &str, why: &str) -> Refused {
        At::Field(&self.at, name).refuse(why)
    }

    fn take<T>(
        &mut self,
        name: &str,
        what: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.refuse(name, what))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refused> {
        self.take(name, "must be a text", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    pub(super) fn needs_text(&mut self, name: &str) -> Result<String, Refused> {
        self.text(name)?.ok_or_else(|| self.refuse(name, "is missing"))
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, Refused> {
        self.take(name, "must be a number", |value| value.as_f64())
    }

    pub(super) fn count(&mut self, name: &str) -> Result<Option<u64>, Refused> {
        self.take(name, "must be a whole number, not below 0", |value| value.as_u64())
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refused> {
        self.take(name, "must be true or false", |value| value.as_bool())
    }

    /// Empty where it is not there.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>, Refused> {
        let list = self.take(name, "must be a list", |value| match value {
            Value::Array(list) => Some(list),
            _ => None,
        });
        Ok(list?.unwrap_or_default())
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, Refused> {
        let list = self.list(name)?.into_iter().map(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        });
        let texts: Option<Vec<_>> = list.collect();
        texts.ok_or_else(|| self.refuse(name, "must be a list of texts"))
    }

    pub(super) fn map(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Refused> {
        self.take(name, "must be an object", |value| match value {
            Value::Object(map) => Some(map),
            _ => None,
        })
    }

    /// Reads a field that is an object.
    pub(super) fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Fields<'_>) -> Result<T, Refused>,
    ) -> Result<Option<T>, Refused> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let at = At::Field(&self.at, name);
        Fields::of(value, at).and_then(read).map(Some)
    }

    pub(super) fn needs_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Fields<'_>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.object(name, read)?.ok_or_else(|| self.refuse(name, "is missing"))
    }

    /// Reads a field that is a list of objects, one by one.
    pub(super) fn objects(
        &mut self,
        name: &str,
        mut read: impl FnMut(Fields<'_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let list = self.list(name)?;
        let at = At::Field(&self.at, name);
        let mut items = list.into_iter().enumerate();
        items.try_for_each(|(index, item)| read(Fields::of(item, At::Item(&at, index))?))
    }
}

/// What is refused of a caller is broken of a provider.
impl From<Refused> for Broken {
    fn from(_: Refused) -> Self {
        Self
    }
}
