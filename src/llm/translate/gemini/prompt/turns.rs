//! The conversation of a request, read.

use serde_json::{Map, Value};

use super::super::super::Refused;
use super::super::super::prompt::{Call, Media, MediaKind, Part, Role, Source, Thinking, Turn};
use super::super::seal::{self, Kind};
use super::super::wire;

/// Turns as they come to be.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) turns: Vec<Turn>,
    /// Ids of calls that have no result yet, by name, in their order.
    open: Vec<(String, String)>,
    calls: usize,
}

impl Turns {
    /// `at`: which of the contents it is.
    pub(super) fn take(&mut self, at: usize, said: wire::Content<'_>) -> Result<(), Refused> {
        let role = match said.role.as_ref().map(|role| role.0.as_ref()) {
            None | Some("" | "user" | "function" | "tool") => Role::User,
            Some("model") => Role::Assistant,
            Some(_) => return Err(refused(at, None, "the role is user or model")),
        };
        for (place, part) in said.parts.unwrap_or_default().into_iter().enumerate() {
            let wrong = |what: &str| refused(at, Some(place), what);
            if let Some(answer) = part.function_response {
                let result = self.result(answer).map_err(|what| wrong(&what))?;
                self.push(Role::User, result);
            } else if let Some(call) = part.function_call {
                let signature = part.thought_signature.map(wire::Text::owned);
                let call = self.call(call, signature).map_err(wrong)?;
                self.push(Role::Assistant, call);
            } else {
                self.words(role, part).map_err(wrong)?;
            }
        }
        Ok(())
    }

    fn words(&mut self, role: Role, part: wire::Part<'_>) -> Result<(), &'static str> {
        let signature = part.thought_signature.as_ref().map(|signature| signature.0.as_ref());
        match part {
            wire::Part { text, thought: Some(true), .. } => {
                let text = text.map(wire::Text::owned).unwrap_or_default();
                self.push(Role::Assistant, Part::Thinking(thinking(text, signature)));
            }
            wire::Part { text: Some(text), .. } if text.0.is_empty() => (),
            wire::Part { text: Some(text), .. } => self.push(role, Part::text(text.owned())),
            wire::Part { inline_data: Some(blob), .. } => self.push(role, media(blob)?),
            wire::Part { file_data: Some(file), .. } => self.push(role, address(file)?),
            wire::Part { executable_code: Some(_), .. }
            | wire::Part { code_execution_result: Some(_), .. } => {
                return Err("only Gemini runs code; leave the part out, or make it text");
            }
            wire::Part { tool_call: Some(_), .. } | wire::Part { tool_response: Some(_), .. } => {
                return Err("only Google runs its tools; leave the part out, or make it text");
            }
            // A signature by itself, which is nobody's but Google's.
            wire::Part { thought_signature: Some(_), .. } => (),
            _ => return Err("nothing is in it that is known here"),
        }
        Ok(())
    }

    fn call(
        &mut self,
        call: wire::Call<'_>,
        signature: Option<String>,
    ) -> Result<Part, &'static str> {
        let input = match call.args.map(std::borrow::Cow::into_owned) {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(args @ Value::Object(_)) => args,
            Some(_) => return Err("functionCall.args is no object"),
        };
        if call.name.0.is_empty() {
            return Err("functionCall.name is missing");
        }
        self.calls += 1;
        let name = call.name.owned();
        let told = call.id.map(wire::Text::owned).filter(|id| !id.is_empty());
        let told = told.unwrap_or_else(|| format!("call_{}", self.calls));
        let (id, carried) = seal::split(&told);
        self.open.push((name.clone(), id.to_owned()));
        let signature = signature.or_else(|| carried.map(str::to_owned));
        Ok(Part::Call(Call { id: id.to_owned(), name, input, signature, cache: None }))
    }

    fn result(&mut self, answer: wire::Answer<'_>) -> Result<Part, String> {
        let name = answer.name.owned();
        let told = answer.id.map(wire::Text::owned).filter(|id| !id.is_empty());
        let id = told.as_deref().map(|id| seal::split(id).0.to_owned());
        let is_its = |(called, call): &(String, String)| match &id {
            Some(id) => call == id,
            None => *called == name,
        };
        let call = self.open.iter().position(is_its).map(|at| self.open.remove(at).1);
        let id = call.or(id).ok_or_else(|| {
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            format!("functionResponse: no call of {name:?} before it waits for one")
        })?;
        let (text, is_error) = match answer.response {
            Some(Value::Object(fields)) => said(fields),
            None | Some(Value::Null) => (String::new(), false),
            Some(_) => return Err("functionResponse.response is no object".to_owned()),
        };
        let mut parts = if text.is_empty() { Vec::new() } else { vec![Part::text(text)] };
        for part in answer.parts.unwrap_or_default() {
            parts.push(match part {
                wire::Part { inline_data: Some(blob), .. } => media(blob)?,
                wire::Part { file_data: Some(file), .. } => address(file)?,
                _ => return Err("functionResponse.parts are inlineData or fileData".to_owned()),
            });
        }
        let name = Some(name).filter(|name| !name.is_empty());
        Ok(Part::Result { id, name, parts, is_error, cache: None })
    }

