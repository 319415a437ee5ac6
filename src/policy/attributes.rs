//! What expressions see of an exchange: `request`, `response`, `source`, `apiKey`, `llm`,
//! `llmRequest`. Nothing is gathered
//! beforehand: a value is a borrow of the heads, and a field of it is read when an expression comes
//! to it. What there is to be named is `config::expression::vocabulary`.

mod api_key;
mod headers;
pub(super) mod json;
mod model;
mod source;
mod value;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cel::ExecutionError;
use cel::common::types::{CelDouble, CelInt, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;

use self::api_key::Key;
use super::api_key::ApiKey;
use crate::base::clock::Instant;
use crate::base::id::KeyId;
use crate::config::expression::vocabulary::LLM_REQUEST;
use crate::http::exchange::GenAi;
use crate::proto::http1::Version;
use crate::proto::http1::head::{RequestHead, ResponseHead};
use crate::route::rewrite::Scheme;
use headers::Headers;
use json::Object;
use serde_json::{Map, Value};
pub use source::Source;
use value::{Record, Recorded};

/// Borrowed for the time of a pipeline.
pub struct Attributes<'a> {
    request: Recorded<Request<'a>>,
    response: Option<Recorded<Response<'a>>>,
    source: Recorded<Source<'a>>,
    /// Of a request for a model: what is known of it, and what it asks.
    model: Option<Recorded<&'a GenAi>>,
    asked: Option<Object<'a>>,
    /// The state of `random()`. Only one worker has it: an atomic because values have to be `Sync`.
    seed: AtomicU64,
    failures: AtomicU32,
    known: Known<'a>,
    /// Who asks, by the place of his key; `NOBODY` where that is not known.
    key: AtomicU32,
}

/// Who could ask, and the second since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    pub keys: &'a [ApiKey],
    pub now: i64,
    /// Who asks, where that is known already.
    pub key: Option<KeyId>,
}

const NOBODY: u32 = u32::MAX;

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct RequestPart<'a> {
    pub head: &'a RequestHead,
    /// Of the head.
    pub bytes: &'a [u8],
    pub scheme: Scheme,
    /// In normal form: what was routed by.
    pub path: &'a [u8],
    /// Path and query as they go on when nobody rewrites them.
    pub target: &'a [u8],
    /// Out of its coding; none where nobody gathered it, or its coding is not known.
    pub body: Option<&'a [u8]>,
    pub started: Instant,
}

/// A response as it came, or as it is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct ResponsePart<'a> {
    pub status: u16,
    /// None of a reply of ours.
    pub head: Option<(&'a ResponseHead, &'a [u8])>,
    /// As of a request.
    pub body: Option<&'a [u8]>,
}

impl<'a> Attributes<'a> {
    pub fn new(
        request: RequestPart<'a>,
        response: Option<ResponsePart<'a>>,
        source: Source<'a>,
        seed: u64,
    ) -> Self {
        let headers = Headers::new(&request.head.fields, request.bytes);
        let request = Recorded(Request { part: request, headers });
        let response = response.map(|part| {
            let (fields, bytes) = part
                .head
                .map_or((&[][..], &[][..]), |(head, bytes)| (head.fields.as_slice(), bytes));
            let headers = Headers::new(fields, bytes);
            Recorded(Response { status: part.status, headers, body: part.body })
        });
        let source = Recorded(source);
        Self {
            request,
            response,
            source,
            model: None,
            asked: None,
            seed: AtomicU64::new(seed),
            failures: AtomicU32::new(0),
            known: Known::default(),
            key: AtomicU32::new(NOBODY),
        }
    }

    /// The same, where keys are known.
    #[must_use]
    pub fn with(self, known: Known<'a>) -> Self {
        let key = AtomicU32::new(known.key.map_or(NOBODY, |key| key.0));
        Self { known, key, ..self }
    }

    /// Whose the key is that was shown.
    pub fn key(&self) -> Option<KeyId> {
        Some(KeyId(self.key.load(Ordering::Relaxed))).filter(|key| key.0 != NOBODY)
    }

    /// All that there are, and the time by which they are judged.
    pub(super) fn keys(&self) -> (&'a [ApiKey], i64) {
        (self.known.keys, self.known.now)
    }

    pub(super) fn identify(&self, key: KeyId) {
        self.key.store(key.0, Ordering::Relaxed);
    }

