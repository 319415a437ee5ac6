//! Reads what is said: messages into turns.

use std::collections::HashMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::llm::translate::field::{TextOr, refused};
use crate::llm::translate::messages::cache::{self, CacheControl};
use crate::llm::translate::prompt::{Call, Media, MediaKind, Role, Source, Thinking, Turn};
use crate::llm::translate::{Part, Prompt, Refused, fit, media};

/// Reads all that is said.
///
/// # Errors
/// There is a block that no other dialect has.
pub(super) fn read(
    system: Option<TextOr<Vec<Block>>>,
    messages: Vec<Message>,
) -> Result<Prompt, Refused> {
    let mut said = Said::default();
    if let Some(system) = system {
        said.prompt.system = said.parts("system", system)?;
        if said.prompt.system.iter().any(|part| !matches!(part, Part::Text { .. })) {
            return refused("system: text alone");
        }
    }
    for (at, message) in messages.into_iter().enumerate() {
        let role = match message.role {
            Speaker::User => Role::User,
            Speaker::Assistant => Role::Assistant,
            Speaker::System => Role::System,
        };
        let parts = said.parts(&format!("messages[{at}].content"), message.content)?;
        said.turn(role, parts);
    }
    for turn in said.prompt.turns.iter_mut().filter(|turn| turn.role == Role::User) {
        turn.parts.sort_by_key(|part| !matches!(part, Part::Result { .. }));
    }
    Ok(said.prompt)
}

#[derive(Default)]
struct Said {
    prompt: Prompt,
    /// By the ids of calls.
    names: HashMap<String, String>,
}

impl Said {
    fn turn(&mut self, role: Role, parts: Vec<Part>) {
        match self.prompt.turns.last_mut() {
            Some(last) if last.role == role => last.parts.extend(parts),
            _ if parts.is_empty() => (),
            _ => self.prompt.turns.push(Turn { role, parts }),
        }
    }

    fn parts(&mut self, field: &str, content: TextOr<Vec<Block>>) -> Result<Vec<Part>, Refused> {
        let blocks = match content {
            TextOr::Text(text) if text.is_empty() => return Ok(Vec::new()),
            TextOr::Text(text) => return Ok(vec![Part::text(text)]),
            TextOr::Other(blocks) => blocks,
        };
        let mut parts = Vec::with_capacity(blocks.len());
        for (place, block) in blocks.into_iter().enumerate() {
            let named = |why| Refused(format!("{field}[{place}]: {why}").into());
            parts.extend(self.part(block).map_err(named)?);
        }
        Ok(parts)
    }

    fn part(&mut self, block: Block) -> Result<Option<Part>, String> {
        let kind = block.kind.clone();
        match kind.as_str() {
            "tool_use" => Ok(Some(self.call(block)?)),
            "tool_result" => Ok(Some(self.result(block)?)),
            _ => block.into_part().map_err(str::to_owned),
        }
    }

    fn call(&mut self, block: Block) -> Result<Part, String> {
        let (Some(id), Some(name)) = (block.id, block.name) else {
            return Err("id and name are needed".to_owned());
        };
        let (id, signature) = fit::unsigned(id);
        self.names.insert(id.clone(), name.clone());
        let input = Value::Object(block.input.unwrap_or_default());
        let cache = cache::read(block.cache_control);
        Ok(Part::Call(Call { id, name, input, signature, cache }))
    }

    fn result(&self, block: Block) -> Result<Part, String> {
        let id = block.tool_use_id.ok_or("tool_use_id is needed")?;
        let (id, _) = fit::unsigned(id);
        let mut parts = Vec::new();
        match block.content {
            None => (),
            Some(Content::Text(text)) => parts.push(Part::text(text)),
            Some(Content::Several(blocks)) => {
                for (place, block) in blocks.into_iter().enumerate() {
                    let part = block.into_part().map_err(|why| format!("content[{place}]: {why}"));
                    parts.extend(part?.filter(is_shown));
                }
            }
            Some(Content::One) => return Err("content: a list is needed".into()),
        }
        let name = self.names.get(&id).cloned();
        let is_error = block.is_error == Some(true);
        Ok(Part::Result { id, name, parts, is_error, cache: cache::read(block.cache_control) })
    }
}

fn is_shown(part: &Part) -> bool {
    matches!(part, Part::Text { .. } | Part::Media { .. })
}

