//! Reads what is said: messages into turns.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::thoughts::{self, Thought};
use crate::llm::translate::field::{self, TextOr, refused};
use crate::llm::translate::messages::cache::{self, CacheControl};
use crate::llm::translate::prompt::{Cache, Call, Media, MediaKind, Role, Source, Turn};
use crate::llm::translate::{Part, Prompt, Refused, fit, media};

/// What was said so far.
#[derive(Default)]
pub(super) struct Said {
    prompt: Prompt,
    /// By the ids of calls.
    names: HashMap<String, String>,
}

impl Said {
    /// Takes the next message.
    pub(super) fn message(&mut self, at: usize, message: Message) -> Result<(), Refused> {
        match message.role {
            Speaker::System | Speaker::Developer => self.system(at, message),
            Speaker::User => self.user(at, message),
            Speaker::Assistant => self.assistant(at, message),
            Speaker::Tool | Speaker::Function => self.result(at, message),
        }
    }

    /// All is said. Results go before what the user says.
    pub(super) fn end(mut self) -> Prompt {
        for turn in self.prompt.turns.iter_mut().filter(|turn| turn.role == Role::User) {
            turn.parts.sort_by_key(|part| !matches!(part, Part::Result { .. }));
        }
        self.prompt
    }

    fn system(&mut self, at: usize, message: Message) -> Result<(), Refused> {
        let parts = parts(at, message.content, message.cache_control)?;
        if parts.iter().any(|part| !matches!(part, Part::Text { .. })) {
            return refused(format!("messages[{at}].content: of a system, text alone"));
        }
        if self.prompt.turns.is_empty() {
            self.prompt.system.extend(parts);
            return Ok(());
        }
        self.say(Role::System, parts);
        Ok(())
    }

    fn user(&mut self, at: usize, message: Message) -> Result<(), Refused> {
        let parts = parts(at, message.content, message.cache_control)?;
        self.say(Role::User, parts);
        Ok(())
    }

    fn assistant(&mut self, at: usize, message: Message) -> Result<(), Refused> {
        if message.audio.is_some() {
            return refused(format!("messages[{at}].audio: OpenAI alone has kept it"));
        }
        let thought = message.reasoning_content.or(message.reasoning);
        let mut said = thoughts::read(thought, message.thinking_blocks);
        said.extend(parts(at, message.content, message.cache_control)?);
        said.extend(message.refusal.map(Part::Refusal));
        for (place, call) in message.tool_calls.unwrap_or_default().into_iter().enumerate() {
            let Some(function) = call.function else {
                let field = format!("messages[{at}].tool_calls[{place}]");
                return refused(format!("{field}.function is needed: this model knows no others"));
            };
            said.push(self.call(call.id, function));
        }
        if let Some(function) = message.function_call {
            said.push(self.call(function.name.clone(), function));
        }
        self.say(Role::Assistant, said);
        Ok(())
    }

    fn call(&mut self, id: String, function: Function) -> Part {
        let (id, signature) = fit::unsigned(id);
        self.names.insert(id.clone(), function.name.clone());
        let input = field::object(function.arguments.as_deref().unwrap_or_default());
        Part::Call(Call { id, name: function.name, input, signature, cache: None })
    }

    /// What a tool said is the user's.
    fn result(&mut self, at: usize, message: Message) -> Result<(), Refused> {
        let Some(id) = message.tool_call_id.or_else(|| message.name.clone()) else {
            return refused(format!("messages[{at}].tool_call_id is needed"));
        };
        let (id, _) = fit::unsigned(id);
        let name = self.names.get(&id).cloned().or(message.name);
        let cache = cache::read(message.cache_control);
        let parts = parts(at, message.content, None)?;
        self.prompt.say(Role::User, Part::Result { id, name, parts, is_error: false, cache });
        Ok(())
    }

    fn say(&mut self, role: Role, parts: Vec<Part>) {
        match self.prompt.turns.last_mut() {
            Some(last) if last.role == role => last.parts.extend(parts),
            _ if parts.is_empty() => (),
            _ => self.prompt.turns.push(Turn { role, parts }),
        }
    }
}

