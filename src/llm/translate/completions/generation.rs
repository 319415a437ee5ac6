//! Whole answers of OpenAI's chat completions.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::said::{self, Said};
use super::thoughts::{self, Thought};
use super::usage::{self, Telling, Told};
use crate::llm::translate::field::{self, First};
use crate::llm::translate::prompt::{Call, Part, Thinking};
use crate::llm::translate::{Broken, Caller, Generation, fit};

/// Reads an answer.
///
/// # Errors
/// It is none.
pub fn read(body: &[u8]) -> Result<Generation, Broken> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Broken)?;
    let First(Some(choice)) = body.choices else { return Err(Broken) };
    let message = choice.message;
    let mut parts =
        thoughts::read(message.reasoning_content.or(message.reasoning), message.thinking_blocks);
    let said = message.content.unwrap_or_default();
    if !said.thought.is_empty() {
        parts.push(Part::Thinking(Thinking { text: said.thought, ..Thinking::default() }));
    }
    if !said.text.is_empty() {
        parts.push(Part::text(said.text));
    }
    let refusal = message.refusal.filter(|text| !text.is_empty());
    let has_refused = refusal.is_some();
    parts.extend(refusal.map(Part::Refusal));
    let tools = message.tool_calls.unwrap_or_default().into_iter();
    let called = tools.filter_map(|call| Some(part(call.id, call.function?)));
    let functions = message.function_call.into_iter().map(|function| part(None, function));
    let calls: Vec<Part> = called.chain(functions).collect();
    let word = choice.finish_reason.unwrap_or_default();
    let finish = said::finish(&word, !calls.is_empty(), has_refused);
    parts.extend(calls);
    Ok(Generation {
        id: body.id.unwrap_or_default(),
        model: body.model.unwrap_or_default(),
        created: body.created,
        parts,
        finish,
        stop_sequence: None,
        usage: body.usage.map(Into::into).unwrap_or_default(),
        logprobs: choice.logprobs,
        service_tier: body.service_tier,
    })
}

fn part(id: Option<String>, function: Function) -> Part {
    let (id, signature) = fit::unsigned(id.unwrap_or_default());
    let input = field::object(function.arguments.as_deref().unwrap_or_default());
    Part::Call(Call { id, name: function.name, input, signature, cache: None })
}

/// Appends an answer.
pub fn write(generation: &Generation, caller: &Caller, out: &mut Vec<u8>) {
    let parts = &generation.parts;
    let (reasoning_content, thinking_blocks) = thoughts::write(parts);
    let refusal = join(parts, |part| match part {
        Part::Refusal(text) => Some(text),
        _ => None,
    });
    let text = join(parts, |part| match part {
        Part::Text { text, .. } => Some(text),
        _ => None,
    });
    let calls = parts.iter().filter_map(|part| match part {
        Part::Call(call) => Some(call),
        _ => None,
    });
    let calls = calls.enumerate().map(|(place, call)| called(call, place, caller));
    let tool_calls: Vec<Called<'_>> = calls.collect();
    let is_silent = refusal.is_none() && tool_calls.is_empty();
    let finish_reason = said::word(generation.finish, refusal.is_some());
    let message = Speech {
        role: "assistant",
        content: text.or_else(|| is_silent.then_some(Cow::Borrowed(""))),
        reasoning_content,
        thinking_blocks,
        tool_calls,
        refusal,
    };
    let logprobs = generation.logprobs.as_ref();
    let answer = Answer {
        id: id(&generation.id, caller),
        object: "chat.completion",
        created: generation.created.unwrap_or(caller.now),
        model: if generation.model.is_empty() { &caller.model } else { &generation.model },
        choices: [Written { index: 0, message, logprobs, finish_reason }],
        usage: usage::write(generation.usage),
        service_tier: generation.service_tier.as_deref(),
        system_fingerprint: None,
    };
    // A vector takes it all, and no key of a map is anything but a text.
    let _ = serde_json::to_writer(out, &answer);
}

/// The id of an answer.
pub(super) fn id<'a>(told: &'a str, caller: &Caller) -> Cow<'a, str> {
    if told.is_empty() {
        return Cow::Owned(fit::made("chatcmpl-", caller.seed, 0));
    }
    Cow::Borrowed(told)
}

/// The id of a call.
pub(super) fn call_id<'a>(
    told: &'a str,
    signature: Option<&str>,
    place: usize,
    caller: &Caller,
) -> Cow<'a, str> {
    if !told.is_empty() {
        return fit::signed(told, signature);
    }
    let made = fit::made("call_", caller.seed, place);
    Cow::Owned(fit::signed(&made, signature).into_owned())
}

fn called<'a>(call: &'a Call, place: usize, caller: &'a Caller) -> Called<'a> {
    let arguments = call.input.to_string();
    Called {
        id: call_id(&call.id, call.signature.as_deref(), place, caller),
        kind: "function",
        function: CalledFunction { name: caller.tool(&call.name), arguments },
    }
}

fn join<'a>(
    parts: &'a [Part],
    pick: impl Fn(&'a Part) -> Option<&'a String>,
) -> Option<Cow<'a, str>> {
    let mut texts = parts.iter().filter_map(pick);
    let first = Cow::Borrowed(texts.next()?.as_str());
    Some(texts.fold(first, |all, more| all + more.as_str()))
}

#[derive(Deserialize)]
struct Body<'a> {
    id: Option<String>,
    model: Option<String>,
    #[serde(default, deserialize_with = "field::count")]
    created: Option<u64>,
    #[serde(borrow)]
    choices: First<Choice<'a>>,
    usage: Option<Told>,
    service_tier: Option<String>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Message<'a>,
    finish_reason: Option<String>,
    logprobs: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Said<'a>>,
    refusal: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
    function_call: Option<Function>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    thinking_blocks: Option<Vec<Thought>>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: Cow<'a, str>,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Written<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Telling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    system_fingerprint: Option<&'a str>,
}

#[derive(Serialize)]
struct Written<'a> {
    index: u32,
    message: Speech<'a>,
    logprobs: Option<&'a Value>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Speech<'a> {
    role: &'static str,
    content: Option<Cow<'a, str>>,
    refusal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_blocks: Option<Vec<Thought>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Called<'a>>,
}

#[derive(Serialize)]
struct Called<'a> {
    id: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: String,
}