impl Block {
    /// What it is, if it has no calls in it. What Anthropic's own tools did before is left out.
    fn into_part(self) -> Result<Option<Part>, &'static str> {
        let cache = cache::read(self.cache_control);
        Ok(Some(match self.kind.as_str() {
            "text" => Part::Text { text: self.text.ok_or("text is needed")?, cache },
            "image" => {
                let source = self.source.ok_or("source is needed")?;
                Part::Media { media: shown(MediaKind::Image, source, None)?, cache }
            }
            "document" => {
                let source = self.source.ok_or("source is needed")?;
                Part::Media { media: shown(MediaKind::Document, source, self.title)?, cache }
            }
            "search_result" => {
                let text = texts(self.content);
                let (mime, source) = ("text/plain".to_owned(), Source::Text(text));
                let (kind, name) = (MediaKind::Document, self.title);
                Part::Media { media: Media { kind, mime, source, name, detail: None }, cache }
            }
            "thinking" => {
                let signature = self.signature.filter(|signature| !signature.is_empty());
                let text = self.thinking.ok_or("thinking is needed")?;
                Part::Thinking(Thinking { text, signature, sealed: None })
            }
            "redacted_thinking" => {
                let sealed = Some(self.data.ok_or("data is needed")?);
                Part::Thinking(Thinking { sealed, ..Thinking::default() })
            }
            "tool_use" | "tool_result" => return Err("no call, and no result, has its place here"),
            "container_upload" => return Err("container_upload: Anthropic alone has containers"),
            "server_tool_use" | "mcp_tool_use" | "tool_reference" | "compaction" => {
                return Ok(None);
            }
            kind if kind.ends_with("_tool_result") => return Ok(None),
            _ => return Err("type: it is none that another model would understand"),
        }))
    }
}

fn shown(
    kind: MediaKind,
    source: TextOr<Origin>,
    name: Option<String>,
) -> Result<Media, &'static str> {
    let TextOr::Other(origin) = source else { return Err("source: an object is needed") };
    let of_kind = || if kind == MediaKind::Image { "" } else { "application/pdf" }.to_owned();
    let (mime, source) = match origin.kind.as_str() {
        "base64" => {
            let mime = origin.media_type.ok_or("source.media_type is needed")?;
            if !media::is_mime(&mime) {
                return Err("source.media_type: no type");
            }
            (mime, Source::Data(origin.data.ok_or("source.data is needed")?))
        }
        "text" => ("text/plain".to_owned(), Source::Text(origin.data.ok_or("data is needed")?)),
        "url" => {
            let url = origin.url.filter(|url| url.contains(':') && !url.starts_with("data:"));
            (of_kind(), Source::Url(url.ok_or("source.url: an address is needed")?))
        }
        "file" => (String::new(), Source::File(origin.file_id.ok_or("file_id is needed")?)),
        "content" => ("text/plain".to_owned(), Source::Text(texts(origin.content))),
        _ => return Err("source.type: one of base64, text, url, file, content"),
    };
    Ok(Media { kind, mime, source, name, detail: None })
}

fn texts(content: Option<Content>) -> String {
    match content {
        Some(Content::Text(text)) => text,
        Some(Content::Several(blocks)) => {
            let texts: Vec<String> = blocks.into_iter().filter_map(|block| block.text).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

#[derive(Deserialize)]
pub(super) struct Message {
    role: Speaker,
    content: TextOr<Vec<Block>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Assistant,
    System,
}

#[derive(Deserialize)]
pub(super) struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    source: Option<TextOr<Origin>>,
    title: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Map<String, Value>>,
    tool_use_id: Option<String>,
    content: Option<Content>,
    is_error: Option<bool>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct Origin {
    #[serde(rename = "type")]
    kind: String,
    media_type: Option<String>,
    data: Option<String>,
    url: Option<String>,
    file_id: Option<String>,
    content: Option<Content>,
}

/// Of results of Anthropic's own tools, content may be an object; nobody looks into it.
enum Content {
    Text(String),
    Several(Vec<Block>),
    One,
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TextOr::<SeveralOrOne>::deserialize(deserializer)? {
            TextOr::Text(text) => Ok(Self::Text(text)),
            TextOr::Other(SeveralOrOne(None)) => Ok(Self::One),
            TextOr::Other(SeveralOrOne(Some(blocks))) => Ok(Self::Several(blocks)),
        }
    }
}

struct SeveralOrOne(Option<Vec<Block>>);

impl<'de> Deserialize<'de> for SeveralOrOne {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = SeveralOrOne;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list of blocks")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                let blocks = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(SeveralOrOne(Some(blocks)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                IgnoredAny::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SeveralOrOne(None))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}