/// Reads content. A mark on the whole message is one on its end.
fn parts(
    at: usize,
    content: Option<TextOr<Vec<Piece>>>,
    mark: Option<CacheControl>,
) -> Result<Vec<Part>, Refused> {
    let mark = cache::read(mark);
    let mut parts = match content {
        None => Vec::new(),
        Some(TextOr::Text(text)) if text.is_empty() => Vec::new(),
        Some(TextOr::Text(text)) => vec![Part::Text { text, cache: mark }],
        Some(TextOr::Other(pieces)) => {
            let mut parts = Vec::with_capacity(pieces.len());
            for (place, piece) in pieces.into_iter().enumerate() {
                let part = piece.into_part();
                let named = |why| Refused(format!("messages[{at}].content[{place}]: {why}").into());
                parts.extend(part.map_err(named)?);
            }
            parts
        }
    };
    if let Some(Part::Text { cache, .. } | Part::Media { cache, .. }) = parts.last_mut() {
        *cache = cache.or(mark);
    }
    Ok(parts)
}

impl Piece {
    fn into_part(self) -> Result<Option<Part>, &'static str> {
        let cache = cache::read(self.cache_control);
        Ok(Some(match self.kind.as_str() {
            "text" => Part::Text { text: self.text.ok_or("text is needed")?, cache },
            "refusal" => Part::Refusal(self.refusal.ok_or("refusal is needed")?),
            "image_url" => {
                let image = self.image_url.ok_or("image_url is needed")?;
                picture(image, MediaKind::Image, cache)?
            }
            "video_url" => {
                let video = self.video_url.ok_or("video_url is needed")?;
                picture(video, MediaKind::Video, cache)?
            }
            "input_audio" => {
                let Some(Audio { data, format }) = self.input_audio else {
                    return Err("input_audio is needed");
                };
                let mime = match format.as_str() {
                    "mp3" => "audio/mpeg".to_owned(),
                    _ => format!("audio/{format}"),
                };
                media_part(MediaKind::Audio, mime, Source::Data(data), cache)
            }
            "file" => document(self.file.ok_or("file is needed")?, cache)?,
            // Thoughts that stand among what is said (Mistral's): no other takes them.
            "thinking" => return Ok(None),
            _ => return Err("type: one of text, image_url, input_audio, file, refusal"),
        }))
    }
}

fn picture(
    raw: TextOr<Address>,
    kind: MediaKind,
    cache: Option<Cache>,
) -> Result<Part, &'static str> {
    let (url, detail) = match raw {
        TextOr::Text(url) => (url, None),
        TextOr::Other(Address { url, detail }) => (url, detail),
    };
    let (mime, source) = media::source(url).ok_or("url: neither an address nor base64 data")?;
    Ok(Part::Media { media: Media { kind, mime, source, name: None, detail }, cache })
}

fn document(file: File, cache: Option<Cache>) -> Result<Part, &'static str> {
    let (mime, source) = match (file.file_data, file.file_id) {
        (Some(data), _) if data.starts_with("data:") => {
            media::source(data).ok_or("file.file_data: no base64")?
        }
        (Some(data), _) => ("application/pdf".to_owned(), Source::Data(data)),
        (None, Some(id)) => (String::new(), Source::File(id)),
        (None, None) => return Err("file: file_data or file_id is needed"),
    };
    let kind = MediaKind::Document;
    let media = Media { kind, mime, source, name: file.filename, detail: None };
    Ok(Part::Media { media, cache })
}

fn media_part(kind: MediaKind, mime: String, source: Source, cache: Option<Cache>) -> Part {
    Part::Media { media: Media { kind, mime, source, name: None, detail: None }, cache }
}

#[derive(Deserialize)]
pub(super) struct Message {
    role: Speaker,
    content: Option<TextOr<Vec<Piece>>>,
    refusal: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
    function_call: Option<Function>,
    tool_call_id: Option<String>,
    name: Option<String>,
    /// DeepSeek's word, and that of most others.
    reasoning_content: Option<String>,
    /// OpenRouter's, Groq's and Ollama's.
    reasoning: Option<String>,
    /// LiteLLM's.
    thinking_blocks: Option<Vec<Thought>>,
    audio: Option<IgnoredAny>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    id: String,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Piece {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<TextOr<Address>>,
    video_url: Option<TextOr<Address>>,
    input_audio: Option<Audio>,
    file: Option<File>,
    cache_control: Option<CacheControl>,
}

#[derive(Deserialize)]
struct Address {
    url: String,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Audio {
    data: String,
    format: String,
}

#[derive(Deserialize)]
struct File {
    file_data: Option<String>,
    file_id: Option<String>,
    filename: Option<String>,
}
