//! Writes what is said: turns into messages.

use std::borrow::Cow;

use serde::Serialize;

use super::write::NAME_LEN_MAX;
use crate::llm::translate::field::refused;
use crate::llm::translate::prompt::{Call, Media, MediaKind, Role, Source, Turn};
use crate::llm::translate::{Host, Part, Prompt, Provider, Refused, fit};

/// All that is said.
///
/// # Errors
/// There is something that chat completions have no place for.
pub(super) fn messages<'a>(
    prompt: &'a Prompt,
    provider: &Provider<'_>,
) -> Result<Vec<Message<'a>>, Refused> {
    let mut said = Said { out: Vec::with_capacity(prompt.turns.len() + 1), provider };
    said.plain("system", &prompt.system)?;
    for turn in &prompt.turns {
        match turn.role {
            Role::System => said.plain("system", &turn.parts)?,
            Role::User => said.user(turn)?,
            Role::Assistant => said.assistant(turn)?,
        }
    }
    Ok(said.out)
}

struct Said<'a, 'p> {
    out: Vec<Message<'a>>,
    provider: &'p Provider<'p>,
}

impl<'a> Said<'a, '_> {
    fn plain(&mut self, role: &'static str, parts: &'a [Part]) -> Result<(), Refused> {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            self.piece(part, &mut pieces)?;
        }
        if let Some(content) = self.content(pieces) {
            self.out.push(Message { role, content: Some(content), ..Message::default() });
        }
        Ok(())
    }

    /// What tools said comes first, each as a message. What they showed has no place there: the
    /// user shows it.
    fn user(&mut self, turn: &'a Turn) -> Result<(), Refused> {
        let mut pieces = Vec::with_capacity(turn.parts.len());
        for part in &turn.parts {
            let Part::Result { id, parts, is_error, .. } = part else { continue };
            let shown = parts.iter().any(|part| matches!(part, Part::Media { .. }));
            self.result(id, parts, *is_error, shown);
            if shown {
                pieces.push(Piece::text(format!("Attached to the result of tool call {id}:")));
            }
            for part in parts.iter().filter(|part| matches!(part, Part::Media { .. })) {
                self.piece(part, &mut pieces)?;
            }
        }
        for part in &turn.parts {
            self.piece(part, &mut pieces)?;
        }
        if let Some(content) = self.content(pieces) {
            self.out.push(Message { role: "user", content: Some(content), ..Message::default() });
        }
        Ok(())
    }

    fn result(&mut self, id: &'a str, parts: &'a [Part], is_error: bool, shown: bool) {
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let mut text = texts.collect::<Vec<_>>().join("\n");
        if text.is_empty() && shown {
            text.push_str("See the attachment of the next message.");
        }
        if is_error && !text.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("error")) {
            text.insert_str(0, "Error: ");
        }
        let content = Some(Content::Text(text.into()));
        let tool_call_id = Some(call_id(id));
        self.out.push(Message { role: "tool", content, tool_call_id, ..Message::default() });
    }

    fn assistant(&mut self, turn: &'a Turn) -> Result<(), Refused> {
        let (mut pieces, mut calls, mut thoughts) = (Vec::new(), Vec::new(), String::new());
        let mut refusal = None;
        for part in &turn.parts {
            match part {
                Part::Call(call) => calls.push(called(call)),
                Part::Refusal(text) => refusal = Some(text.as_str()),
                Part::Thinking(thinking) => thoughts.push_str(&thinking.text),
                _ => self.piece(part, &mut pieces)?,
            }
        }
        let wants_thoughts = !calls.is_empty() && !thoughts.is_empty() && self.thinks_aloud();
        let content = self.content(pieces);
        if content.is_none() && calls.is_empty() && refusal.is_none() {
            return Ok(());
        }
        self.out.push(Message {
            role: "assistant",
            content,
            refusal,
            reasoning_content: wants_thoughts.then_some(thoughts),
            tool_calls: calls,
            tool_call_id: None,
        });
        Ok(())
    }

    /// Whether the model wants the thoughts of its calls back.
    fn thinks_aloud(&self) -> bool {
        let model = self.provider.model.to_ascii_lowercase();
        self.provider.host == Host::Compatible
            && THINKING_ALOUD.iter().any(|name| model.contains(name))
    }

    fn piece(&self, part: &'a Part, pieces: &mut Vec<Piece<'a>>) -> Result<(), Refused> {
        let piece = match part {
            Part::Text { text, .. } if text.is_empty() => return Ok(()),
            Part::Text { text, .. } => Piece::text(text.as_str()),
            Part::Media { media, .. } => self.media(media)?,
            Part::Refusal(text) => Piece::text(text.as_str()),
            Part::Thinking(_) | Part::Call(_) | Part::Result { .. } => return Ok(()),
        };
        pieces.push(piece);
        Ok(())
    }

    /// One text is a text; several are, too, for those who know no lists of texts.
    fn content(&self, mut pieces: Vec<Piece<'a>>) -> Option<Content<'a>> {
        let is_text = |piece: &Piece<'_>| piece.text.is_some();
        let joins = self.provider.host == Host::Compatible && pieces.iter().all(is_text);
        match pieces.len() {
            0 => None,
            1 => match pieces[0].text.take() {
                Some(text) => Some(Content::Text(text)),
                None => Some(Content::Pieces(pieces)),
            },
            _ if joins => {
                let texts: Vec<_> =
                    pieces.iter().filter_map(|piece| piece.text.as_deref()).collect();
                Some(Content::Text(texts.join("\n").into()))
            }
            _ => Some(Content::Pieces(pieces)),
        }
    }

    fn media(&self, media: &'a Media) -> Result<Piece<'a>, Refused> {
        match (media.kind, &media.source) {
            (_, Source::Text(text)) => Ok(Piece::text(match &media.name {
                Some(name) => Cow::Owned(format!("{name}:\n{text}")),
                None => Cow::Borrowed(text.as_str()),
            })),
            (MediaKind::Image, Source::Data(_) | Source::Url(_)) => {
                let url = address(media);
                let image_url = Some(Address { url, detail: media.detail.as_deref() });
                Ok(Piece { kind: "image_url", image_url, ..Piece::default() })
            }
            (MediaKind::Video, Source::Data(_) | Source::Url(_))
                if self.provider.host == Host::Compatible =>
            {
                let video_url = Some(Address { url: address(media), detail: None });
                Ok(Piece { kind: "video_url", video_url, ..Piece::default() })
            }
            (MediaKind::Audio, Source::Data(data)) => {
                let format = match media.mime.as_str() {
                    "audio/mpeg" | "audio/mp3" => "mp3",
                    "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
                    mime => return refused(format!("audio of type {mime:.40}: wav or mp3 alone")),
                };
                let input_audio = Some(Audio { data, format });
                Ok(Piece { kind: "input_audio", input_audio, ..Piece::default() })
            }
            (MediaKind::Document, Source::Data(_)) => {
                let filename = media.name.as_deref().unwrap_or("document.pdf");
                let file = File {
                    file_data: Some(address(media)),
                    filename: Some(filename),
                    ..File::default()
                };
                Ok(Piece { kind: "file", file: Some(file), ..Piece::default() })
            }
            (MediaKind::Document, Source::File(id)) if id.starts_with("file-") => {
                let file = File { file_id: Some(id), ..File::default() };
                Ok(Piece { kind: "file", file: Some(file), ..Piece::default() })
            }
            (_, Source::File(_)) => {
                refused("a file by its id: no other provider has it; send its data")
            }
            (MediaKind::Document, Source::Url(_)) => {
                refused("a document by its address: this model takes data alone")
            }
            (MediaKind::Audio, Source::Url(_)) => {
                refused("audio by its address: this model takes data alone")
            }
            (MediaKind::Video, _) => refused("video: this model takes none"),
        }
    }
}

fn address(media: &Media) -> Cow<'_, str> {
    match &media.source {
        Source::Data(data) => {
            let mime = match (media.mime.as_str(), media.kind) {
                ("", MediaKind::Document) => "application/pdf",
                ("", _) => "image/png",
                (mime, _) => mime,
            };
            Cow::Owned(format!("data:{mime};base64,{data}"))
        }
        Source::Url(url) | Source::File(url) | Source::Text(url) => Cow::Borrowed(url),
    }
}

fn called(call: &Call) -> Called<'_> {
    let arguments = call.input.to_string();
    let function = Function { name: fit::name(&call.name, NAME_LEN_MAX), arguments };
    Called { id: call_id(&call.id), kind: "function", function }
}

/// OpenAI takes 40 characters.
fn call_id(id: &str) -> Cow<'_, str> {
    if id.len() <= CALL_ID_LEN_MAX {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("call_{}", fit::digest(id)))
}

#[derive(Serialize, Default)]
pub(super) struct Message<'a> {
    role: &'static str,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

#[derive(Serialize, Default)]
struct Piece<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_url: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_audio: Option<Audio<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<File<'a>>,
}

impl<'a> Piece<'a> {
    fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind: "text", text: Some(text.into()), ..Self::default() }
    }
}

#[derive(Serialize)]
struct Address<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct Audio<'a> {
    data: &'a str,
    format: &'static str,
}

#[derive(Serialize, Default)]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

#[derive(Serialize)]
struct Called<'a> {
    id: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: String,
}

/// Whose thoughts have to come back with the calls that they led to.
const THINKING_ALOUD: [&str; 4] = ["deepseek", "kimi", "glm", "minimax"];
const CALL_ID_LEN_MAX: usize = 40;
