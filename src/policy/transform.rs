//! Header fields that expressions make: of requests, of responses, and of replies of our own. The
//! names are known at load and left out of the head as `edit` does it; the values are written for
//! each request. A value that fails, or that no field can have, is left out, and the client's own of
//! that name does not come back. Bodies too: one that fails leaves the body as it came. Immutable.

use std::ops::BitOr;

use super::attributes::Attributes;
use super::changes::Changes;
use super::edit::{EditError, HeaderModifierSpec, is_target, may_have_body};
use super::expression::{Expression, Reads};
use crate::limits::EDIT_BYTES_MAX;
use crate::route::field::{self, is_token};
use crate::route::rewrite::is_authority;

/// One direction of a `transformations`: names and expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransformSpec {
    pub add: Vec<(String, String)>,
    pub set: Vec<(String, String)>,
    pub remove: Vec<String>,
    /// With how many bytes it may give.
    pub body: Option<(String, usize)>,
}

#[derive(Clone, Debug, Default)]
pub struct Transform {
    lines: Box<[Line]>,
    pseudo: Box<[(Pseudo, Expression)]>,
    body: Option<(Expression, usize)>,
    /// Names whose lines an earlier pipeline made in vain: in lower case.
    instead: Box<[Box<[u8]>]>,
}

#[derive(Clone, Debug)]
struct Line {
    /// In lower case, with its colon and space.
    prefix: Box<[u8]>,
    value: Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pseudo {
    Method,
    Path,
    Authority,
    Status,
}

impl Transform {
    /// All of them, one after the other.
    pub fn compile<'a>(
        specs: impl IntoIterator<Item = &'a TransformSpec>,
    ) -> Result<Self, TransformError> {
        let mut lines: Vec<(String, Line)> = Vec::new();
        let mut pseudo = Vec::new();
        let mut body = None;
        for spec in specs {
            if let Some((made, bytes_max)) = &spec.body {
                body = Some((compile(made)?, *bytes_max));
            }
            for (name, value) in &spec.add {
                lines.push(line(name, value)?);
            }
            let (of_line, of_fields): (Vec<_>, Vec<_>) =
                spec.set.iter().partition(|(name, _)| Pseudo::of(name).is_some());
            for (name, value) in of_line {
                pseudo.extend(Pseudo::of(name).zip(Some(compile(value)?)));
            }
            for (name, value) in of_fields {
                let line = line(name, value)?;
                lines.retain(|(other, _)| *other != line.0);
                lines.push(line);
            }
            for name in &spec.remove {
                lines.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            }
        }
        let lines = lines.into_iter().map(|(_, line)| line).collect();
        Ok(Self { lines, pseudo: pseudo.into(), body, instead: Box::default() })
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
            && self.pseudo.is_empty()
            && self.body.is_none()
            && self.instead.is_empty()
    }

    /// Takes the place of what an earlier pipeline made of the names that `edits` set or remove.
    pub(super) fn in_place_of(self, edits: &[HeaderModifierSpec]) -> Self {
        let set = edits.iter().flat_map(|edit| edit.set.iter().map(|(name, _)| name));
        let names = set.chain(edits.iter().flat_map(|edit| &edit.remove));
        let instead = names.map(|name| name.to_ascii_lowercase().into_bytes().into()).collect();
        Self { instead, ..self }
    }

    /// Leaves out what a later modifier sets or removes.
    pub(super) fn without(mut self, modifiers: &[&HeaderModifierSpec]) -> Self {
        let later = |line: &Line| {
            let name = &line.prefix[..line.prefix.len() - 2];
            let is = |other: &str| other.as_bytes().eq_ignore_ascii_case(name);
            modifiers.iter().any(|modifier| {
                modifier.set.iter().any(|(other, _)| is(other))
                    || modifier.remove.iter().any(|other| is(other))
            })
        };
        let mut lines = std::mem::take(&mut self.lines).into_vec();
        lines.retain(|line| !later(line));
        Self { lines: lines.into(), ..self }
    }

