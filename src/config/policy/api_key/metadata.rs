//! What is known of a key beside its name: any table, as JSON. Expressions read it.

use serde_json::{Map, Number, Value};

use super::super::super::reader::Cursor;
use super::super::super::yaml::{Kind, Node, Value as Written};
use crate::limits::{METADATA_BYTES_MAX, METADATA_DEPTH_MAX};

pub(super) fn read(cursor: &Cursor<'_>) -> Option<Map<String, Value>> {
    let value = of(cursor.node, METADATA_DEPTH_MAX);
    match value {
        Some(Value::Object(map)) if bytes(&map) <= METADATA_BYTES_MAX => Some(map),
        Some(Value::Object(_)) => {
            cursor.fail(&format!("more than {METADATA_BYTES_MAX} bytes"));
            None
        }
        Some(_) => {
            cursor.fail("expected a table");
            None
        }
        None => {
            cursor
                .fail(&format!("more than {METADATA_DEPTH_MAX} levels, or a number that is none"));
            None
        }
    }
}

fn bytes(map: &Map<String, Value>) -> usize {
    serde_json::to_string(map).map_or(usize::MAX, |text| text.len())
}

fn of(node: &Node, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    Some(match &node.value {
        Written::Scalar(scalar) => match scalar.kind() {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(flag),
            Kind::Integer(number) => Value::Number(i64::try_from(number).ok()?.into()),
            Kind::Float => Value::Number(Number::from_f64(scalar.text.parse().ok()?)?),
            Kind::Text => Value::String(scalar.text.clone()),
        },
        Written::List(items) => {
            Value::Array(items.iter().map(|item| of(item, depth)).collect::<Option<_>>()?)
        }
        Written::Table(entries) => {
            let entries =
                entries.iter().map(|entry| Some((entry.key.clone(), of(&entry.node, depth)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
    })
}
