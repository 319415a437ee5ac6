//! What header modifiers do to a head, all of them together: names whose fields are left out, and
//! lines that are appended. Immutable.
//!
//! A modifier first adds, then sets, then removes (agentgateway's order), so that of a name in all
//! three nothing stays. Several modifiers run one after the other; the outcome of any sequence of
//! them is again some names and some lines, which is why one pass over a head is enough.

use std::error::Error;
use std::fmt;

use super::changes::Changes;
use crate::limits::EDIT_BYTES_MAX;
use crate::route::field::{self, FieldError, is_token};
use crate::route::rewrite::is_authority;

/// A `requestHeaderModifier` or `responseHeaderModifier` as the configuration has it. In `add` and
/// `set`, a request's `:method`, `:path` and `:authority` (or Host) and a response's `:status` may
/// stand, too: of each there is one, so that adding it is setting it.
#[derive(Clone, Debug, Default)]
pub struct HeaderModifierSpec {
    pub add: Vec<(String, String)>,
    pub set: Vec<(String, String)>,
    pub remove: Vec<String>,
}

/// Names whose fields are left out, lines that are appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadEdits {
    /// In lower case, sorted.
    dropped: Box<[Box<[u8]>]>,
    /// Which lengths and which first letters the dropped names have, a bit each: most names of a
    /// head are none of them, and that is seen without a comparison.
    lengths: u64,
    firsts: u32,
    appended: Box<[u8]>,
}

impl HeadEdits {
    pub fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.appended.is_empty()
    }

    /// Whether a field of this name, in any case, is left out.
    #[inline]
    pub fn drops(&self, name: &[u8]) -> bool {
        let Some(&first) = name.first() else { return false };
        self.lengths & length_bit(name) != 0
            && self.firsts & first_bit(first) != 0
            && self.dropped.iter().any(|dropped| dropped.eq_ignore_ascii_case(name))
    }

    /// Whole lines.
    #[inline]
    pub fn appended(&self) -> &[u8] {
        &self.appended
    }
}

/// What modifiers make of a request's first line; later ones have overwritten earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdits {
    method: Option<Box<[u8]>>,
    target: Option<Box<[u8]>>,
    authority: Option<Box<[u8]>>,
}

impl LineEdits {
    pub fn is_empty(&self) -> bool {
        self.method.is_none() && self.target.is_none() && self.authority.is_none()
    }

    pub fn apply(&self, changes: &mut Changes) {
        if let Some(method) = &self.method {
            changes.set_method(method);
        }
        if let Some(target) = &self.target {
            changes.set_target(target);
        }
        if let Some(authority) = &self.authority {
            changes.set_authority(authority);
        }
    }
}

/// The outcome of request modifiers, in the order in which they run.
pub fn compile_request<'a>(
    modifiers: impl IntoIterator<Item = &'a HeaderModifierSpec>,
) -> Result<(LineEdits, HeadEdits), EditError> {
    let mut line = LineEdits::default();
    let fields = compile(modifiers, |name, value| {
        let (place, good): (_, fn(&str) -> bool) = match &*name.to_ascii_lowercase() {
            ":method" => (&mut line.method, is_token),
            ":path" => (&mut line.target, is_target),
            ":authority" | "host" => (&mut line.authority, is_authority),
            _ => return Ok(false),
        };
        let value = value.ok_or(EditError::NotRemovable)?;
        if !good(value) {
            return Err(EditError::BadPseudoValue);
        }
        *place = Some(value.as_bytes().into());
        Ok(true)
    })?;
    Ok((line, fields))
}

/// The outcome of response modifiers, in the order in which they run, and the status they set.
pub fn compile_response<'a>(
    modifiers: impl IntoIterator<Item = &'a HeaderModifierSpec>,
) -> Result<(Option<u16>, HeadEdits), EditError> {
    let mut status = None;
    let fields = compile(modifiers, |name, value| {
        if name != ":status" {
            return Ok(false);
        }
        let new = value.ok_or(EditError::NotRemovable)?.parse().ok();
        status = new.filter(|&new| (200..=599).contains(&new) && may_have_body(new));
        status.map(|_| true).ok_or(EditError::BadPseudoValue)
    })?;
    Ok((status, fields))
}

