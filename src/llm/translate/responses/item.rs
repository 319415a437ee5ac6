//! Items of an answer as they are written, whole or at the end of a stream.

use std::borrow::Cow;

use serde_json::Value;

use super::super::Caller;
use super::super::object::Object;
use super::CUSTOM;

/// What an item says.
pub(super) enum Item<'a> {
    Text {
        text: &'a str,
        /// OpenAI's, as a choice of Completions has them.
        logprobs: Option<&'a Value>,
    },
    Refusal {
        text: &'a str,
    },
    Thinking {
        text: &'a str,
        signature: Option<&'a str>,
    },
    Sealed {
        sealed: &'a str,
    },
    Call {
        id: Cow<'a, str>,
        name: &'a str,
        arguments: Cow<'a, str>,
    },
}

impl Item<'_> {
    fn prefix(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Refusal { .. } => "msg",
            Self::Thinking { .. } | Self::Sealed { .. } => "rs",
            Self::Call { name, .. } if name.ends_with(CUSTOM) => "ctc",
            Self::Call { .. } => "fc",
        }
    }

    /// Of the item at that place of the output.
    pub(super) fn id(&self, index: usize, caller: &Caller) -> String {
        format!("{}_{:016x}{index:04x}", self.prefix(), caller.seed)
    }
}

/// The fields of an item.
pub(super) fn write(
    item: &Item<'_>,
    index: usize,
    status: &str,
    caller: &Caller,
    object: &mut Object<'_>,
) {
    object.text("id", &item.id(index, caller));
    match item {
        Item::Text { .. } | Item::Refusal { .. } => {
            object.text("type", "message");
            object.text("status", status);
            object.list("content", |list| list.object(|part| write_part(item, part)));
            object.text("role", "assistant");
        }
        Item::Thinking { .. } | Item::Sealed { .. } => {
            object.text("type", "reasoning");
            object.list("summary", |list| {
                if let Item::Thinking { text, .. } = item {
                    list.object(|part| write_summary(text, part));
                }
            });
            match item {
                Item::Sealed { sealed } if !sealed.is_empty() => {
                    object.text("encrypted_content", sealed);
                }
                Item::Thinking { signature: Some(signature), .. } => {
                    object.text("encrypted_content", signature);
                }
                _ => (),
            }
        }
        Item::Call { id, name, arguments } => {
            object.text("call_id", id);
            write_call(name, arguments, status, object);
        }
    }
}

fn write_call(name: &str, arguments: &str, status: &str, object: &mut Object<'_>) {
    let Some(custom) = name.strip_suffix(CUSTOM) else {
        object.text("type", "function_call");
        object.text("status", status);
        object.text("arguments", arguments);
        object.text("name", name);
        return;
    };
    object.text("type", "custom_tool_call");
    object.text("status", status);
    object.text("input", &free_text(arguments));
    object.text("name", custom);
}

/// What a custom tool is given, of the arguments of the function that it was told as.
pub(super) fn free_text(arguments: &str) -> String {
    let value: Option<Value> = serde_json::from_str(arguments).ok();
    let text = value.as_ref().and_then(|value| value.get("input")?.as_str());
    text.unwrap_or(arguments).to_owned()
}

/// The part of a message that says what the item says.
pub(super) fn write_part(item: &Item<'_>, part: &mut Object<'_>) {
    match item {
        Item::Text { text, logprobs } => {
            part.text("type", "output_text");
            part.raw("annotations", "[]");
            match logprobs.and_then(|logprobs| logprobs.get("content")) {
                Some(list @ Value::Array(_)) => part.value("logprobs", list),
                _ => part.raw("logprobs", "[]"),
            }
            part.text("text", text);
        }
        Item::Refusal { text } => {
            part.text("type", "refusal");
            part.text("refusal", text);
        }
        _ => (),
    }
}

pub(super) fn write_summary(text: &str, part: &mut Object<'_>) {
    part.text("type", "summary_text");
    part.text("text", text);
}
