//! A CEL expression, compiled: a tree that is walked for each request, over values that borrow from
//! the heads. What can be done once is: patterns are compiled, sets of addresses parsed, and both
//! stand in the tree as constants. Walking it allocates for what is put together; a route without
//! expressions knows nothing of all this.
//!
//! Refuses nothing that `config::expression` let pass. An expression that fails (a header that is
//! not there, a type that does not fit) is no error of the request: a condition is false then, and a
//! value is none. It is counted. Immutable, shared by all workers.

mod constant;
mod function;
mod prepare;
mod reads;

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use cel::common::types::{CelBool, CelBytes, CelDouble, CelInt, CelString, CelUInt};
use cel::common::value::Val;
use cel::parser::Expression as Tree;
use cel::{Context, Value};

pub use self::reads::Reads;
use super::attributes::{Attributes, json};
use crate::config;
use crate::limits::EXPRESSION_RESULT_BYTES_MAX;

/// Cloned when it is compiled into a pipeline, never for a request.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    reads: Reads,
    tree: Tree,
    /// The functions, and the constants of this tree.
    context: Context<'static, 'static>,
}

impl Expression {
    /// # Errors
    /// Only for a text that the configuration's reader refuses.
    pub fn compile(text: &str) -> Result<Self, String> {
        let (mut tree, _) = config::expression::parse(text)?;
        let reads = Reads::of(&tree);
        let mut context = Context::with_env(Arc::clone(&function::ENVIRONMENT));
        for (name, constant) in prepare::prepare(&mut tree)? {
            context.add_variable_as_val(name, constant);
        }
        Ok(Self(Arc::new(Compiled { text: text.into(), reads, tree, context })))
    }

    /// Which bodies it looks into.
    pub fn reads(&self) -> Reads {
        self.0.reads
    }

    /// Whether it is true; what fails is not.
    pub fn holds(&self, attributes: &Attributes<'_>) -> bool {
        self.truth(attributes).unwrap_or(false)
    }

    /// None when it fails.
    pub fn truth(&self, attributes: &Attributes<'_>) -> Option<bool> {
        self.value(attributes, |value| Some(*value.downcast_ref::<CelBool>()?.inner()))
    }

    pub fn number(&self, attributes: &Attributes<'_>) -> Option<f64> {
        self.value(attributes, number)
    }

    /// A value of JSON; none when it fails, or gives what JSON has not.
    pub fn json(&self, attributes: &Attributes<'_>) -> Option<serde_json::Value> {
        self.value(attributes, json::made)
    }

    /// Appends what it gives; false, and nothing appended, when that is no text or a long one.
    pub fn write(&self, attributes: &Attributes<'_>, out: &mut Vec<u8>) -> bool {
        self.write_within(attributes, out, EXPRESSION_RESULT_BYTES_MAX)
    }

    /// The same, where `most` bytes are not yet long.
    pub fn write_within(
        &self,
        attributes: &Attributes<'_>,
        out: &mut Vec<u8>,
        most: usize,
    ) -> bool {
        let start = out.len();
        let written = self.value(attributes, |value| {
            write_value(value, out)?;
            (out.len() - start <= most).then_some(())
        });
        if written.is_none() {
            out.truncate(start);
        }
        written.is_some()
    }

    fn value<T>(
        &self,
        attributes: &Attributes<'_>,
        take: impl FnOnce(&dyn Val) -> Option<T>,
    ) -> Option<T> {
        let Compiled { tree, context, .. } = &*self.0;
        let context: &Context<'_, '_> = context;
        let mut scope = context.new_inner_scope();
        scope.set_variable_resolver(attributes);
        let found = Value::resolve_val(tree, &scope).ok().and_then(|value| take(value.as_ref()));
        if found.is_none() {
            attributes.failed();
        }
        found
    }
}

/// The same text does the same.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.text).finish()
    }
}

fn number(value: &dyn Val) -> Option<f64> {
    if let Some(int) = value.downcast_ref::<CelInt>() {
        return Some(*int.inner() as f64);
    }
    if let Some(uint) = value.downcast_ref::<CelUInt>() {
        return Some(*uint.inner() as f64);
    }
    value.downcast_ref::<CelDouble>().map(|double| *double.inner())
}

fn write_value(value: &dyn Val, out: &mut Vec<u8>) -> Option<()> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        out.extend_from_slice(text.inner().as_bytes());
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        out.extend_from_slice(bytes.inner());
    } else if let Some(int) = value.downcast_ref::<CelInt>() {
        write!(out, "{}", int.inner()).ok()?;
    } else if let Some(uint) = value.downcast_ref::<CelUInt>() {
        write!(out, "{}", uint.inner()).ok()?;
    } else if let Some(double) = value.downcast_ref::<CelDouble>() {
        write!(out, "{}", double.inner()).ok()?;
    } else {
        write!(out, "{}", value.downcast_ref::<CelBool>()?.inner()).ok()?;
    }
    Some(())
}

#[cfg(test)]
mod tests;
