//! Writes what is said: turns into messages.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::write::NAME_LEN_MAX;
use crate::llm::translate::field::refused;
use crate::llm::translate::messages::cache::{self, CacheControl};
use crate::llm::translate::prompt::{Call, Media, MediaKind, Role, Source, Thinking};
use crate::llm::translate::{Host, Part, Prompt, Refused, fit, media};

/// All that is said.
pub(super) struct Said<'a> {
    pub system: Option<Content<'a>>,
    pub messages: Vec<Message<'a>>,
}

impl<'a> Said<'a> {
    /// `words`: what else the system says.
    ///
    /// # Errors
    /// There is something that Messages have no place for.
    pub(super) fn read(
        prompt: &'a Prompt,
        takes_system: bool,
        host: Host,
        words: Option<String>,
    ) -> Result<Self, Refused> {
        let mut system = blocks(&prompt.system, host)?;
        let mut said = Self { system: None, messages: Vec::with_capacity(prompt.turns.len()) };
        for turn in &prompt.turns {
            let blocks = blocks(&turn.parts, host)?;
            match turn.role {
                Role::User => said.say("user", blocks),
                Role::Assistant => said.say("assistant", blocks),
                Role::System if takes_system => said.say("system", blocks),
                Role::System => system.extend(blocks),
            }
        }
        system.extend(words.map(Block::text));
        said.open(&mut system)?;
        said.close();
        said.system = content(system);
        for message in &mut said.messages {
            message.content = content(std::mem::take(&mut message.blocks));
        }
        Ok(said)
    }

    fn say(&mut self, role: &'static str, blocks: Vec<Block<'a>>) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.blocks.extend(blocks),
            _ if blocks.is_empty() => (),
            _ => self.messages.push(Message { role, content: None, blocks }),
        }
    }

    /// A user speaks first. Who has nothing but a system to say is one.
    fn open(&mut self, system: &mut Vec<Block<'a>>) -> Result<(), Refused> {
        match self.messages.first() {
            Some(first) if first.role == "user" => return Ok(()),
            Some(_) => {
                let blocks = vec![Block::text(".")];
                self.messages.insert(0, Message { role: "user", content: None, blocks });
            }
            None if system.is_empty() => return refused("messages: nothing is said in them"),
            None => self.say("user", std::mem::take(system)),
        }
        Ok(())
    }

    /// What the assistant is to go on with must not end in white space.
    fn close(&mut self) {
        let Some(last) = self.messages.last_mut().filter(|last| last.role == "assistant") else {
            return;
        };
        if let Some(Block { text: Some(text), .. }) = last.blocks.last_mut() {
            match text {
                Cow::Borrowed(text) => *text = text.trim_end(),
                Cow::Owned(text) => text.truncate(text.trim_end().len()),
            }
        }
    }
}

fn blocks(parts: &[Part], host: Host) -> Result<Vec<Block<'_>>, Refused> {
    let mut blocks = Vec::with_capacity(parts.len());
    for part in parts {
        blocks.extend(block(part, host)?);
    }
    Ok(blocks)
}

/// Blank texts are refused there, as are thoughts that are not signed.
fn block(part: &Part, host: Host) -> Result<Option<Block<'_>>, Refused> {
    Ok(Some(match part {
        Part::Text { text, .. } | Part::Refusal(text) if text.trim().is_empty() => return Ok(None),
        Part::Text { text, cache } => {
            Block { cache_control: cache::write(*cache), ..Block::text(text.as_str()) }
        }
        Part::Refusal(text) => Block::text(text.as_str()),
        Part::Media { media, cache } => {
            Block { cache_control: cache::write(*cache), ..shown(media, host)? }
        }
        Part::Thinking(Thinking { sealed: Some(data), .. }) => {
            Block { kind: "redacted_thinking", data: Some(data), ..Block::default() }
        }
        Part::Thinking(Thinking { text, signature: Some(signature), .. }) => Block {
            kind: "thinking",
            thinking: Some(text),
            signature: Some(signature),
            ..Block::default()
        },
        Part::Thinking(_) => return Ok(None),
        Part::Call(Call { id, name, input, cache, .. }) => Block {
            kind: "tool_use",
            id: Some(call_id(id)),
            name: Some(fit::name(name, NAME_LEN_MAX)),
            input: Some(input),
            cache_control: cache::write(*cache),
            ..Block::default()
        },
        Part::Result { id, parts, is_error, cache, .. } => Block {
            kind: "tool_result",
            tool_use_id: Some(call_id(id)),
            content: content(blocks(parts, host)?),
            is_error: is_error.then_some(true),
            cache_control: cache::write(*cache),
            ..Block::default()
        },
    }))
}