    /// Callers keep what a stream said piece by piece, as they got it: it is put together again.
    fn push(&mut self, role: Role, part: Part) {
        let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == role) else {
            self.turns.push(Turn { role, parts: vec![part] });
            return;
        };
        match (turn.parts.last_mut(), part) {
            (Some(Part::Text { text, .. }), Part::Text { text: more, .. })
                if role == Role::Assistant =>
            {
                text.push_str(&more);
            }
            (Some(Part::Thinking(thinking)), Part::Thinking(more)) if is_open(thinking) => {
                thinking.text.push_str(&more.text);
                thinking.signature = more.signature;
                thinking.sealed = more.sealed;
            }
            (_, part @ Part::Result { .. }) => {
                let is_result = |part: &&Part| matches!(part, Part::Result { .. });
                let results = turn.parts.iter().take_while(is_result).count();
                turn.parts.insert(results, part);
            }
            (_, part) => turn.parts.push(part),
        }
    }
}

/// Nothing has closed the thought.
const fn is_open(thinking: &Thinking) -> bool {
    thinking.signature.is_none() && thinking.sealed.is_none()
}

/// Signatures that are not of our making are Google's, and nobody else takes them.
fn thinking(text: String, signature: Option<&str>) -> Thinking {
    match signature.and_then(seal::unwrap) {
        Some((Kind::Signature, signature)) => {
            Thinking { text, signature: Some(signature), sealed: None }
        }
        Some((Kind::Sealed, sealed)) => Thinking { text, signature: None, sealed: Some(sealed) },
        None => Thinking { text, signature: None, sealed: None },
    }
}

/// The text of what a tool said, and whether that is an error.
fn said(mut fields: Map<String, Value>) -> (String, bool) {
    if fields.len() == 1 {
        for (name, is_error) in [(OUTPUT, false), (ERROR, true)] {
            match fields.remove(name) {
                Some(Value::String(text)) => return (text, is_error),
                Some(other) => {
                    fields.insert(name.to_owned(), other);
                    return (Value::Object(fields).to_string(), is_error);
                }
                None => (),
            }
        }
    }
    if fields.is_empty() {
        (String::new(), false)
    } else {
        (Value::Object(fields).to_string(), false)
    }
}

pub(in super::super) fn media(blob: wire::Blob<'_>) -> Result<Part, &'static str> {
    if blob.mime_type.0.is_empty() || blob.data.0.is_empty() {
        return Err("inlineData has a mimeType and data");
    }
    let source = Source::Data(plain(blob.data.owned()));
    let name = blob.display_name.map(wire::Text::owned);
    Ok(of(blob.mime_type.owned(), source, name))
}

/// Bytes in Google's JSON are base64 of either alphabet, and its own library takes that of the web:
/// others know one alone.
fn plain(data: String) -> String {
    let plain = |byte: u8| !b"-_".contains(&byte);
    if data.len().is_multiple_of(4) && data.bytes().all(plain) {
        return data;
    }
    let mut data = data.replace('-', "+").replace('_', "/");
    while !data.len().is_multiple_of(4) {
        data.push('=');
    }
    data
}

fn address(file: wire::File<'_>) -> Result<Part, &'static str> {
    if file.file_uri.0.is_empty() {
        return Err("fileData has a fileUri");
    }
    let mime = file.mime_type.map(wire::Text::owned).unwrap_or_default();
    Ok(of(mime, Source::Url(file.file_uri.owned()), None))
}

fn of(mime: String, source: Source, name: Option<String>) -> Part {
    let kind = match mime.split('/').next() {
        Some("image" | "") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    };
    let media = Media { kind, mime, source, name, detail: None };
    Part::Media { media, cache: None }
}

fn refused(content: usize, part: Option<usize>, what: &str) -> Refused {
    let text = match part {
        Some(part) => format!("contents[{content}].parts[{part}]: {what}"),
        None => format!("contents[{content}]: {what}"),
    };
    Refused(text.into())
}

/// Google's words for what a tool said, where it is no object of its own.
pub(super) const OUTPUT: &str = "output";
pub(super) const ERROR: &str = "error";
const NAME_CHARS_MAX: usize = 64;
