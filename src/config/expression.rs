//! CEL as the user wrote it: parsed and checked here against what there is to be named, so that a
//! wrong word is told of with its place and never met by a request. The policies compile the text
//! again; what was checked compiles. Owns no state.

mod check;
pub mod vocabulary;

use cel::common::ast::SourceInfo;
use cel::parser::{Expression as Tree, Parser};
use serde::Serialize;

use super::reader::Cursor;
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_PARSER_STACK_BYTES};
use vocabulary::Kind;

/// An expression that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Expression(String);

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// True or false.
    Condition,
    /// What becomes a header or a body: a string, a number or a truth value.
    Text,
    Number,
    /// What becomes a body that is not of text alone.
    Bytes,
    /// What becomes a value of JSON.
    Json,
}

/// When it runs: a request has no response yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Request,
    Response,
    /// As of a request that asks a model, with what it asks.
    Model,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub message: String,
    pub hint: Option<String>,
}

impl Expression {
    pub fn condition(cursor: &Cursor<'_>) -> Option<Self> {
        Self::read(cursor, Wants::Condition, When::Request)
    }

    pub fn read(cursor: &Cursor<'_>, wants: Wants, when: When) -> Option<Self> {
        let text = cursor.text()?;
        let faults = faults(text, wants, when);
        for fault in &faults {
            match &fault.hint {
                Some(hint) => cursor.fail_hint(&fault.message, hint),
                None => cursor.fail(&fault.message),
            }
        }
        faults.is_empty().then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All that is wrong with the text.
pub fn faults(text: &str, wants: Wants, when: When) -> Vec<Fault> {
    match parse(text) {
        Ok((tree, places)) => check::check(&tree, &places, wants, when),
        Err(message) => vec![Fault { message, hint: None }],
    }
}

/// The tree of an expression, and where its nodes stand in the text.
///
/// The parser recurses with the text, further than its own limit counts: on a thread that has the
/// stack for any text that is short enough. What leaves it is no deeper than a worker may walk.
pub fn parse(text: &str) -> Result<(Tree, SourceInfo), String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("an expression of more than {EXPRESSION_BYTES_MAX} bytes"));
    }
    let parser = std::thread::Builder::new().stack_size(EXPRESSION_PARSER_STACK_BYTES);
    std::thread::scope(|scope| {
        let parsed = parser.spawn_scoped(scope, || parse_here(text));
        let parsed = parsed.map_err(|error| format!("no thread to parse it on: {error}"))?;
        parsed.join().unwrap_or_else(|_| Err("not an expression".to_owned()))
    })
}

fn parse_here(text: &str) -> Result<(Tree, SourceInfo), String> {
    let parser = Parser::new().enable_optional_syntax(true).max_recursion_depth(DEPTH);
    let (tree, places) = parser.parse_with_source_info(text).map_err(|wrong| {
        let first = wrong.errors.first();
        let (line, column) = first.map_or((0, 0), |error| error.pos);
        let told = first.map_or("", |error| error.msg.as_str());
        // The parser lists every token that it would have taken.
        let told = told.split(" expecting ").next().unwrap_or_default();
        let told = told.trim_start_matches("Syntax error: ");
        match (line, column) {
            (..=0, _) => too_deep(),
            (1, _) => format!("not an expression: at character {column}: {told}"),
            _ => format!("not an expression: at line {line}, character {column}: {told}"),
        }
    })?;
    match check::fits(&tree, EXPRESSION_DEPTH_MAX) {
        true => Ok((tree, places)),
        false => Err(too_deep()),
    }
}

fn too_deep() -> String {
    format!("an expression that is more than {EXPRESSION_DEPTH_MAX} deep")
}

impl Wants {
    fn takes(self, kind: Kind) -> bool {
        let number = matches!(kind, Kind::Int | Kind::Uint | Kind::Double);
        match self {
            _ if kind == Kind::Any => true,
            Self::Condition => kind == Kind::Bool,
            Self::Text => number || matches!(kind, Kind::Text | Kind::Bool),
            Self::Number => number,
            Self::Bytes => kind == Kind::Bytes || Self::Text.takes(kind),
            Self::Json => {
                matches!(kind, Kind::Null | Kind::List | Kind::Map) || Self::Text.takes(kind)
            }
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Condition => "true or false",
            Self::Text => "text, a number or true or false",
            Self::Number => "a number",
            Self::Bytes => "text, bytes, a number or true or false",
            Self::Json => "a value of JSON",
        }
    }
}

const DEPTH: u16 = EXPRESSION_DEPTH_MAX as u16;

#[cfg(test)]
mod tests;
