//! JSON as expressions see it, and what they make as JSON. A tree is looked into where an expression
//! goes, and copied no further than it asks.

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Sizer};
use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
    MAP_TYPE, Type,
};
use cel::common::value::{CowVal, Val};
use serde_json::{Map, Number, Value};

use super::value;

/// An object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a>(pub &'a Map<String, Value>);

static MAP: Type = MAP_TYPE;

impl Val for Object<'_> {
    fn get_type(&self) -> &Type {
        &MAP
    }

    fn cel_type() -> &'static Type {
        &MAP
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl<'a> Object<'a> {
    fn value<'v>(&self, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        'a: 'v,
    {
        let name = value::name(index)?;
        let found = self.0.get(name).ok_or_else(|| ExecutionError::no_such_key(name))?;
        Ok(seen(found))
    }
}

impl Indexer for Object<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.value(index).map(CowVal::Owned)
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.value(index)
    }
}

impl Container for Object<'_> {
    fn contains(&self, name: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.contains_key(value::name(name)?))
    }
}

impl Sizer for Object<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(self.0.len() as i64)
    }
}

/// A value of JSON. Its depth is bounded by who read it.
fn seen<'v>(json: &'v Value) -> Box<dyn Val + 'v> {
    match json {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Box::new(CelInt::from(int)),
            (None, Some(uint)) => Box::new(CelUInt::from(uint)),
            _ => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::Array(items) => {
            Box::new(CelList::from(items.iter().map(seen).collect::<Vec<Box<dyn Val + 'v>>>()))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let value: Box<dyn Val + 'v> = seen(value);
                (CelMapKey::from(name.as_str()), value)
            });
            Box::new(CelMap::from(fields.collect::<std::collections::HashMap<_, _>>()))
        }
    }
}

/// What an expression gave. None for what JSON has not.
pub(in crate::policy) fn made(value: &dyn Val) -> Option<Value> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Some(Value::String(text.inner().to_owned()));
    }
    if let Some(int) = value.downcast_ref::<CelInt>() {
        return Some((*int.inner()).into());
    }
    if let Some(uint) = value.downcast_ref::<CelUInt>() {
        return Some((*uint.inner()).into());
    }
    if let Some(double) = value.downcast_ref::<CelDouble>() {
        return Number::from_f64(*double.inner()).map(Value::Number);
    }
    if let Some(truth) = value.downcast_ref::<CelBool>() {
        return Some(Value::Bool(*truth.inner()));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Some(Value::Null);
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().map(|item| made(&**item)).collect::<Option<_>>();
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let mut fields: Vec<(String, Value)> = Vec::new();
        for (key, value) in map.inner() {
            let name = key.inner().downcast_ref::<CelString<'_>>()?.inner().to_owned();
            fields.push((name, made(&**value)?));
        }
        // A map has no order.
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        return Some(Value::Object(fields.into_iter().collect()));
    }
    let bytes = value.downcast_ref::<CelBytes<'_>>()?;
    String::from_utf8(bytes.inner().to_vec()).ok().map(Value::String)
}
