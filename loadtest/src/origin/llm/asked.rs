//! What a request asks for, whatever its dialect.

use serde_json::Value;

use super::super::faults::Fault;
use super::super::http::fnv;
use super::super::request::Request;
use super::Refused;
use super::dialect::{self, Dialect, Surface};
use super::heard::{self, Heard};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// A stream of Gemini without `alt=sse` is one JSON array.
    pub(super) as_array: bool,
    /// A stream of Messages from Bedrock.
    pub(super) as_frames: bool,
    pub(super) tokens_max: Option<u32>,
    /// That the model's name asks for.
    pub(super) tokens: Option<u32>,
    pub(super) input_tokens: u32,
    /// Of the tools that are to be called, each with its arguments as JSON.
    pub(super) calls: Vec<(String, String)>,
    pub(super) thinks: bool,
    /// What was heard, if it is to be said back.
    pub(super) echo: Option<String>,
    pub(super) fault: Option<Fault>,
    /// Of embeddings: one count of tokens for each text.
    pub(super) texts: Vec<String>,
    pub(super) dimensions: Option<usize>,
    /// Of embeddings: vectors as base64 of 32-bit floats.
    pub(super) as_base64: bool,
    /// Of the body: what ids are made of.
    pub(super) digest: u64,
}

impl Asked {
    pub(super) fn parse(
        dialect: Dialect,
        surface: &Surface,
        request: Request<'_>,
        body: &[u8],
    ) -> Result<Self, Refused> {
        let mut asked = Self { digest: fnv(body), ..Self::default() };
        if *surface == Surface::Models {
            return Ok(asked);
        }
        let wrong = |message: &str| Refused::new(400, message.to_owned());
        let body: Value = serde_json::from_slice(body).map_err(|_| wrong("the body is no JSON"))?;
        let Value::Object(_) = &body else { return Err(wrong("the body is no object")) };
        let body = if dialect == Dialect::Gemini { heard::camel_case(body) } else { body };
        let (in_path, stream) = match surface {
            Surface::Generate { model, stream } => (model.clone(), *stream),
            _ => (None, None),
        };
        let named = in_path.or_else(|| body["model"].as_str().map(str::to_owned));
        let has_model = dialect != Dialect::Gemini || *surface != Surface::CountTokens;
        asked.model = match named {
            Some(model) if !model.is_empty() => model,
            _ if has_model => return Err(wrong("model is missing")),
            _ => String::new(),
        };
        asked.stream = match (stream, &body["stream"]) {
            (Some(stream), _) => stream,
            (None, Value::Bool(stream)) => *stream,
            (None, Value::Null) => false,
            (None, _) => return Err(wrong("stream is no boolean")),
        };
        asked.as_array = dialect == Dialect::Gemini && !request.query().contains("alt=sse");
        asked.as_frames = dialect::is_framed(request);
        asked.include_usage = body["stream_options"]["include_usage"] == Value::Bool(true);
        // AI Studio counts whole requests inside of another.
        let inside = (*surface == Surface::CountTokens).then(|| &body["generateContentRequest"]);
        let body = inside.filter(|inside| inside.is_object()).unwrap_or(&body);
        asked.take_prompt(dialect, surface, body)?;
        if dialect == Dialect::Messages {
            check_version(surface, request, body)?;
        }
        if *surface == Surface::Embeddings {
            asked.input_tokens = tokens_of(text_bytes(&body["input"]));
            asked.take_wishes(dialect, body, &Heard::default());
            return Ok(asked);
        }
        let heard = heard::read(dialect, body)?;
        if dialect == Dialect::Gemini {
            heard::check_signed(&asked.model, body)?;
        }
        asked.input_tokens = tokens_of(heard.text_bytes());
        asked.take_wishes(dialect, body, &heard);
        Ok(asked)
    }

    fn take_prompt(
        &mut self,
        dialect: Dialect,
        surface: &Surface,
        body: &Value,
    ) -> Result<(), Refused> {
        let wrong = |message: &str| Refused::new(400, message.to_owned());
        if *surface == Surface::Embeddings {
            self.texts = match &body["input"] {
                Value::String(text) => vec![text.clone()],
                Value::Array(texts) if !texts.is_empty() => {
                    texts.iter().map(|t| t.as_str().unwrap_or_default().to_owned()).collect()
                }
                _ => return Err(wrong("input is missing")),
            };
            let dimensions = body["dimensions"].as_u64().and_then(|d| usize::try_from(d).ok());
            self.as_base64 = body["encoding_format"] == "base64";
            self.dimensions = dimensions.map(|dimensions| dimensions.clamp(1, DIMENSIONS_MAX));
            return Ok(());
        }
        let list = match dialect {
            Dialect::Gemini => &body["contents"],
            Dialect::Responses => &body["input"],
            _ => &body["messages"],
        };
        match list {
            Value::Array(messages) if !messages.is_empty() => (),
            Value::String(_) if dialect == Dialect::Responses => (),
            _ => return Err(wrong("there are no messages")),
        }
        let most = match dialect {
            Dialect::Chat => match &body["max_completion_tokens"] {
                Value::Null => &body["max_tokens"],
                most => most,
            },
            Dialect::Responses => &body["max_output_tokens"],
            Dialect::Messages => &body["max_tokens"],
            Dialect::Gemini => &body["generationConfig"]["maxOutputTokens"],
            Dialect::Converse => &body["inferenceConfig"]["maxTokens"],
        };
        self.tokens_max = most.as_u64().and_then(|most| u32::try_from(most).ok());
        let generates = matches!(surface, Surface::Generate { .. });
        if dialect == Dialect::Messages && generates && self.tokens_max.is_none() {
            return Err(wrong("max_tokens: Field required"));
        }
        Ok(())
    }

