//! `Prompt`: what is done to a request for a model before it is sent, on a tree of it. Only routes that
//! have something to do get here: all others keep what came, to the byte.
//!
//! The order is agentgateway's: overrides, what expressions make of the request as it was, defaults;
//! then the messages of the policy. What instructs stands where the API has a place for it: `system`
//! of Messages, `instructions` of Responses; other messages stand among the request's own. A count of
//! tokens gets no field that its API does not have. Marks for a cache are made for Messages alone, and
//! not beside marks of the caller's own; other APIs cache by themselves.
//!
//! A tree has each field once, the last of those that were written, and a number of more than 64 bits
//! as a double of it. Immutable.

use serde_json::{Map, Value, json};

use super::api::Api;
use crate::config::policy::prompt::{Message, PromptCaching, Role};
use crate::policy::expression::Expression;

/// The body of a request.
pub type Body = Map<String, Value>;

/// Fields of a request.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    pub overrides: Box<[(String, Value)]>,
    pub made: Box<[(String, Expression)]>,
    pub defaults: Box<[(String, Value)]>,
}

/// All of a route.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    pub edits: Edits,
    pub prepend: Box<[Message]>,
    pub append: Box<[Message]>,
    pub caching: Option<PromptCaching>,
    /// Of what is sent.
    pub last: Box<[(String, Expression)]>,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.overrides.is_empty() && self.made.is_empty() && self.defaults.is_empty()
    }

    /// `value` tells what an expression makes of a body; what gives nothing is left out of it.
    pub fn apply(
        &self,
        api: Api,
        body: &mut Body,
        value: impl FnMut(&Expression, &Body) -> Option<Value>,
    ) {
        let made = evaluate(&self.made, body, value);
        for (name, json) in self.overrides.iter().filter(|(name, _)| has(api, name)) {
            body.insert(name.clone(), json.clone());
        }
        set(api, body, made);
        for (name, json) in self.defaults.iter().filter(|(name, _)| has(api, name)) {
            if !body.contains_key(name) {
                body.insert(name.clone(), json.clone());
            }
        }
    }
}

impl Prompt {
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
            && self.prepend.is_empty()
            && self.append.is_empty()
            && self.caching.is_none()
            && self.last.is_empty()
    }

    /// Puts the messages of the policy around those of the request.
    pub fn surround(&self, api: Api, body: &mut Body) {
        let Some(place) = Place::of(api) else { return };
        for message in self.prepend.iter().rev() {
            place.put(body, message, true);
        }
        for message in &self.append {
            place.put(body, message, false);
        }
    }

    /// What is done when all else is.
    pub fn finish(
        &self,
        api: Api,
        body: &mut Body,
        value: impl FnMut(&Expression, &Body) -> Option<Value>,
    ) {
        if let Some(caching) = &self.caching
            && api == Api::Messages
        {
            mark(caching, body);
        }
        let made = evaluate(&self.last, body, value);
        set(api, body, made);
    }
}

type Made<'a> = Vec<(&'a str, Option<Value>)>;

/// All of them see the body as it was before any is set.
fn evaluate<'a>(
    made: &'a [(String, Expression)],
    body: &Body,
    mut value: impl FnMut(&Expression, &Body) -> Option<Value>,
) -> Made<'a> {
    made.iter().map(|(name, expression)| (name.as_str(), value(expression, body))).collect()
}

fn set(api: Api, body: &mut Body, made: Made<'_>) {
    for (name, value) in made {
        match value {
            Some(value) if has(api, name) => drop(body.insert(name.to_owned(), value)),
            Some(_) => (),
            None => drop(body.shift_remove(name)),
        }
    }
}

/// Whether the API may have the field.
fn has(api: Api, name: &str) -> bool {
    api != Api::CountTokens || COUNTED.contains(&name)
}

const COUNTED: [&str; 7] =
    ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"];

/// Where an API has its messages, and what instructs.
struct Place {
    messages: &'static str,
    instructions: Option<&'static str>,
}

impl Place {
    const fn of(api: Api) -> Option<Self> {
        Some(match api {
            Api::Completions => Self { messages: "messages", instructions: None },
            Api::Messages | Api::CountTokens => {
                Self { messages: "messages", instructions: Some("system") }
            }
            Api::Responses => Self { messages: "input", instructions: Some("instructions") },
            _ => return None,
        })
    }

    fn put(&self, body: &mut Body, message: &Message, first: bool) {
        let text = &message.content;
        if let Some(field) = self.instructions.filter(|_| message.role.is_instruction()) {
            let field = body.entry(field).or_insert(Value::Null);
            return instruct(field, text, first);
        }
        let own = body.entry(self.messages).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::String(asked) = own {
            // Responses: a text is what the user says.
            *own = json!([{ "role": Role::User.name(), "content": asked }]);
        }
        // What is no list the provider has to judge.
        if let Value::Array(messages) = own {
            let message = json!({ "role": message.role.name(), "content": text });
            messages.insert(if first { 0 } else { messages.len() }, message);
        }
    }
}

/// A text, or a list of blocks of text.
fn instruct(field: &mut Value, text: &str, first: bool) {
    match field {
        Value::Null => *field = Value::String(text.to_owned()),
        Value::String(own) if own.is_empty() => text.clone_into(own),
        Value::String(own) if first => *own = format!("{text}\n{own}"),
        Value::String(own) => *own = format!("{own}\n{text}"),
        Value::Array(blocks) => {
            let block = json!({ "type": "text", "text": text });
            blocks.insert(if first { 0 } else { blocks.len() }, block);
        }
        _ => (),
    }
}

/// Puts marks where the provider is to cache what comes before: four of them are allowed.
fn mark(caching: &PromptCaching, body: &mut Body) {
    let long = |json: &Value| json.to_string().len() / 4 >= caching.min_tokens as usize;
    if body.values().any(is_marked) {
        return;
    }
    if caching.cache_tools
        && let Some(tools) = body.get_mut("tools").filter(|tools| long(tools))
        && let Some(Value::Object(tool)) = tools.as_array_mut().and_then(|tools| tools.last_mut())
    {
        mark_one(tool);
    }
    if caching.cache_system
        && let Some(system) = body.get_mut("system").filter(|system| long(system))
    {
        mark_last(system);
    }
    let messages = body.get_mut("messages").and_then(Value::as_array_mut);
    if let Some(messages) = messages.filter(|messages| caching.cache_messages && messages.len() > 1)
    {
        let place = (messages.len() - 2).saturating_sub(caching.cache_message_offset as usize);
        let bytes: usize = messages[..=place].iter().map(|one| one.to_string().len()).sum();
        if bytes / 4 >= caching.min_tokens as usize
            && let Some(content) = messages[place].get_mut("content")
        {
            mark_last(content);
        }
    }
}

/// The last block of a list; a text becomes a block.
fn mark_last(content: &mut Value) {
    if let Value::String(text) = content {
        *content = json!([{ "type": "text", "text": text }]);
    }
    if let Some(Value::Object(block)) = content.as_array_mut().and_then(|blocks| blocks.last_mut())
    {
        mark_one(block);
    }
}

fn mark_one(block: &mut Body) {
    block.insert(MARK.to_owned(), json!({ "type": "ephemeral" }));
}

/// Whether there is a mark anywhere in it. How deep it goes is bounded by who read it.
fn is_marked(json: &Value) -> bool {
    match json {
        Value::Object(fields) => fields.contains_key(MARK) || fields.values().any(is_marked),
        Value::Array(items) => items.iter().any(is_marked),
        _ => false,
    }
}

const MARK: &str = "cache_control";

#[cfg(test)]
mod tests;
