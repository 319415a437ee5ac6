//! The APIs that are known, and by which end of a path each is found.

use super::translate::Dialect;
use crate::http::reply::Shape;

/// What a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Completions,
    Messages,
    CountTokens,
    Responses,
    Embeddings,
    /// Gemini's, whole or as a stream: its path tells.
    Generate,
    GenerateCount,
    /// Bedrock's; the same.
    Converse,
    Rerank,
    /// OpenAI's, over a WebSocket.
    Realtime,
    Models,
    /// Anything else: passed on, and looked at as far as it can be understood.
    Other,
}

impl Api {
    /// Those that a provider has a path for, by their places.
    pub const SPOKEN: usize = 10;

    /// In the order of their places.
    pub const ALL_SPOKEN: [Self; Self::SPOKEN] = [
        Self::Completions,
        Self::Messages,
        Self::CountTokens,
        Self::Responses,
        Self::Embeddings,
        Self::Generate,
        Self::GenerateCount,
        Self::Converse,
        Self::Rerank,
        Self::Realtime,
    ];

    /// The place among the paths of a provider.
    pub const fn place(self) -> Option<usize> {
        match self {
            Self::Completions => Some(0),
            Self::Messages => Some(1),
            Self::CountTokens => Some(2),
            Self::Responses => Some(3),
            Self::Embeddings => Some(4),
            Self::Generate => Some(5),
            Self::GenerateCount => Some(6),
            Self::Converse => Some(7),
            Self::Rerank => Some(8),
            Self::Realtime => Some(9),
            Self::Models | Self::Other => None,
        }
    }

    /// Of those that ask for a generation: what can be told to whoever speaks another one.
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Completions => Some(Dialect::Completions),
            Self::Messages => Some(Dialect::Messages),
            Self::Responses => Some(Dialect::Responses),
            Self::Generate => Some(Dialect::Gemini),
            Self::Converse => Some(Dialect::Converse),
            _ => None,
        }
    }

    /// Whose words its answers have. None: nobody knows.
    pub const fn words(self) -> Option<Dialect> {
        match self {
            Self::CountTokens => Some(Dialect::Messages),
            Self::GenerateCount => Some(Dialect::Gemini),
            Self::Embeddings | Self::Realtime => Some(Dialect::Completions),
            Self::Rerank | Self::Models | Self::Other => None,
            api => api.dialect(),
        }
    }

    /// That asks for a generation in the dialect.
    pub const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Completions => Self::Completions,
            Dialect::Messages => Self::Messages,
            Dialect::Responses => Self::Responses,
            Dialect::Gemini => Self::Generate,
            Dialect::Converse => Self::Converse,
        }
    }

    /// Its bodies name no model.
    pub const fn has_model_in_path(self) -> bool {
        matches!(self, Self::Generate | Self::GenerateCount | Self::Converse)
    }

    /// How its callers are told of errors.
    pub const fn shape(self) -> Shape {
        match self {
            Self::Messages | Self::CountTokens => Shape::Anthropic,
            Self::Generate | Self::GenerateCount => Shape::Google,
            Self::Converse => Shape::Aws,
            _ => Shape::OpenAi,
        }
    }

    /// `gen_ai_operation_name`.
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Completions | Self::Messages | Self::Responses | Self::Converse => "chat",
            Self::Generate => "generate_content",
            Self::Rerank => "rerank",
            Self::Realtime => "realtime",
            Self::CountTokens | Self::GenerateCount => "count_tokens",
            Self::Embeddings => "embeddings",
            Self::Models | Self::Other => "passthrough",
        }
    }
}

/// Ends of paths, the longest first.
#[derive(Clone, Debug)]
pub struct Suffixes {
    ends: Vec<(Box<[u8]>, Api)>,
    /// Of all other paths.
    others: Api,
}

impl Suffixes {
    pub fn compile<'a>(ends: impl IntoIterator<Item = (&'a str, Api)>, others: Api) -> Self {
        let ends = ends.into_iter().map(|(end, api)| (end.as_bytes().into(), api));
        let mut ends: Vec<(Box<[u8]>, Api)> = ends.collect();
        ends.sort_by_key(|(end, _)| std::cmp::Reverse(end.len()));
        Self { ends, others }
    }

    /// agentgateway's, as far as they are spoken here.
    pub fn usual(others: Api) -> Self {
        Self::compile(USUAL, others)
    }

    pub fn find(&self, path: &[u8]) -> Api {
        let found = self.ends.iter().find(|(end, _)| path.ends_with(end));
        found.map_or(self.others, |(_, api)| *api)
    }
}

const USUAL: [(&str, Api); 24] = [
    ("/v1/chat/completions", Api::Completions),
    ("/v1/messages", Api::Messages),
    (":rawPredict", Api::Messages),
    (":streamRawPredict", Api::Messages),
    ("/v1/messages/count_tokens", Api::CountTokens),
    ("/v1/responses", Api::Responses),
    ("/v1/responses/compact", Api::Other),
    ("/v1/embeddings", Api::Embeddings),
    (":generateContent", Api::Generate),
    (":streamGenerateContent", Api::Generate),
    (":countTokens", Api::GenerateCount),
    ("/converse", Api::Converse),
    ("/converse-stream", Api::Converse),
    ("/invoke", Api::Other),
    ("/invoke-with-response-stream", Api::Other),
    ("/v1/rerank", Api::Rerank),
    ("/v2/rerank", Api::Rerank),
    ("/v1/realtime", Api::Realtime),
    ("/v1/models", Api::Models),
    ("/v1/images/generations", Api::Other),
    ("/v1/images/edits", Api::Other),
    ("/v1/images/variations", Api::Other),
    ("/v1/audio/transcriptions", Api::Other),
    ("/v1/audio/speech", Api::Other),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_place_and_each_dialect_an_api() {
        for (place, api) in Api::ALL_SPOKEN.into_iter().enumerate() {
            assert_eq!(api.place(), Some(place));
            if let Some(dialect) = api.dialect() {
                assert_eq!((Api::of(dialect), api.words()), (api, Some(dialect)));
            }
        }
    }

    #[test]
    fn the_longest_end_wins() {
        let usual = Suffixes::usual(Api::Other);
        for (path, api) in [
            ("/v1/chat/completions", Api::Completions),
            ("/team/a/v1/chat/completions", Api::Completions),
            ("/v1/messages", Api::Messages),
            ("/v1/messages/count_tokens", Api::CountTokens),
            ("/v1/responses/compact", Api::Other),
            ("/v1beta/models/gemini-4:generateContent", Api::Generate),
            ("/v1/models/gemini-4:streamGenerateContent", Api::Generate),
            ("/v1/models/gemini-4:countTokens", Api::GenerateCount),
            ("/x/models/claude-5:streamRawPredict", Api::Messages),
            ("/model/nova-3/converse-stream", Api::Converse),
            ("/model/nova-3/invoke", Api::Other),
            ("/v2/rerank", Api::Rerank),
            ("/v1/realtime", Api::Realtime),
            ("/v1/models", Api::Models),
            ("/v1/models/gpt-6", Api::Other),
            ("/", Api::Other),
        ] {
            assert_eq!(usual.find(path.as_bytes()), api, "{path}");
        }
        let own = [("/completions", Api::Other), ("/chat/completions", Api::Completions)];
        let own = Suffixes::compile(own, Api::Messages);
        assert_eq!(own.find(b"/chat/completions"), Api::Completions);
        assert_eq!(own.find(b"/v1/completions"), Api::Other);
        assert_eq!(own.find(b"/v1/messages"), Api::Messages);
    }
}
