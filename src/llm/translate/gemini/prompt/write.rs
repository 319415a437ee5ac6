//! A request, written for Gemini.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::super::prompt::{Call, Media, Role, Source};
use super::super::super::{Caller, Host, Part, Prompt, Provider, Refused};
use super::super::model::{self, Age};
use super::super::{seal, wire};
use super::settings::Settings;
use super::{settings, tools, turns};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Body<'a> {
    /// Where it stands inside of another (a request to count).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) model: Option<String>,
    pub(in super::super) contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[tools::Offered<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_config: Option<Settings<'a>>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<wire::Part<'a>>,
}

/// Appends the body of a request. What `caller` has to know of it is put down there.
///
/// # Errors
/// The dialect cannot say it.
pub fn write(
    prompt: &Prompt,
    provider: &Provider<'_>,
    caller: &mut Caller,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let body = Body::of(prompt, provider, caller)?;
    serde_json::to_writer(out, &body).map_err(|_| Refused(UNSAYABLE.into()))
}

impl<'a> Body<'a> {
    pub(in super::super) fn of(
        prompt: &'a Prompt,
        provider: &Provider<'_>,
        caller: &mut Caller,
    ) -> Result<Self, Refused> {
        let tools = tools::offer(&prompt.tools, caller)?;
        let tool_config = tools::choice(prompt, caller);
        let mut writer = Writer {
            prompt,
            caller,
            age: model::age(provider.model),
            has_ids: provider.host != Host::Vertex,
            calls: Vec::new(),
            contents: Vec::new(),
            system: prompt.system.iter().collect(),
        };
        for turn in &prompt.turns {
            writer.turn(turn.role, &turn.parts)?;
        }
        let Writer { mut contents, system, .. } = writer;
        let words = system.into_iter().filter_map(text).map(wire::Part::of_text);
        let parts: Vec<_> = words.collect();
        let mut system = Some(Content { role: None, parts }).filter(|said| !said.parts.is_empty());
        if contents.is_empty() {
            // An instruction by itself is no conversation to Google: the user gives it.
            let alone = system.take().ok_or_else(|| Refused(EMPTY.into()))?;
            contents.push(Content { role: Some("user"), ..alone });
        }
        Ok(Self {
            model: None,
            contents,
            system_instruction: system,
            tools: tools.map(|tools| [tools]),
            tool_config,
            generation_config: settings::write(prompt, provider.model)?,
        })
    }
}

struct Writer<'a, 'c> {
    prompt: &'a Prompt,
    caller: &'c mut Caller,
    age: Age,
    has_ids: bool,
    /// Ids of those in the turn before.
    calls: Vec<&'a str>,
    contents: Vec<Content<'a>>,
    system: Vec<&'a Part>,
}

