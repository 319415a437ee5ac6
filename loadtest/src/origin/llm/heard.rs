//! What a request says, read as strictly as its provider reads it: what it would refuse is refused,
//! so that a wrong translation is seen. What was heard is the same for the same meaning, whatever
//! the dialect: a model whose name has `@echo` says it back, and a translation can be compared.

use serde::Serialize;
use serde_json::Value;

use super::Refused;
use super::dialect::Dialect;

mod chat;
mod check;
mod converse;
mod gemini;
mod messages;
mod responses;

pub(super) use gemini::{camel_case, check_signed};

/// Without ids, which each dialect makes in its own way, and with turns of one role put together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Heard {
    pub(super) system: String,
    pub(super) turns: Vec<Turn>,
    pub(super) tools: Vec<String>,
    pub(super) choice: String,
    pub(super) thinks: bool,
    /// text, json or schema.
    pub(super) format: &'static str,
    pub(super) stops: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Turn {
    pub(super) role: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) text: String,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) images: usize,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) documents: usize,
    /// Name and arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) calls: Vec<(String, Value)>,
    /// Name of what was called, and what it said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) results: Vec<(String, String)>,
    /// Ids of the calls, in their order.
    #[serde(skip)]
    ids: Vec<String>,
    /// Of the calls, that have a result.
    #[serde(skip)]
    answered: Vec<usize>,
}

const USER: &str = "user";
const MODEL: &str = "assistant";

fn is_none(count: &usize) -> bool {
    *count == 0
}

pub(super) fn read(dialect: Dialect, body: &Value) -> Result<Heard, Refused> {
    let mut heard = match dialect {
        Dialect::Chat => chat::read(body),
        Dialect::Responses => responses::read(body),
        Dialect::Messages => messages::read(body),
        Dialect::Gemini => gemini::read(body),
        Dialect::Converse => converse::read(body),
    }?;
    heard.answered()?;
    if heard.choice.is_empty() {
        heard.choice = "auto".to_owned();
    }
    if heard.format.is_empty() {
        heard.format = "text";
    }
    Ok(heard)
}

impl Heard {
    /// Of all texts; the same in every dialect, so that a translation changes no bill.
    pub(super) fn text_bytes(&self) -> usize {
        let of = |turn: &Turn| {
            turn.text.len() + turn.results.iter().map(|(_, text)| text.len()).sum::<usize>()
        };
        self.system.len() + self.turns.iter().map(of).sum::<usize>()
    }

    /// What the user said last.
    pub(super) fn last(&self) -> &str {
        let turn = self.turns.last().filter(|turn| turn.role == USER);
        turn.map_or("", |turn| &turn.text)
    }

    fn system(&mut self, text: &str) {
        say(&mut self.system, text);
    }

    /// The turn that is under way for a role.
    fn turn(&mut self, role: &'static str) -> &mut Turn {
        if self.turns.last().is_none_or(|turn| turn.role != role) {
            self.turns.push(Turn { role, ..Turn::default() });
        }
        self.turns.last_mut().expect("it was put there")
    }

    fn say(&mut self, role: &'static str, text: &str) {
        say(&mut self.turn(role).text, text);
    }

    fn call(&mut self, path: &str, id: &str, name: &str, arguments: Value) -> Result<(), Refused> {
        if !arguments.is_object() {
            return Err(check::wrong(path, "the arguments are no object"));
        }
        let turn = self.turn(MODEL);
        if !id.is_empty() && turn.ids.iter().any(|known| known == id) {
            return Err(check::wrong(path, "the id of a call is there twice"));
        }
        turn.calls.push((name.to_owned(), arguments));
        turn.ids.push(id.to_owned());
        Ok(())
    }

    /// By the id, or by the name where there is none: to a call of the turn before.
    fn result(&mut self, path: &str, id: &str, name: &str, text: &str) -> Result<(), Refused> {
        let calls = match &mut self.turns[..] {
            [.., calls, results] if results.role == USER => Some(calls),
            [.., calls] => Some(calls),
            [] => None,
        };
        let lost = || check::wrong(path, "the result of a tool that was not called before");
        let calls = calls.filter(|calls| calls.role == MODEL).ok_or_else(lost)?;
        let open = (0..calls.calls.len()).filter(|at| !calls.answered.contains(at));
        let is_its = |at: &usize| match id {
            "" => calls.calls[*at].0 == name,
            id => calls.ids[*at] == id,
        };
        let at = open.into_iter().find(is_its).ok_or_else(lost)?;
        calls.answered.push(at);
        let name = calls.calls[at].0.clone();
        self.turn(USER).results.push((name, text.to_owned()));
        Ok(())
    }

    /// Every call has a result before somebody says something else.
    fn answered(&self) -> Result<(), Refused> {
        let last = self.turns.len().saturating_sub(1);
        for (at, turn) in self.turns.iter().enumerate() {
            if at < last && turn.answered.len() < turn.calls.len() {
                return Err(check::wrong("", "a call of a tool has no result"));
            }
        }
        Ok(())
    }
}

fn say(all: &mut String, text: &str) {
    if !all.is_empty() && !text.is_empty() {
        all.push('\n');
    }
    all.push_str(text);
}
