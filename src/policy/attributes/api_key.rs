//! `apiKey`: what the configuration knows of the key that was shown. There is none without one: an
//! expression that names it fails.

use cel::ExecutionError;
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use serde_json::{Map, Value};

use super::super::api_key::ApiKey;
use super::value::{Record, Recorded};

#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a>(pub &'a ApiKey);

/// A table of a key's metadata.
#[derive(Clone, Copy, Debug)]
struct Table<'a>(&'a Map<String, Value>);

impl Record for Key<'_> {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let Key(key) = *self;
        let text = |text: &'v str| Ok(CowVal::owned(CelString::from(text)));
        match (field, &key.team) {
            ("name", _) if !key.name.is_empty() => text(&key.name),
            ("team", Some(team)) => text(team),
            _ => Table(&key.metadata).get(field).map(CowVal::into_owned).map(CowVal::Owned),
        }
    }
}

impl Record for Table<'_> {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let Table(table) = *self;
        let value = table.get(field).ok_or_else(|| ExecutionError::no_such_key(field))?;
        Ok(CowVal::Owned(value_of(value)))
    }
}

fn value_of<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Box::new(CelInt::from(whole)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => {
            let items: Vec<Box<dyn Val + 'v>> = items.iter().map(value_of).collect();
            Box::new(CelList::from(items))
        }
        Value::Object(table) => Box::new(Recorded(Table(table))),
    }
}