/// RFC 9110 sections 15.2, 15.3.5, 15.3.6 and 15.4.5.
pub(super) const fn may_have_body(status: u16) -> bool {
    !matches!(status, 100..=199 | 204 | 205 | 304)
}

/// What is wrong with a modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditError {
    Field(FieldError),
    /// What a request or a response cannot be without cannot be removed.
    NotRemovable,
    UnknownPseudo,
    BadPseudoValue,
    /// The lines are more than `EDIT_BYTES_MAX`.
    TooLarge,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(error) => error.fmt(f),
            Self::NotRemovable => f.write_str("a header that cannot be removed"),
            Self::UnknownPseudo => f.write_str("a pseudo header that cannot be set here"),
            Self::BadPseudoValue => f.write_str("not a value for this pseudo header"),
            Self::TooLarge => write!(f, "more than {EDIT_BYTES_MAX} bytes of headers added"),
        }
    }
}

impl Error for EditError {}

/// Runs the modifiers over an empty head. `take` keeps what is no field, and says so; without a
/// value it is to be removed.
fn compile<'a>(
    modifiers: impl IntoIterator<Item = &'a HeaderModifierSpec>,
    mut take: impl FnMut(&str, Option<&str>) -> Result<bool, EditError>,
) -> Result<HeadEdits, EditError> {
    let mut draft = Draft::default();
    for modifier in modifiers {
        for (name, value) in &modifier.add {
            if !take(name, Some(value))? {
                draft.add(name, value)?;
            }
        }
        for (name, value) in &modifier.set {
            if !take(name, Some(value))? {
                draft.remove(name)?;
                draft.add(name, value)?;
            }
        }
        for name in &modifier.remove {
            if !take(name, None)? {
                draft.remove(name)?;
            }
        }
    }
    draft.freeze()
}

#[derive(Default)]
struct Draft {
    dropped: Vec<Box<[u8]>>,
    /// Lower-case names with their lines.
    appended: Vec<(Box<[u8]>, Vec<u8>)>,
}

impl Draft {
    fn add(&mut self, name: &str, value: &str) -> Result<(), EditError> {
        if name.starts_with(':') {
            return Err(EditError::UnknownPseudo);
        }
        let mut line = Vec::new();
        field::encode(name, value, &mut line).map_err(EditError::Field)?;
        self.appended.push((lower(name), line));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), EditError> {
        if name.starts_with(':') {
            return Err(EditError::UnknownPseudo);
        }
        field::check_name(name).map_err(EditError::Field)?;
        let name = lower(name);
        self.appended.retain(|(appended, _)| *appended != name);
        self.dropped.push(name);
        Ok(())
    }

    fn freeze(mut self) -> Result<HeadEdits, EditError> {
        self.dropped.sort_unstable();
        self.dropped.dedup();
        let appended: Vec<u8> = self.appended.into_iter().flat_map(|(_, line)| line).collect();
        if appended.len() > EDIT_BYTES_MAX {
            return Err(EditError::TooLarge);
        }
        let names = || self.dropped.iter().map(|name| &**name);
        Ok(HeadEdits {
            lengths: names().fold(0, |bits, name| bits | length_bit(name)),
            firsts: names().fold(0, |bits, name| bits | first_bit(name[0])),
            dropped: self.dropped.into(),
            appended: appended.into(),
        })
    }
}

const fn length_bit(name: &[u8]) -> u64 {
    1 << (name.len() % 64)
}

/// The five low bits are the same in a letter's two cases.
const fn first_bit(first: u8) -> u32 {
    1 << (first % 32)
}

fn lower(name: &str) -> Box<[u8]> {
    name.to_ascii_lowercase().into_bytes().into()
}

/// Origin form, RFC 9112 section 3.2.1.
pub(super) fn is_target(value: &str) -> bool {
    value.starts_with('/') && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

#[cfg(test)]
mod tests;
