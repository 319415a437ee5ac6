//! Which field of a body it was that serde did not like: serde knows the line, people want a name.

use std::fmt::Write as _;

use serde_json::error::Category;

use super::super::Refused;

/// What is wrong with a body.
pub(super) fn refuse(body: &[u8], error: &serde_json::Error) -> Refused {
    let text = error.to_string();
    if matches!(error.classify(), Category::Syntax | Category::Eof | Category::Io) {
        return Refused(format!("the body is no JSON: {text}").into());
    }
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let what: String = what.chars().take(TEXT_CHARS_MAX).collect();
    let path = path(&body[..offset(body, error.line(), error.column()).min(body.len())]);
    if path.is_empty() {
        return Refused(format!("the body: {what}").into());
    }
    Refused(format!("{path}: {what}").into())
}

fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let mut ends = body.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let before = line.checked_sub(2).and_then(|lines| ends.nth(lines)).map_or(0, |(at, _)| at + 1);
    before + column
}

enum Level<'a> {
    Object(&'a [u8]),
    /// How many items came, the one under way too.
    Array(usize),
}

/// Of the value in which a text ends that is JSON so far.
fn path(text: &[u8]) -> String {
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if let (Some(Level::Array(count @ 0)), false) = (levels.last_mut(), is_between(byte)) {
            *count = 1;
        }
        match byte {
            b'{' => levels.push(Level::Object(&[])),
            b'[' => levels.push(Level::Array(0)),
            b'}' | b']' => drop(levels.pop()),
            b',' => match levels.last_mut() {
                Some(Level::Array(count)) => *count += 1,
                Some(Level::Object(name)) => *name = &[],
                None => (),
            },
            b'"' => {
                let end = string_end(text, at + 1);
                if let Some(Level::Object(name @ [])) = levels.last_mut() {
                    *name = &text[at + 1..end];
                }
                at = end;
            }
            _ => (),
        }
        at += 1;
    }
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object([]) | Level::Array(0) => (),
            Level::Object(name) => {
                let dot = if path.is_empty() { "" } else { "." };
                let name = String::from_utf8_lossy(&name[..name.len().min(NAME_BYTES_MAX)]);
                let _ = write!(path, "{dot}{name}");
            }
            Level::Array(count) => {
                let _ = write!(path, "[{}]", count - 1);
            }
        }
    }
    path
}

const fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b']')
}

/// Where the closing quote is.
fn string_end(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

const TEXT_CHARS_MAX: usize = 200;
const NAME_BYTES_MAX: usize = 64;
