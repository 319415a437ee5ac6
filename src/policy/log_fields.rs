//! What expressions say of the access log: whether a request is in it, and with what besides. Not
//! walked where nobody asked for it. Immutable.

use super::attributes::Attributes;
use super::expression::Expression;
use crate::limits::LOG_FIELDS_BYTES_MAX;
use crate::telemetry::access_log::fields;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFields {
    pub filter: Option<Expression>,
    pub add: Box<[(String, Expression)]>,
}

impl LogFields {
    /// Appends the fields of a request; false: it is not in the log. What fails is left out, and so
    /// is what there is no room for.
    pub fn write(&self, attributes: &Attributes<'_>, out: &mut Vec<u8>) -> bool {
        if self.filter.as_ref().is_some_and(|filter| !filter.holds(attributes)) {
            return false;
        }
        for (name, made) in &self.add {
            let Some(value) = made.json(attributes) else { continue };
            let before = out.len();
            fields::put(out, name, value.to_string().as_bytes());
            if out.len() > LOG_FIELDS_BYTES_MAX {
                out.truncate(before);
                attributes.failed();
            }
        }
        true
    }
}
