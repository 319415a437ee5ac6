//! Fields of a head as expressions see them: a map of text by name, in any case. Several fields of
//! one name are one value, joined by commas (RFC 9110 section 5.3); cookies by semicolons.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as Lending, Sizer};
use cel::common::types::{CelInt, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};

use super::value;
use crate::proto::http1::Field;

#[derive(Clone, Debug)]
pub(super) struct Headers<'a> {
    fields: &'a [Field],
    bytes: &'a [u8],
    /// Only loops need them: in lower case, each once.
    names: OnceLock<Vec<CelString<'a>>>,
}

impl<'a> Headers<'a> {
    pub(super) fn new(fields: &'a [Field], bytes: &'a [u8]) -> Self {
        Self { fields, bytes, names: OnceLock::new() }
    }

    pub(super) fn values(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        let called =
            self.fields.iter().filter(move |field| field.name.of(bytes).eq_ignore_ascii_case(name));
        called.map(|field| field.value.of(bytes))
    }

    fn value<'v>(&self, name: &str) -> Result<CelString<'v>, ExecutionError>
    where
        'a: 'v,
    {
        let mut values = self.values(name.as_bytes());
        let first = values.next().ok_or_else(|| ExecutionError::no_such_key(name))?;
        let Some(second) = values.next() else { return Ok(value::text_of(first)) };
        let cookie = name.eq_ignore_ascii_case("cookie");
        let mut joined = first.to_vec();
        for next in std::iter::once(second).chain(values) {
            joined.extend_from_slice(if cookie { b"; " } else { b", " });
            joined.extend_from_slice(next);
        }
        Ok(CelString::from(String::from_utf8_lossy(&joined).into_owned()))
    }

    fn names(&self) -> &[CelString<'a>] {
        self.names.get_or_init(|| {
            let name = |field: &Field| {
                String::from_utf8_lossy(field.name.of(self.bytes)).to_ascii_lowercase()
            };
            let names: BTreeSet<String> = self.fields.iter().map(name).collect();
            names.into_iter().map(CelString::from).collect()
        })
    }
}

impl Val for Headers<'_> {
    fn get_type(&self) -> &Type {
        <Self as Val>::cel_type()
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

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
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
        Box::new(self.clone())
    }
}

impl Indexer for Headers<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.value(value::name(index)?).map(CowVal::owned)
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(Box::new(self.value(value::name(index)?)?))
    }
}

impl Container for Headers<'_> {
    fn contains(&self, name: &dyn Val) -> Result<bool, ExecutionError> {
        let name = value::name(name)?;
        Ok(self.values(name.as_bytes()).next().is_some())
    }
}

impl Sizer for Headers<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(self.names().len() as i64)
    }
}

impl Iterable for Headers<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Lending<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Names(self.names().iter()))
    }
}

struct Names<'b, 'a>(std::slice::Iter<'b, CelString<'a>>);

impl<'b, 'v, 'a: 'v> Lending<'b, 'v> for Names<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|name| name as &(dyn Val + 'v))
    }
}

static MAP: Type = MAP_TYPE;
