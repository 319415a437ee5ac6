//! `Provider`: where each API of a provider is, and what it is called. Its host is a cluster, its
//! credential an edit of heads: both are the route's like those of any other backend.

use super::api::Api;
use super::model::Sent;
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
}

impl Provider {
    /// Appends the target of a request for `api` that came for `path`.
    ///
    /// # Returns
    /// False, and nothing is written, where the provider does not speak it.
    #[must_use]
    pub fn put_target(
        &self,
        out: &mut Vec<u8>,
        api: Api,
        path: &[u8],
        query: Option<&[u8]>,
    ) -> bool {
        match (&self.path, api.place()) {
            (Some(path), _) => out.extend_from_slice(path),
            (None, Some(place)) => match &self.paths[place] {
                Some(own) => out.extend_from_slice(own),
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

const USUAL: &[u8] = b"/v1";

/// What comes behind the prefix, by `Api::place`.
pub const ENDS: [&str; Api::SPOKEN] =
    ["/chat/completions", "/messages", "/messages/count_tokens", "/responses", "/embeddings"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_providers_own() {
        let mut provider = Provider {
            cluster: ClusterId(0),
            label: "groq".into(),
            paths: [Some(b"/openai/v1/chat/completions"[..].into()), None, None, None, None],
            prefix: b"/openai/v1"[..].into(),
            path: None,
            model: None,
        };
        let target = |provider: &Provider, api, path: &str, query: Option<&str>| {
            let mut out = Vec::new();
            let put = provider.put_target(&mut out, api, path.as_bytes(), query.map(str::as_bytes));
            put.then(|| String::from_utf8(out).unwrap())
        };
        let chat = target(&provider, Api::Completions, "/x/v1/chat/completions", Some("a=1"));
        assert_eq!(chat.as_deref(), Some("/openai/v1/chat/completions?a=1"));
        assert_eq!(target(&provider, Api::Messages, "/v1/messages", None), None);
        for (path, there) in [
            ("/v1/audio/speech", "/openai/v1/audio/speech"),
            ("/v1", "/openai/v1"),
            ("/v1beta/x", "/v1beta/x"),
            ("/files", "/files"),
        ] {
            assert_eq!(target(&provider, Api::Other, path, None).as_deref(), Some(there));
        }
        provider.path = Some(b"/chat"[..].into());
        assert_eq!(
            target(&provider, Api::Messages, "/v1/messages", None).as_deref(),
            Some("/chat")
        );
    }
}
