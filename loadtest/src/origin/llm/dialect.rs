//! Which API a request is for: by its path, from the end, since whoever stands in front may have
//! put something before it.

use serde_json::Value;

use super::super::request::Request;
use super::asked::Asked;
use super::completion::Completion;
use super::{Event, Refused, chat, converse, gemini, messages, responses};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Chat,
    Responses,
    Messages,
    Gemini,
    Converse,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// With what the path says: the model, and whether a stream is wanted.
    Generate {
        model: Option<String>,
        stream: Option<bool>,
    },
    CountTokens,
    Embeddings,
    Models,
}

pub(super) fn find(request: Request<'_>) -> Option<(Dialect, Surface)> {
    let path = request.path();
    if request.method() == "GET" {
        let of = |name| request.field(name).is_some();
        let dialect = match (of("anthropic-version"), of("x-goog-api-key")) {
            (true, _) => Dialect::Messages,
            (_, true) => Dialect::Gemini,
            _ => Dialect::Chat,
        };
        return path.ends_with("/models").then_some((dialect, Surface::Models));
    }
    if request.method() != "POST" {
        return None;
    }
    let plain = Surface::Generate { model: None, stream: None };
    let last = path.rsplit('/').next().unwrap_or_default();
    if let Some((model, verb)) = last.rsplit_once(':') {
        // Vertex has each model under who publishes it.
        let is_claude = model.starts_with("claude") || model == "count-tokens";
        if path.contains("/publishers/") && path.contains("/publishers/anthropic/") != is_claude {
            return None;
        }
        let generate =
            |stream| Surface::Generate { model: Some(decode(model)), stream: Some(stream) };
        return Some(match verb {
            "generateContent" => (Dialect::Gemini, generate(false)),
            "streamGenerateContent" => (Dialect::Gemini, generate(true)),
            "countTokens" => (Dialect::Gemini, Surface::CountTokens),
            "rawPredict" if model == "count-tokens" => (Dialect::Messages, Surface::CountTokens),
            "rawPredict" => (Dialect::Messages, generate(false)),
            "streamRawPredict" => (Dialect::Messages, generate(true)),
            _ => return None,
        });
    }
    let ends = |suffix| path.ends_with(suffix);
    Some(match last {
        "completions" if ends("/chat/completions") => (Dialect::Chat, plain),
        "responses" => (Dialect::Responses, plain),
        "embeddings" => (Dialect::Chat, Surface::Embeddings),
        "messages" => (Dialect::Messages, plain),
        "count_tokens" if ends("/messages/count_tokens") => {
            (Dialect::Messages, Surface::CountTokens)
        }
        "converse" | "converse-stream" => {
            let model = path.rsplit('/').nth(1).map(decode);
            let stream = Some(last == "converse-stream");
            (Dialect::Converse, Surface::Generate { model, stream })
        }
        // Messages inside of Bedrock: the model in the path, the stream in frames.
        "invoke" | "invoke-with-response-stream" => {
            let model = path.rsplit('/').nth(1).map(decode);
            let stream = Some(is_framed(request));
            (Dialect::Messages, Surface::Generate { model, stream })
        }
        _ => return None,
    })
}

/// A stream of Messages comes as Bedrock frames it.
pub(super) fn is_framed(request: Request<'_>) -> bool {
    request.path().ends_with("/invoke-with-response-stream")
}

impl Dialect {
    /// Whose errors are told before an answer begins.
    pub(super) fn of_errors(self, request: Request<'_>) -> Self {
        let of_bedrock = request.path().ends_with("/invoke") || is_framed(request);
        if of_bedrock { Self::Converse } else { self }
    }

    pub(super) fn whole(self, completion: &Completion) -> Value {
        match self {
            Self::Chat => chat::whole(completion),
            Self::Responses => responses::whole(completion),
            Self::Messages => messages::whole(completion),
            Self::Gemini => gemini::whole(completion),
            Self::Converse => converse::whole(completion),
        }
    }

    pub(super) fn stream(self, completion: &Completion, asked: &Asked) -> Vec<Event> {
        match self {
            Self::Chat => chat::stream(completion, asked.include_usage),
            Self::Responses => responses::stream(completion),
            Self::Messages => messages::stream(completion),
            Self::Gemini => gemini::stream(completion, asked.as_array),
            Self::Converse => converse::stream(completion),
        }
    }

    pub(super) fn error(self, refused: &Refused) -> Value {
        let (status, message) = (refused.status, refused.message.as_str());
        match self {
            Self::Chat | Self::Responses => chat::error(status, message),
            Self::Messages => messages::error(status, message),
            Self::Gemini => gemini::error(status, message),
            Self::Converse => converse::error(message),
        }
    }

    /// In the middle of a stream.
    pub(super) fn error_event(self, asked: &Asked) -> Vec<u8> {
        const MESSAGE: &str = "overloaded, as asked";
        match self {
            Self::Chat => format!("data: {}\n\n", chat::error(503, MESSAGE)).into_bytes(),
            Self::Responses => responses::error_event(MESSAGE),
            Self::Messages => Event::named("error", &messages::error(529, MESSAGE)),
            Self::Gemini if asked.as_array => {
                format!(",\r\n{}\n]", gemini::error(503, MESSAGE)).into_bytes()
            }
            Self::Gemini => format!("data: {}\r\n\r\n", gemini::error(503, MESSAGE)).into_bytes(),
            Self::Converse => converse::exception(MESSAGE),
        }
    }
}

/// Without percent signs. What is not whole stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|two| u8::from_str_radix(two, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
