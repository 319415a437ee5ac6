//! `Provider`: where each API of a provider is, and what it is called. Its host is a cluster, its
//! credential an edit of heads or a signature: both are the route's like those of any other backend.
//! Refuses a name of a model that would be more than one segment of a path.

use super::api::Api;
use super::error::Error;
use super::model::Sent;
use crate::base::id::ClusterId;

#[derive(Clone, Debug)]
pub struct Provider {
    pub cluster: ClusterId,
    /// `gen_ai_system`.
    pub label: Box<str>,
    /// By `Api::place`; none of what it does not speak.
    pub paths: [Option<Path>; Api::SPOKEN],
    /// What `/v1` is there, for paths that we do not know.
    pub prefix: Box<[u8]>,
    /// In place of any path.
    pub path: Option<Box<[u8]>>,
    /// In place of any model.
    pub model: Option<Sent>,
    /// What its bodies have beside what the API says.
    pub fits: Fits,
}

/// Where an API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    Fixed(Box<[u8]>),
    Model(ModelPath),
}

/// A path with the model in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPath {
    pub front: Box<[u8]>,
    pub end: Box<[u8]>,
    /// Where the answer is a stream.
    pub stream_end: Box<[u8]>,
}

/// What else is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub api: Api,
    /// As the provider is told; empty where none is named.
    pub model: &'a [u8],
    pub streams: bool,
    /// As the client asked for it.
    pub path: &'a [u8],
    pub query: Option<&'a [u8]>,
}

/// See `llm::fit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fits {
    #[default]
    Nothing,
    /// Messages name the version in the body, and the model in the path alone.
    Vertex,
    /// A member of Converse that says which guardrail looks at it, with a comma behind it.
    Guarded(Box<[u8]>),
}

impl Path {
    pub fn fixed(text: String) -> Self {
        Self::Fixed(text.into_bytes().into())
    }

    /// The same, whether the answer is a stream or not.
    pub fn model(front: String, end: &str) -> Self {
        Self::either(front, end, end)
    }

    pub fn either(front: String, end: &str, stream_end: &str) -> Self {
        let (end, stream_end) = (end.as_bytes().into(), stream_end.as_bytes().into());
        Self::Model(ModelPath { front: front.into_bytes().into(), end, stream_end })
    }
}

impl Provider {
    /// Appends the target of a request.
    ///
    /// # Errors
    /// The provider does not speak that API, or the model cannot stand in a path. `out` is not to be
    /// used then.
    pub fn put_target(&self, out: &mut Vec<u8>, wanted: Wanted<'_>) -> Result<(), Error> {
        let start = out.len();
        match (&self.path, wanted.api.place()) {
            (Some(path), _) => out.extend_from_slice(path),
            (None, Some(place)) => match &self.paths[place] {
                Some(Path::Fixed(own)) => out.extend_from_slice(own),
                Some(Path::Model(own)) => {
                    out.extend_from_slice(&own.front);
                    put_model(out, wanted.model)?;
                    let end = if wanted.streams { &own.stream_end } else { &own.end };
                    out.extend_from_slice(end);
                }
                None => return Err(Error::NotSpoken),
            },
            (None, None) => self.put_other(out, wanted.path),
        }
        if let Some(query) = wanted.query {
            let has_query = memchr::memchr(b'?', &out[start..]).is_some();
            out.push(if has_query { b'&' } else { b'?' });
            out.extend_from_slice(query);
        }
        Ok(())
    }

    fn put_other(&self, out: &mut Vec<u8>, path: &[u8]) {
        match path.strip_prefix(USUAL) {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => {
                out.extend_from_slice(&self.prefix);
                out.extend_from_slice(rest);
            }
            _ => out.extend_from_slice(path),
        }
    }
}

/// A name of a model as one segment of a path. Names of resources of AWS have slashes, which are
/// encoded; no other has any but behind what it may be called in full.
fn put_model(out: &mut Vec<u8>, model: &[u8]) -> Result<(), Error> {
    let is_resource = model.starts_with(b"arn:");
    let front = FRONTS.iter().find(|front| !is_resource && model.starts_with(front.as_bytes()));
    let model = &model[front.map_or(0, |front| front.len())..];
    let safe = |byte: &u8| match byte {
        b'/' => is_resource,
        b'\\' | b'%' | b'?' | b'#' | b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'^' | b'`' => false,
        _ => !byte.is_ascii_control() && *byte != b' ',
    };
    let has_dots = model.split(|byte| *byte == b'/').any(|part| matches!(part, b"." | b".."));
    if model.is_empty() || has_dots || !model.iter().all(safe) {
        return Err(Error::BadModel);
    }
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in model {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(byte) {
            out.push(*byte);
        } else {
            let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'%', high, low]);
        }
    }
    Ok(())
}

const USUAL: &[u8] = b"/v1";

/// What names of models are written with where they are written in full.
const FRONTS: [&str; 5] = [
    "models/",
    "publishers/google/models/",
    "publishers/anthropic/models/",
    "google/",
    "anthropic/",
];

/// What comes behind the prefix of a provider that speaks as OpenAI or as Anthropic does, by
/// `Api::place`.
pub const ENDS: [&str; 5] =
    ["/chat/completions", "/messages", "/messages/count_tokens", "/responses", "/embeddings"];

#[cfg(test)]
mod tests;