    /// The same, of a request for a model.
    pub fn of_model(self, known: Option<&'a GenAi>) -> Self {
        Self { model: known.map(Recorded), ..self }
    }

    /// The same, with what it asks.
    pub fn asking(self, body: &'a Map<String, Value>) -> Self {
        Self { asked: Some(Object(body)), ..self }
    }

    pub fn request(&self) -> &RequestPart<'a> {
        &self.request.0.part
    }

    /// Who asks; none behind a Unix socket.
    pub fn source(&self) -> Option<IpAddr> {
        self.source.0.address.map(|address| address.ip())
    }

    /// The values of a field of the request, in their order.
    pub fn header(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.request.0.headers.values(name)
    }

    pub(super) fn failed(&self) {
        self.failures.store(self.failures.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// How many expressions gave nothing of use.
    pub fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// SplitMix64: each call another number.
    fn random(&self) -> u64 {
        let state = self.seed.load(Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.seed.store(state, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// RFC 9562 section 5.4.
    fn uuid(&self) -> String {
        let high = (self.random() & !0xf000) | 0x4000;
        let low = (self.random() & (u64::MAX >> 2)) | (1 << 63);
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
    }
}

/// Names that no user can write: what calls of `random()` and `uuid()` are compiled to.
pub(super) const RANDOM: &str = "@random";
pub(super) const UUID: &str = "@uuid";

impl VariableResolver for Attributes<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable {
            "request" => Some(CowVal::Borrowed(&self.request)),
            "source" => Some(CowVal::Borrowed(&self.source)),
            "llm" => self.model.as_ref().map(|model| CowVal::Borrowed(model as _)),
            LLM_REQUEST => self.asked.as_ref().map(|asked| CowVal::Borrowed(asked as _)),
            "response" => self.response.as_ref().map(|response| CowVal::Borrowed(response as _)),
            "apiKey" => {
                let key = self.known.keys.get(self.key()?.index())?;
                Some(CowVal::owned(Recorded(Key(key))))
            }
            // 53 bits: all that a double between 0 and 1 has.
            RANDOM => {
                let share = (self.random() >> 11) as f64 / (1_u64 << 53) as f64;
                Some(CowVal::owned(CelDouble::from(share)))
            }
            UUID => Some(CowVal::owned(CelString::from(self.uuid()))),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
struct Request<'a> {
    part: RequestPart<'a>,
    headers: Headers<'a>,
}

impl Record for Request<'_> {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let RequestPart { head, bytes, scheme, path, target, body, .. } = self.part;
        Ok(match field {
            "headers" => CowVal::Borrowed(&self.headers),
            "method" => value::text(head.method_name.of(bytes)),
            "body" => value::text_or_bytes(body.ok_or_else(|| no_such(field))?),
            "path" => value::text(path),
            "pathAndQuery" => value::text(target),
            "host" => value::text(host_of(head.host.of(bytes))),
            "scheme" => value::text(scheme.name().as_bytes()),
            "version" => value::text(match head.version {
                Version::Http10 => b"HTTP/1.0",
                Version::Http11 => b"HTTP/1.1",
            }),
            "uri" => {
                let authority = String::from_utf8_lossy(head.host.of(bytes));
                let target = String::from_utf8_lossy(target);
                CowVal::owned(CelString::from(format!("{}://{authority}{target}", scheme.name())))
            }
            _ => return Err(ExecutionError::no_such_key(field)),
        })
    }
}

#[derive(Clone, Debug)]
struct Response<'a> {
    status: u16,
    headers: Headers<'a>,
    body: Option<&'a [u8]>,
}

impl Record for Response<'_> {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        match field {
            "code" => Ok(CowVal::owned(CelInt::from(i64::from(self.status)))),
            "headers" => Ok(CowVal::Borrowed(&self.headers)),
            "body" => Ok(value::text_or_bytes(self.body.ok_or_else(|| no_such(field))?)),
            _ => Err(ExecutionError::no_such_key(field)),
        }
    }
}

fn no_such(field: &str) -> ExecutionError {
    ExecutionError::no_such_key(field)
}

/// An authority without its port.
fn host_of(authority: &[u8]) -> &[u8] {
    let end = match authority.first() {
        Some(b'[') => memchr::memchr(b']', authority).map(|close| close + 1),
        _ => memchr::memchr(b':', authority),
    };
    &authority[..end.unwrap_or(authority.len())]
}

#[cfg(test)]
pub(super) mod tests;
