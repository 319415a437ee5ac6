//! A stand-in for the providers of models: Chat Completions, Responses, embeddings and models of
//! OpenAI; Messages and their tokens of Anthropic; Gemini; Converse of Bedrock. It answers at once
//! or at a rate of tokens, whole or as a stream in each dialect's own grammar, and goes wrong as
//! asked. What it says depends on the request alone, to the byte, and so does what it bills:
//!
//! * a prompt costs a token for every four bytes of its texts, rounded up;
//! * an answer costs a token for every piece that a stream of it has;
//! * `cached_tokens` of the prompt, at most all, are billed as read from a cache.
//!
//! A model's name may carry wishes behind `@`: `gpt-6@tokens=20`, `gpt-6@tool` (a call of the
//! first tool; `@tool=2` of the first two), `gpt-6@think`, `gpt-6@echo` (what was understood, said
//! back: the same in every dialect) and any fault: `gpt-6@truncate=3`. What is none of these
//! belongs to the name. A tool is called, too, where the choice demands it, and where the user's
//! last words have `please call NAME`; a model thinks where it is asked to.
//!
//! It refuses what the providers refuse: a body that is no JSON, no model, no messages, fields that
//! a dialect has not and values that it does not take, calls without results, a missing key where
//! one is set.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use self::asked::Asked;
use self::completion::Completion;
use self::dialect::{Dialect, Surface};
use super::answer::Answer;
use super::connection::Body;
use super::faults::Fault;
use super::request::Request;
use super::sse::EVENT_STREAM;

mod asked;
mod chat;
mod completion;
mod converse;
mod dialect;
mod frame;
mod gemini;
mod heard;
mod listing;
mod messages;
mod responses;

#[derive(Clone, Debug, PartialEq)]
pub struct Llm {
    /// Of an answer, unless the request allows fewer.
    pub tokens: u32,
    /// 0: all at once.
    pub tokens_per_second: f64,
    /// Of a prompt, as many as there are.
    pub cached_tokens: u32,
    /// That a model which thinks spends before it answers.
    pub thinking_tokens: u32,
    /// What `/v1/models` lists.
    pub models: Vec<String>,
    /// Who does not show it is refused. AWS signatures are let in without a look.
    pub key: Option<String>,
}

impl Default for Llm {
    fn default() -> Self {
        Self {
            tokens: 50,
            tokens_per_second: 0.0,
            cached_tokens: 0,
            thinking_tokens: 8,
            models: ["gpt-6", "claude-5", "gemini-4", "nova-3"].map(str::to_owned).into(),
            key: None,
        }
    }
}

/// A piece of a stream, in the bytes of its dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    bytes: Vec<u8>,
    /// It stands for a token, and waits for its time.
    token: bool,
}

/// What is wrong with a request, before any dialect says it in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    status: u16,
    message: String,
}

impl Llm {
    /// With the fault that is still to be worked into the answer, or has been.
    pub(super) fn answer(
        &self,
        request: Request<'_>,
        body: &Body<'_>,
        fault: Option<Fault>,
        retry_after: u32,
    ) -> (Answer, Option<Fault>) {
        let Some((dialect, surface)) = dialect::find(request) else {
            let refused = Refused::new(404, format!("no such path: {}", request.path()));
            return (refusal(Dialect::Chat, &refused, retry_after), fault);
        };
        let of_errors = dialect.of_errors(request);
        if let Some(Fault::Status(status)) = fault {
            let refused = Refused::new(status, "as asked".to_owned());
            return (refusal(of_errors, &refused, retry_after), fault);
        }
        let asked =
            self.admit(request).and_then(|()| Asked::parse(dialect, &surface, request, body.kept));
        match asked {
            Err(refused) => (refusal(of_errors, &refused, retry_after), fault),
            Ok(asked) => {
                let fault = fault.or(asked.fault);
                let answer = match fault {
                    Some(Fault::Status(status)) => {
                        let refused = Refused::new(status, "as asked".to_owned());
                        refusal(of_errors, &refused, retry_after)
                    }
                    _ => self.complete(dialect, &surface, &asked, fault),
                };
                (answer, fault)
            }
        }
    }

    fn complete(
        &self,
        dialect: Dialect,
        surface: &Surface,
        asked: &Asked,
        fault: Option<Fault>,
    ) -> Answer {
        let value = match surface {
            Surface::Models => listing::models(dialect, &self.models),
            Surface::CountTokens => listing::count_tokens(dialect, asked),
            Surface::Embeddings => listing::embeddings(asked),
            Surface::Generate { .. } => {
                let completion = Completion::of(self, asked);
                if asked.stream {
                    return self.stream(dialect, asked, &completion, fault);
                }
                dialect.whole(&completion)
            }
        };
        let id = format!("req_{:016x}", asked.digest);
        let fields = [("content-type", "application/json"), ("request-id", &id)];
        Answer::full(200, &fields, value.to_string().as_bytes())
    }

