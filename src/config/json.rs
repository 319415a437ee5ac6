//! Values that go into JSON as they are written: the fields of a request that a policy sets.

use serde_json::{Map, Number, Value};

use super::reader::Cursor;
use super::yaml::{Kind, Value as Written};

/// Fields in the order they are written, each with what it is set to.
pub type Fields = Vec<(String, Value)>;

/// A table of them.
pub fn read_fields(cursor: &Cursor<'_>) -> Option<Fields> {
    let mut fields = Vec::new();
    for (name, _, value) in cursor.named() {
        match of(value.value()) {
            Ok(json) => fields.push((name.to_owned(), json)),
            Err(message) => value.fail(&message),
        }
    }
    Some(fields)
}

fn of(written: &Written) -> Result<Value, String> {
    Ok(match written {
        Written::List(items) => {
            let items = items.iter().map(|item| of(&item.value));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Written::Table(entries) => {
            let entries =
                entries.iter().map(|entry| Ok((entry.key.clone(), of(&entry.node.value)?)));
            Value::Object(entries.collect::<Result<Map<_, _>, String>>()?)
        }
        Written::Scalar(scalar) => match scalar.kind() {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Text => Value::String(scalar.text.clone()),
            Kind::Integer(value) => {
                let number = Number::from_i128(value);
                Value::Number(number.ok_or_else(|| format!("{value} is no number of JSON"))?)
            }
            Kind::Float => {
                let number = scalar.text.parse().ok().and_then(Number::from_f64);
                Value::Number(
                    number.ok_or_else(|| format!("{} is no number of JSON", scalar.text))?,
                )
            }
        },
    })
}

/// As it is written.
pub fn serialize<S: serde::Serializer>(fields: &Fields, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
}