impl<'a> Writer<'a, '_> {
    fn turn(&mut self, role: Role, said: &'a [Part]) -> Result<(), Refused> {
        let role = match role {
            Role::User => "user",
            Role::Assistant => "model",
            Role::System => {
                self.system.extend(said);
                return Ok(());
            }
        };
        let (mut parts, mut behind, mut calls) = (Vec::with_capacity(said.len()), Vec::new(), 0);
        for part in self.in_order(said) {
            match part {
                Part::Text { text, .. } | Part::Refusal(text) if text.is_empty() => (),
                Part::Text { text, .. } | Part::Refusal(text) => {
                    parts.push(wire::Part::of_text(text));
                }
                Part::Media { media, .. } => parts.push(medium(media)?),
                Part::Thinking(_) => (),
                Part::Call(call) => {
                    parts.push(self.call(call, calls));
                    calls += 1;
                }
                Part::Result { id, name, parts: said, is_error, .. } => {
                    let (part, media) = self.result(id, name.as_deref(), said, *is_error)?;
                    parts.push(part);
                    behind.extend(media);
                }
            }
        }
        if !behind.is_empty() {
            let is_result = |part: &wire::Part<'_>| part.function_response.is_some();
            let results = parts.iter().take_while(|part| is_result(part)).count();
            parts.splice(results..results, behind);
        }
        match self.contents.last_mut() {
            _ if parts.is_empty() => (),
            Some(last) if last.role == Some(role) => last.parts.append(&mut parts),
            _ => self.contents.push(Content { role: Some(role), parts }),
        }
        Ok(())
    }

    /// Where results go by order, theirs is that of the calls, whoever was done first.
    fn in_order(&mut self, said: &'a [Part]) -> Vec<&'a Part> {
        let calls = said.iter().filter_map(|part| match part {
            Part::Call(call) => Some(call.id.as_str()),
            _ => None,
        });
        let calls = std::mem::replace(&mut self.calls, calls.collect());
        let mut parts: Vec<&Part> = said.iter().collect();
        if !self.has_ids {
            let place = |part: &&Part| match part {
                Part::Result { id, .. } => calls.iter().position(|call| call == id),
                _ => Some(usize::MAX),
            };
            parts.sort_by_key(|part| place(part).unwrap_or(usize::MAX - 1));
        }
        parts
    }

    fn call(&mut self, call: &'a Call, number: usize) -> wire::Part<'a> {
        let (id, carried) = seal::split(&call.id);
        let signature = call.signature.as_deref().or(carried);
        // Of several calls at once, the first is the one that is signed.
        let must = number == 0 && self.age == Age::Signing;
        let args = match &call.input {
            Value::Object(_) => Cow::Borrowed(&call.input),
            _ => Cow::Owned(Value::Object(Map::new())),
        };
        wire::Part {
            function_call: Some(wire::Call {
                id: Some(id).filter(|id| self.has_ids && !id.is_empty()).map(wire::Text::of),
                name: wire::Text(tools::name(&call.name, self.caller)),
                args: Some(args),
            }),
            thought_signature: signature.or_else(|| must.then_some(UNSIGNED)).map(wire::Text::of),
            ..wire::Part::default()
        }
    }

    /// With the media that have no place inside of it.
    fn result(
        &mut self,
        id: &'a str,
        name: Option<&'a str>,
        said: &'a [Part],
        is_error: bool,
    ) -> Result<(wire::Part<'a>, Vec<wire::Part<'a>>), Refused> {
        let called = || self.prompt.called(id).or_else(|| self.prompt.called(seal::split(id).0));
        let Some(name) = name.or_else(called) else {
            let id: String = id.chars().take(ID_CHARS_MAX).collect();
            let text = format!("the result of a tool has the id {id:?}, and no call before it has");
            return Err(Refused(text.into()));
        };
        let media = said.iter().filter_map(|part| match part {
            Part::Media { media, .. } => Some(medium(media)),
            _ => None,
        });
        let media: Vec<_> = media.collect::<Result<_, _>>()?;
        let texts: Vec<&str> = said.iter().filter_map(text).collect();
        let (inside, behind) = match self.age {
            Age::Signing => (Some(media).filter(|media| !media.is_empty()), Vec::new()),
            Age::Old | Age::Counting => (None, media),
        };
        let id = Some(seal::split(id).0).filter(|id| self.has_ids && !id.is_empty());
        let answer = wire::Answer {
            id: id.map(wire::Text::of),
            name: wire::Text(tools::name(name, self.caller)),
            response: Some(response(&texts.join("\n"), is_error)),
            parts: inside,
        };
        let part = wire::Part { function_response: Some(answer), ..wire::Part::default() };
        Ok((part, behind))
    }
}

fn response(text: &str, is_error: bool) -> Value {
    if is_error {
        return json!({ turns::ERROR: text });
    }
    let object = Some(text).filter(|text| text.trim_start().starts_with('{'));
    match object.and_then(|text| serde_json::from_str(text).ok()) {
        Some(object @ Value::Object(_)) => object,
        _ => json!({ turns::OUTPUT: text }),
    }
}

fn text(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text, .. } if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn medium(media: &Media) -> Result<wire::Part<'_>, Refused> {
    let mime = match media.mime.as_str() {
        "" => guessed(media),
        mime => Some(mime),
    };
    let part = wire::Part::default();
    Ok(match &media.source {
        Source::Data(data) => {
            let mime_type = wire::Text::of(mime.ok_or_else(|| Refused(UNTYPED.into()))?);
            let data = wire::Text::of(data);
            let blob = wire::Blob { mime_type, data, display_name: None };
            wire::Part { inline_data: Some(blob), ..part }
        }
        Source::Url(address) => {
            let file_uri = wire::Text::of(address);
            let file = wire::File { file_uri, mime_type: mime.map(wire::Text::of) };
            wire::Part { file_data: Some(file), ..part }
        }
        Source::Text(text) => wire::Part::of_text(text),
        Source::File(_) => return Err(Refused(KEPT.into())),
    })
}

/// By the end of the address or the name.
fn guessed(media: &Media) -> Option<&'static str> {
    let name = match (&media.source, &media.name) {
        (Source::Url(address), _) => address.split(['?', '#']).next().unwrap_or_default(),
        (_, Some(name)) => name.as_str(),
        _ => return None,
    };
    let end = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    ENDS.iter().find(|(known, _)| *known == end).map(|(_, mime)| *mime)
}

const ENDS: [(&str, &str); 17] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
];
/// Google's word for a call that a model of somebody else made.
const UNSIGNED: &str = "skip_thought_signature_validator";
const ID_CHARS_MAX: usize = 64;
const EMPTY: &str = "the conversation has nothing in it: a user or the model has to say something";
const UNTYPED: &str = "an image or a document has to say of which media type it is";
const KEPT: &str = "a file is kept by another provider: send its bytes or an address";
const UNSAYABLE: &str = "the request is no JSON";
