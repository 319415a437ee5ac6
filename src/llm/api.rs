//! The APIs that are known, and by which end of a path each is found.

use crate::http::reply::Shape;

/// What a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Completions,
    Messages,
    CountTokens,
    Responses,
    Embeddings,
    /// Gemini's own, and how it counts.
    Generate,
    GenerateCount,
    /// Bedrock's own.
    Converse,
    Models,
    /// Anything else: passed on, and looked at as far as it can be understood.
    Other,
}

impl Api {
    /// Those that a provider has a path for, by their places.
    pub const SPOKEN: usize = Self::ALL_SPOKEN.len();
    pub const ALL_SPOKEN: [Self; 8] = [
        Self::Completions,
        Self::Messages,
        Self::CountTokens,
        Self::Responses,
        Self::Embeddings,
        Self::Generate,
        Self::GenerateCount,
        Self::Converse,
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
            Self::Models | Self::Other => None,
        }
    }

    /// How its callers are told of errors.
    pub const fn shape(self) -> Shape {
        match self {
            Self::Messages | Self::CountTokens => Shape::Anthropic,
            _ => Shape::OpenAi,
        }
    }

    /// `gen_ai_operation_name`.
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Completions | Self::Messages | Self::Responses => "chat",
            Self::Generate | Self::Converse => "chat",
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

const USUAL: [(&str, Api); 10] = [
    ("/v1/chat/completions", Api::Completions),
    ("/v1/messages", Api::Messages),
    ("/v1/messages/count_tokens", Api::CountTokens),
    ("/v1/responses", Api::Responses),
    ("/v1/responses/compact", Api::Other),
    ("/v1/embeddings", Api::Embeddings),
    ("/v1/models", Api::Models),
    ("/v1/images/generations", Api::Other),
    ("/v1/images/edits", Api::Other),
    ("/v1/images/variations", Api::Other),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_end_wins() {
        let usual = Suffixes::usual(Api::Other);
        for (path, api) in [
            ("/v1/chat/completions", Api::Completions),
            ("/team/a/v1/chat/completions", Api::Completions),
            ("/v1/messages", Api::Messages),
            ("/v1/messages/count_tokens", Api::CountTokens),
            ("/v1/responses/compact", Api::Other),
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