/// A text without a mark is no list.
fn content(mut blocks: Vec<Block<'_>>) -> Option<Content<'_>> {
    match blocks.as_mut_slice() {
        [] => None,
        [Block { text, cache_control: None, .. }] if text.is_some() => {
            text.take().map(Content::Text)
        }
        _ => Some(Content::Blocks(blocks)),
    }
}

fn shown(media: &Media, host: Host) -> Result<Block<'_>, Refused> {
    let is_hosted = matches!(host, Host::Vertex | Host::Bedrock);
    let kind = match media.kind {
        MediaKind::Image => "image",
        MediaKind::Document => "document",
        MediaKind::Audio => return refused("audio: this model takes none"),
        MediaKind::Video => return refused("video: this model takes none"),
    };
    let source = match (&media.source, media.kind) {
        (Source::Data(data), MediaKind::Image) => match media.mime.as_str() {
            "image/jpg" => Origin::data("image/jpeg", data),
            "" => Origin::data("image/png", data),
            mime @ ("image/jpeg" | "image/png" | "image/gif" | "image/webp") => {
                Origin::data(mime, data)
            }
            mime => return refused(format!("an image of type {mime:.40}: jpeg, png, gif, webp")),
        },
        (Source::Data(data), _) => document(&media.mime, data)?,
        (Source::Url(_), _) if is_hosted => {
            return refused("an address: this model takes data alone; send it as base64");
        }
        (Source::Url(url), _) => Origin { kind: "url", url: Some(url), ..Origin::default() },
        (Source::Text(text), _) => Origin::text(text.as_str()),
        (Source::File(id), _) if id.starts_with("file_") && host == Host::Own => {
            Origin { kind: "file", file_id: Some(id), ..Origin::default() }
        }
        (Source::File(_), _) => {
            return refused("a file by its id: no other provider has it; send its data");
        }
    };
    let title = media.name.as_deref().filter(|_| kind == "document");
    Ok(Block { kind, source: Some(source), title, ..Block::default() })
}

fn document<'a>(mime: &str, data: &'a str) -> Result<Origin<'a>, Refused> {
    let is_text = mime.starts_with("text/") || mime == "application/json";
    match mime {
        "application/pdf" | "" => Ok(Origin::data("application/pdf", data)),
        _ if is_text => match media::text(data) {
            Some(text) => Ok(Origin::text(text)),
            None => refused("a document that should be text: its base64 is no UTF-8"),
        },
        _ => refused(format!("a document of type {mime:.40}: this model takes PDF and text")),
    }
}

/// Anthropic takes letters, digits, `_` and `-`.
fn call_id(id: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.chars().all(is_plain) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("toolu_{}", fit::digest(id)))
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    content: Option<Content<'a>>,
    #[serde(skip)]
    blocks: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Blocks(Vec<Block<'a>>),
}

#[derive(Serialize, Default)]
pub(super) struct Block<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Origin<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_error: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

impl<'a> Block<'a> {
    fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind: "text", text: Some(text.into()), ..Self::default() }
    }
}

#[derive(Serialize, Default)]
struct Origin<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

impl<'a> Origin<'a> {
    fn data(mime: &'a str, data: &'a str) -> Self {
        let data = Some(Cow::Borrowed(data));
        Self { kind: "base64", media_type: Some(mime), data, ..Self::default() }
    }

    fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let data = Some(text.into());
        Self { kind: "text", media_type: Some("text/plain"), data, ..Self::default() }
    }
}
