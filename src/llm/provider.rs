//! `Provider`: where each API of a provider is, and what it is called. Its host is a cluster, its
//! credential an edit of heads: both are the route's like those of any other backend.

use super::api::Api;
use super::error::Error;
use super::line::put_segment;
use super::model::Sent;
use super::translate::{Dialect, Host};
use crate::base::id::ClusterId;

#[derive(Clone, Debug)]
pub struct Provider {
    pub cluster: ClusterId,
    /// `gen_ai_system`.
    pub label: Box<str>,
    /// By `Api::place`; none of what it does not speak.
    pub paths: [Option<Box<[u8]>>; Api::SPOKEN],
    /// What `/v1` is there, for paths that we do not know.
    pub prefix: Box<[u8]>,
    /// In place of any path.
    pub path: Option<Box<[u8]>>,
    /// In place of any model.
    pub model: Option<Sent>,
    /// How it speaks its dialects.
    pub host: Host,
}

/// What a path has to say where the body does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    /// As the provider knows it.
    pub model: &'a [u8],
    pub streams: bool,
}

/// How a provider is asked for what a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In the caller's words.
    Same,
    /// In those of another dialect; or of the same, with the provider's accent.
    Translated { own: Dialect, theirs: Dialect },
    /// Not at all: it cannot count, and the answer is an estimate.
    Estimated(Dialect),
}

impl Provider {
    /// How it is asked. `in_path`: the model stood in the path, not in the body.
    ///
    /// # Errors
    /// It speaks nothing that the caller's words could be told in.
    pub fn way(&self, api: Api, in_path: bool) -> Result<Way, Error> {
        let has_accent = matches!(self.host, Host::Vertex | Host::Bedrock);
        let is_foreign = api == Api::Messages && in_path != has_accent;
        if self.speaks(api) && !is_foreign {
            return Ok(Way::Same);
        }
        match (api.dialect(), api.words()) {
            (Some(own), _) => {
                let speaks = |theirs: &Dialect| self.speaks(Api::of(*theirs));
                let theirs = own.preferred().into_iter().find(speaks).ok_or(Error::NotSpoken)?;
                Ok(Way::Translated { own, theirs })
            }
            (None, Some(words)) if matches!(api, Api::CountTokens | Api::GeminiCountTokens) => {
                Ok(Way::Estimated(words))
            }
            _ => Err(Error::NotSpoken),
        }
    }

    fn speaks(&self, api: Api) -> bool {
        api.place().is_none_or(|place| self.paths[place].is_some())
    }

