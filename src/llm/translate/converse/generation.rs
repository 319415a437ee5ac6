//! Whole answers of Bedrock's Converse.

use super::super::fields::Fields;
use super::super::generation::Finish;
use super::super::object::{List, Object, object};
use super::super::{Broken, Caller, Generation, Part, Refused, Usage, call_id};
use super::prompt::{read_blocks, write_call, write_thinking};

/// Reads an answer.
///
/// # Errors
/// It is none.
pub fn read(body: &[u8]) -> Result<Generation, Broken> {
    let mut fields = Fields::parse(body)?;
    let mut generation = Generation::default();
    fields.needs_object("output", |mut output| {
        output.needs_object("message", |mut message| {
            message.objects("content", |block| read_blocks(block, &mut generation.parts, None))
        })
    })?;
    generation.finish = finish(&fields.needs_text("stopReason")?);
    generation.usage = fields.object("usage", usage)?.unwrap_or_default();
    generation.stop_sequence = fields
        .object("additionalModelResponseFields", |mut extras| extras.text("stop_sequence"))?
        .flatten();
    let tier = fields.object("serviceTier", |mut tier| tier.text("type"))?;
    generation.service_tier = tier.flatten();
    Ok(generation)
}

fn usage(mut fields: Fields<'_>) -> Result<Usage, Refused> {
    let counted = Counted {
        input_tokens: fields.count("inputTokens")?,
        output_tokens: fields.count("outputTokens")?,
        cache_read_input_tokens: fields.count("cacheReadInputTokens")?,
        cache_write_input_tokens: fields.count("cacheWriteInputTokens")?,
    };
    Ok(counted.usage())
}

/// Usage on the wire: the input without what was in a cache.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counted {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

impl Counted {
    pub(super) fn usage(&self) -> Usage {
        let (read, written) = (self.cache_read_input_tokens, self.cache_write_input_tokens);
        let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        Usage {
            input: self.input_tokens.map(|alone| alone.saturating_add(cached)),
            output: self.output_tokens,
            cache_read: read,
            cache_written: written,
            reasoning: None,
        }
    }
}

pub(super) fn finish(reason: &str) -> Finish {
    match reason {
        "tool_use" => Finish::Calls,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "stop_sequence" => Finish::StopSequence,
        "guardrail_intervened" | "content_filtered" => Finish::Filtered,
        "refusal" => Finish::Refused,
        _ => Finish::Stop,
    }
}

pub(super) fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Paused => "end_turn",
        Finish::StopSequence => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Filtered | Finish::Refused => "content_filtered",
    }
}

/// Appends an answer.
pub fn write(generation: &Generation, caller: &Caller, out: &mut Vec<u8>) {
    object(out, |body| {
        body.object("output", |output| {
            output.object("message", |message| {
                message.text("role", "assistant");
                message.list("content", |list| write_parts(&generation.parts, caller, list));
            });
        });
        body.text("stopReason", reason(generation.finish));
        write_usage(generation.usage, caller, body);
        if let Some(stop) = &generation.stop_sequence {
            body.object("additionalModelResponseFields", |extras| {
                extras.text("stop_sequence", stop);
            });
        }
    });
}

fn write_parts(parts: &[Part], caller: &Caller, list: &mut List<'_>) {
    parts.iter().enumerate().for_each(|(index, part)| write_part(part, index, caller, list));
}

fn write_part(part: &Part, index: usize, caller: &Caller, list: &mut List<'_>) {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) if !text.is_empty() => {
            list.object(|block| block.text("text", text));
        }
        Part::Thinking(thinking) => list.object(|block| write_thinking(thinking, block)),
        Part::Call(call) => {
            let id = call_id::or_made(&call.id, index, caller.seed);
            let id = call_id::join(&id, call.signature.as_deref());
            list.object(|block| write_call(call, &id, caller.tool(&call.name), block));
        }
        _ => (),
    }
}

/// Usage and metrics, both of which must be there.
pub(super) fn write_usage(usage: Usage, caller: &Caller, body: &mut Object<'_>) {
    let known = Usage { input: usage.input.or(Some(caller.input_tokens)), ..usage };
    body.object("usage", |object| {
        object.count("inputTokens", known.input_alone());
        object.count("outputTokens", known.output.unwrap_or(0));
        object.count("totalTokens", known.total());
        if let Some(tokens) = known.cache_read {
            object.count("cacheReadInputTokens", tokens);
        }
        if let Some(tokens) = known.cache_written {
            object.count("cacheWriteInputTokens", tokens);
        }
    });
    // Nobody here has a clock.
    body.raw("metrics", r#"{"latencyMs":0}"#);
}
