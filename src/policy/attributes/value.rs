//! Values of expressions that are borrows: a record, whose fields are asked for by name, and text.

use std::fmt::Debug;

use cel::ExecutionError;
use cel::common::traits::Indexer;
use cel::common::types::{CelBytes, CelString, Type};
use cel::common::value::{CowVal, Val};

/// Something with fields.
pub(super) trait Record: Clone + Debug + Send + Sync {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v;
}

/// A record as a value.
#[derive(Clone, Debug)]
pub(super) struct Recorded<R>(pub R);

static RECORD: Type = Type::new_unspecified_type("ringway.record");

impl<R: Record> Val for Recorded<R> {
    fn get_type(&self) -> &Type {
        &RECORD
    }

    fn cel_type() -> &'static Type {
        &RECORD
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl<R: Record> Indexer for Recorded<R> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.0.get(name(index)?)
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.0.get(name(index)?).map(CowVal::into_owned)
    }
}

/// The text that something is indexed by.
pub(super) fn name(index: &dyn Val) -> Result<&str, ExecutionError> {
    index.downcast_ref::<CelString<'_>>().map(CelString::inner).ok_or_else(|| {
        ExecutionError::UnexpectedType {
            got: index.get_type().name().to_owned(),
            want: "string".to_owned(),
        }
    })
}

pub(super) fn text<'b, 'v>(bytes: &'v [u8]) -> CowVal<'b, 'v> {
    CowVal::owned(text_of(bytes))
}

/// Bytes that are no UTF-8 are bytes.
pub(super) fn text_or_bytes<'b, 'v>(bytes: &'v [u8]) -> CowVal<'b, 'v> {
    match str::from_utf8(bytes) {
        Ok(text) => CowVal::owned(CelString::from(text)),
        Err(_) => CowVal::owned(CelBytes::from(bytes.to_vec())),
    }
}

/// Bytes that are no UTF-8 are seen as replacement characters.
pub(super) fn text_of(bytes: &[u8]) -> CelString<'_> {
    match str::from_utf8(bytes) {
        Ok(text) => CelString::from(text),
        Err(_) => CelString::from(String::from_utf8_lossy(bytes).into_owned()),
    }
}