    /// Appends the target of a request for `api` that came for `path`.
    ///
    /// # Returns
    /// False where the provider does not speak it, or a path cannot have the model's name.
    #[must_use]
    pub fn put_target(
        &self,
        out: &mut Vec<u8>,
        (api, named): (Api, Named<'_>),
        path: &[u8],
        query: Option<&[u8]>,
    ) -> bool {
        match (&self.path, api.place()) {
            (Some(path), _) => out.extend_from_slice(path),
            (None, Some(place)) => match &self.paths[place] {
                Some(own) if !put_path(out, own, named) => return false,
                Some(_) => (),
                None => return false,
            },
            (None, None) => self.put_other(out, path),
        }
        if let Some(query) = query {
            out.push(b'?');
            out.extend_from_slice(query);
        }
        true
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

/// With the model in its place, and the word at the end that asks for a stream.
fn put_path(out: &mut Vec<u8>, path: &[u8], named: Named<'_>) -> bool {
    let Some(at) = memchr::memmem::find(path, MODEL) else {
        out.extend_from_slice(path);
        return true;
    };
    out.extend_from_slice(&path[..at]);
    if !put_segment(out, named.model) {
        return false;
    }
    let end = &path[at + MODEL.len()..];
    let streamed = STREAMED.iter().find(|(whole, _)| named.streams && *whole == end);
    out.extend_from_slice(streamed.map_or(end, |(_, streamed)| streamed));
    true
}

/// Where a path has the model.
const MODEL: &[u8] = b"{model}";
/// What a path ends with, and what it ends with where a stream is wanted.
const STREAMED: [(&[u8], &[u8]); 3] = [
    (b":generateContent", b":streamGenerateContent"),
    (b":rawPredict", b":streamRawPredict"),
    (b"/converse", b"/converse-stream"),
];
const USUAL: &[u8] = b"/v1";

/// What comes behind the prefix, by `Api::place`.
pub const ENDS: [&str; Api::SPOKEN] = [
    "/chat/completions",
    "/messages",
    "/messages/count_tokens",
    "/responses",
    "/embeddings",
    "/models/{model}:generateContent",
    "/models/{model}:countTokens",
    "/model/{model}/converse",
    "/rerank",
    "/realtime",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(paths: &[(Api, &str)]) -> Provider {
        let mut provider = Provider {
            cluster: ClusterId(0),
            label: "groq".into(),
            paths: std::array::from_fn(|_| None),
            prefix: b"/openai/v1"[..].into(),
            path: None,
            model: None,
            host: Host::Own,
        };
        for (api, path) in paths {
            provider.paths[api.place().unwrap()] = Some(path.as_bytes().into());
        }
        provider
    }

    fn target(provider: &Provider, api: Api, path: &str, query: Option<&str>) -> Option<String> {
        let mut out = Vec::new();
        let named = Named { model: b"m:1", streams: true };
        let query = query.map(str::as_bytes);
        let put = provider.put_target(&mut out, (api, named), path.as_bytes(), query);
        put.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn targets_are_the_providers_own() {
        let mut provider = provider(&[
            (Api::Completions, "/openai/v1/chat/completions"),
            (Api::GenerateContent, "/v1beta/models/{model}:generateContent"),
            (Api::Converse, "/model/{model}/converse"),
        ]);
        for (api, path, query, there) in [
            (
                Api::Completions,
                "/x/v1/chat/completions",
                Some("a=1"),
                Some("/openai/v1/chat/completions?a=1"),
            ),
            (Api::Messages, "/v1/messages", None, None),
            (
                Api::GenerateContent,
                "/x",
                Some("alt=sse"),
                Some("/v1beta/models/m%3A1:streamGenerateContent?alt=sse"),
            ),
            (Api::Converse, "/x", None, Some("/model/m%3A1/converse-stream")),
            (Api::Other, "/v1/audio/speech", None, Some("/openai/v1/audio/speech")),
            (Api::Other, "/v1", None, Some("/openai/v1")),
            (Api::Other, "/v1beta/x", None, Some("/v1beta/x")),
            (Api::Other, "/files", None, Some("/files")),
        ] {
            assert_eq!(target(&provider, api, path, query).as_deref(), there, "{path}");
        }
        provider.path = Some(b"/chat"[..].into());
        let chat = target(&provider, Api::Completions, "/v1/chat/completions", None);
        assert_eq!(chat.as_deref(), Some("/chat"));
    }

    #[test]
    fn what_is_not_spoken_is_translated() {
        let openai = provider(&[(Api::Completions, "/c"), (Api::Responses, "/r")]);
        let anthropic = provider(&[(Api::Messages, "/m"), (Api::CountTokens, "/n")]);
        let bedrock = provider(&[(Api::Converse, "/c")]);
        let vertex = Provider { host: Host::Vertex, ..provider(&[(Api::Messages, "/m")]) };
        let to = |own, theirs| Ok(Way::Translated { own, theirs });
        use Dialect::{Completions, Converse, Gemini, Messages, Responses};
        for (provider, api, in_path, way) in [
            (&openai, Api::Completions, false, Ok(Way::Same)),
            (&openai, Api::Messages, false, to(Messages, Completions)),
            (&openai, Api::GenerateContent, true, to(Gemini, Completions)),
            (&openai, Api::Converse, true, to(Converse, Completions)),
            (&openai, Api::CountTokens, false, Ok(Way::Estimated(Messages))),
            (&openai, Api::GeminiCountTokens, true, Ok(Way::Estimated(Gemini))),
            (&openai, Api::Embeddings, false, Err(Error::NotSpoken)),
            (&openai, Api::Other, false, Ok(Way::Same)),
            (&anthropic, Api::Messages, false, Ok(Way::Same)),
            (&anthropic, Api::Messages, true, to(Messages, Messages)),
            (&anthropic, Api::CountTokens, false, Ok(Way::Same)),
            (&anthropic, Api::Responses, false, to(Responses, Messages)),
            (&vertex, Api::Messages, false, to(Messages, Messages)),
            (&vertex, Api::Messages, true, Ok(Way::Same)),
            (&bedrock, Api::Messages, false, to(Messages, Converse)),
            (&bedrock, Api::Converse, true, Ok(Way::Same)),
        ] {
            assert_eq!(provider.way(api, in_path), way, "{api:?}");
        }
    }
}