    /// What the model's name carries, and what the tools and the words demand.
    fn take_wishes(&mut self, dialect: Dialect, body: &Value, heard: &Heard) {
        let forced = !["", "auto", "none"].contains(&heard.choice.as_str());
        let said = heard.last().split_once(CALL).map_or("", |(_, rest)| rest);
        let said = said.split_whitespace().next().filter(|_| heard.choice != "none");
        let said = said.filter(|name| heard.tools.iter().any(|known| known == name));
        let mut calls = usize::from(forced || said.is_some());
        self.thinks = heard.thinks;
        for wish in self.model.split('@').skip(1) {
            let (name, value) = wish.split_once('=').unwrap_or((wish, ""));
            match name {
                "tokens" => self.tokens = value.parse().ok().or(self.tokens),
                "tool" => calls = value.parse().unwrap_or(1),
                "think" => self.thinks = true,
                "echo" => self.echo = serde_json::to_string(heard).ok(),
                _ => self.fault = wish.parse().ok().or(self.fault),
            }
        }
        let named = Some(heard.choice.as_str()).filter(|name| forced && *name != "any").or(said);
        let tools = tools(dialect, body);
        let wanted = tools.iter().filter(|(name, _)| named.is_none_or(|named| named == *name));
        let call = |(name, schema): &(&str, &Value)| ((*name).to_owned(), arguments(schema));
        self.calls = wanted.take(calls).map(call).collect();
    }
}

/// A missing version, and what the version of 2026 no longer takes.
fn check_version(surface: &Surface, request: Request<'_>, body: &Value) -> Result<(), Refused> {
    let in_body = body["anthropic_version"].as_str();
    let version = request.field("anthropic-version").or(in_body);
    let refuse = |message: String| Err(Refused::new(400, message));
    let Some(version) = version else {
        return refuse("anthropic-version: header is required".to_owned());
    };
    let gone = ["temperature", "top_p", "top_k"].into_iter().find(|name| !body[*name].is_null());
    match gone {
        Some(name) if version >= "2026-10-21" && *surface != Surface::CountTokens => {
            refuse(format!("{name}: not supported in this version"))
        }
        _ => Ok(()),
    }
}

fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        _ => 0,
    }
}

pub(super) fn tokens_of(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(4).max(1)).unwrap_or(u32::MAX)
}

/// Name and schema of each tool.
fn tools<'a>(dialect: Dialect, body: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let list = match dialect {
        Dialect::Converse => &body["toolConfig"]["tools"],
        Dialect::Gemini => &body["tools"][0]["functionDeclarations"],
        _ => &body["tools"],
    };
    let tool = |tool: &'a Value| -> Option<(&'a str, &'a Value)> {
        let (of, schema) = match dialect {
            Dialect::Chat => (&tool["function"], &tool["function"]["parameters"]),
            Dialect::Responses | Dialect::Gemini => (tool, &tool["parameters"]),
            Dialect::Messages => (tool, &tool["input_schema"]),
            Dialect::Converse => (&tool["toolSpec"], &tool["toolSpec"]["inputSchema"]["json"]),
        };
        Some((of["name"].as_str()?, schema))
    };
    list.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(tool).collect()
}

/// What the schema demands, by its types.
fn arguments(schema: &Value) -> String {
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let mut filled = serde_json::Map::new();
    for name in required.iter().filter_map(Value::as_str) {
        let property = &schema["properties"][name];
        let value = match property["type"].as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("integer" | "number") => Value::from(1),
            Some("boolean") => Value::from(true),
            Some("array") => Value::Array(Vec::new()),
            Some("object") => Value::Object(serde_json::Map::new()),
            _ => property["enum"].get(0).cloned().unwrap_or_else(|| Value::from("Paris")),
        };
        filled.insert(name.to_owned(), value);
    }
    Value::Object(filled).to_string()
}

/// Before the name of a tool, in the last words of the user: the model calls it of itself.
const CALL: &str = "please call ";
const DIMENSIONS_MAX: usize = 4096;