    fn stream(
        &self,
        dialect: Dialect,
        asked: &Asked,
        completion: &Completion,
        fault: Option<Fault>,
    ) -> Answer {
        let mut events = dialect.stream(completion, asked);
        if let Some(Fault::ErrorEvent(after)) = fault {
            let end = place_of_token(&events, after);
            events.truncate(end);
            events.push(Event { bytes: dialect.error_event(asked), token: false });
        }
        if asked.as_frames {
            events.iter_mut().for_each(|event| event.bytes = frame::chunk(&event.bytes));
        }
        if let Some(Fault::BadCrc(after)) = fault {
            let at = place_of_token(&events, after).min(events.len() - 1);
            if let Some(last) = events[at].bytes.last_mut() {
                *last ^= 0xFF;
            }
        }
        let fields = match dialect {
            _ if asked.as_frames => [("content-type", "application/vnd.amazon.eventstream"), STORE],
            Dialect::Converse => [("content-type", "application/vnd.amazon.eventstream"), STORE],
            Dialect::Gemini if asked.as_array => [("content-type", "application/json"), STORE],
            _ => EVENT_STREAM,
        };
        Answer::stream(&fields, timed(events, self.tokens_per_second))
    }

    fn admit(&self, request: Request<'_>) -> Result<(), Refused> {
        let Some(key) = &self.key else { return Ok(()) };
        let bearer = request.field("authorization").and_then(|v| v.strip_prefix("Bearer "));
        let fields = ["x-api-key", "api-key", "x-goog-api-key"].map(|name| request.field(name));
        let query = request.query().split('&').find_map(|pair| pair.strip_prefix("key="));
        let signed = request.field("authorization").is_some_and(|v| v.starts_with("AWS4-HMAC-"));
        let shown = [bearer, query].into_iter().chain(fields).flatten().any(|shown| shown == key);
        if shown || signed {
            return Ok(());
        }
        Err(Refused::new(401, "the key is missing or wrong".to_owned()))
    }
}

impl Refused {
    fn new(status: u16, message: String) -> Self {
        Self { status, message }
    }
}

impl Event {
    fn token(bytes: Vec<u8>) -> Self {
        Self { bytes, token: true }
    }

    fn frame(bytes: Vec<u8>) -> Self {
        Self { bytes, token: false }
    }

    /// Of Server-Sent Events, with the event's name.
    fn named(name: &str, data: &Value) -> Vec<u8> {
        format!("event: {name}\ndata: {data}\n\n").into_bytes()
    }
}

/// Of the event that follows so many tokens; the end, if there are not as many.
fn place_of_token(events: &[Event], tokens: usize) -> usize {
    let places = events.iter().enumerate().filter(|(_, event)| event.token);
    places.map(|(at, _)| at).nth(tokens).unwrap_or(events.len())
}

/// The first token is due at once, each other one when its turn has come; what is no token goes
/// with what is before it.
fn timed(events: Vec<Event>, per_second: f64) -> Vec<(Duration, Vec<u8>)> {
    let gap = if per_second > 0.0 { 1.0 / per_second } else { 0.0 };
    let mut tokens = 0u32;
    let due = |event: Event| {
        let at = Duration::from_secs_f64(gap * f64::from(tokens.max(1) - 1));
        if event.token {
            tokens += 1;
            return (Duration::from_secs_f64(gap * f64::from(tokens - 1)), event.bytes);
        }
        (at, event.bytes)
    };
    events.into_iter().map(due).collect()
}

fn refusal(dialect: Dialect, refused: &Refused, retry_after: u32) -> Answer {
    let (status, seconds) = (refused.status, retry_after.to_string());
    let (pause, reset) = (format!("{retry_after}s"), in_seconds(retry_after));
    let mut fields = vec![("content-type", "application/json")];
    if matches!(status, 429 | 503 | 529) {
        fields.push(("retry-after", &seconds));
    }
    if status == 429 {
        fields.push(("x-ratelimit-limit-requests", "60"));
        fields.push(("x-ratelimit-remaining-requests", "0"));
        fields.push(("x-ratelimit-reset-requests", &pause));
        fields.push(("anthropic-ratelimit-requests-limit", "60"));
        fields.push(("anthropic-ratelimit-requests-remaining", "0"));
        fields.push(("anthropic-ratelimit-requests-reset", &reset));
    }
    if dialect == Dialect::Converse {
        fields.push(("x-amzn-errortype", converse::error_type(status)));
    }
    let body: Value = dialect.error(refused);
    Answer::full(status, &fields, body.to_string().as_bytes())
}

/// A time to come, as RFC 3339 has it.
fn in_seconds(seconds: u32) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let at = now + u64::from(seconds);
    // Days since 0000-03-01, in eras of 400 years: Hinnant's civil_from_days.
    let (days, second) = (at / 86_400 + 719_468, at % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The text that every dialect has for itself: all the same, so that answers can be compared.
fn stop_word(finish: completion::Finish, words: [&'static str; 3]) -> Value {
    json!(words[finish as usize])
}

const STORE: (&str, &str) = ("cache-control", "no-store");