    /// What becomes of a request: its first line, and the lines that are appended.
    pub fn run(&self, attributes: &Attributes<'_>, changes: &mut Changes) {
        if !self.instead.is_empty() {
            changes.drop_request_lines(&self.instead);
        }
        self.write(attributes, changes.request_lines_mut());
        if let Some(body) = self.body(attributes) {
            changes.set_body(body);
        }
        for (place, value) in &self.pseudo {
            let mut text = Vec::new();
            if !value.write(attributes, &mut text) {
                continue;
            }
            let Ok(good) = str::from_utf8(&text) else { continue };
            match place {
                Pseudo::Method if is_token(good) => changes.set_method(&text),
                Pseudo::Path if is_target(good) => changes.set_target(&text),
                Pseudo::Authority if is_authority(good) => changes.set_authority(&text),
                _ => attributes.failed(),
            }
        }
    }

    /// Whether there is another body.
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// The body that takes the place of the one there is; none where the expression fails.
    pub fn body(&self, attributes: &Attributes<'_>) -> Option<Vec<u8>> {
        let mut made = Vec::new();
        let (body, bytes_max) = self.body.as_ref()?;
        body.write_within(attributes, &mut made, *bytes_max).then_some(made)
    }

    /// Which bodies its expressions look into.
    pub fn reads(&self) -> Reads {
        let lines = self.lines.iter().map(|line| &line.value);
        let pseudo = self.pseudo.iter().map(|(_, value)| value);
        let all = lines
            .chain(pseudo)
            .chain(self.body.iter().map(|(made, _)| made))
            .map(Expression::reads);
        all.fold(Reads::default(), BitOr::bitor)
    }

    /// Appends whole lines.
    pub fn write(&self, attributes: &Attributes<'_>, out: &mut Vec<u8>) {
        let most = out.len() + EDIT_BYTES_MAX;
        for line in &self.lines {
            let before = out.len();
            if !line.write(attributes, most, out) {
                out.truncate(before);
            }
        }
    }

    /// The status that a response gets.
    pub fn status(&self, attributes: &Attributes<'_>) -> Option<u16> {
        let (_, value) = self.pseudo.iter().rev().find(|(place, _)| *place == Pseudo::Status)?;
        let status = value.number(attributes)?;
        let good = (200.0..=599.0).contains(&status) && may_have_body(status as u16);
        if !good {
            attributes.failed();
        }
        good.then_some(status as u16)
    }
}

impl Line {
    /// False, and whatever appended, when there is no such line.
    fn write(&self, attributes: &Attributes<'_>, most: usize, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.prefix);
        let text = out.len();
        if !self.value.write(attributes, out) {
            return false;
        }
        let good = is_value(&out[text..]) && out.len() <= most - 2;
        if !good {
            attributes.failed();
        }
        out.extend_from_slice(b"\r\n");
        good
    }
}

impl TransformSpec {
    /// The names whose fields are left out of the head.
    pub(super) fn dropped(&self) -> HeaderModifierSpec {
        let set = self.set.iter().map(|(name, _)| name).filter(|name| Pseudo::of(name).is_none());
        HeaderModifierSpec {
            remove: set.chain(&self.remove).cloned().collect(),
            ..HeaderModifierSpec::default()
        }
    }
}

impl Pseudo {
    fn of(name: &str) -> Option<Self> {
        match &*name.to_ascii_lowercase() {
            ":method" => Some(Self::Method),
            ":path" => Some(Self::Path),
            ":authority" | "host" => Some(Self::Authority),
            ":status" => Some(Self::Status),
            _ => None,
        }
    }
}

/// What is wrong with a transformation. The configuration's reader refuses all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransformError {
    Field(EditError),
    Expression,
}

fn line(name: &str, value: &str) -> Result<(String, Line), TransformError> {
    let wrong = |error| TransformError::Field(EditError::Field(error));
    field::check_name(name).map_err(wrong)?;
    let name = name.to_ascii_lowercase();
    let prefix = format!("{name}: ").into_bytes().into();
    Ok((name, Line { prefix, value: compile(value)? }))
}

fn compile(text: &str) -> Result<Expression, TransformError> {
    Expression::compile(text).map_err(|_| TransformError::Expression)
}

/// RFC 9110 section 5.5; a tab is the one control character in it.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t')
}

#[cfg(test)]
mod tests;
