//! A `directResponse` whose headers or body expressions make. Immutable; what it makes goes into the
//! `Changes`.

use super::attributes::Attributes;
use super::changes::Changes;
use super::expression::{Expression, Reads};
use super::transform::{Transform, TransformError, TransformSpec};
use super::verdict::Verdict;

#[derive(Clone, Debug, Default)]
pub struct MadeSpec {
    pub status: u16,
    pub body: Vec<u8>,
    /// In its place.
    pub body_expression: Option<String>,
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Made {
    status: u16,
    fields: Transform,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Written(Box<[u8]>),
    /// One that fails is empty.
    Expression(Expression),
}

impl Made {
    pub fn compile(spec: &MadeSpec) -> Result<Self, TransformError> {
        let headers = TransformSpec { add: spec.headers.clone(), ..TransformSpec::default() };
        let body = match &spec.body_expression {
            Some(text) => {
                let made = Expression::compile(text).map_err(|_| TransformError::Expression)?;
                Body::Expression(made)
            }
            None => Body::Written(spec.body.clone().into()),
        };
        Ok(Self { status: spec.status, fields: Transform::compile([&headers])?, body })
    }

    /// Which bodies its expressions look into.
    pub fn reads(&self) -> Reads {
        match &self.body {
            Body::Written(_) => self.fields.reads(),
            Body::Expression(made) => self.fields.reads() | made.reads(),
        }
    }

    pub fn run(&self, attributes: &Attributes<'_>, changes: &mut Changes) -> Verdict<'_> {
        let (fields, body) = changes.reply_mut();
        self.fields.write(attributes, fields);
        match &self.body {
            Body::Written(written) => body.extend_from_slice(written),
            Body::Expression(expression) => {
                expression.write(attributes, body);
            }
        }
        Verdict::Made { status: self.status }
    }
}
