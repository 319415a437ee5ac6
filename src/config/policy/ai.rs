//! `policies.ai` of a route: which paths speak which API, and what models are called.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::super::ai::{Api, read_model};
use super::super::expression::Expression;
use super::super::header::FieldName;
use super::super::reader::Cursor;
use super::super::route::HeaderMatch;
use super::super::scalar;
use super::prompt::{Edits, Made, PromptCaching, Prompts};
use crate::limits::MODELS_MAX;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AiPolicy {
    /// By the end of the path, the longest first; `*` is every other. None: `Api`'s own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub routes: BTreeMap<String, Api>,
    /// A name, which may have one `*`, and the model that it stands for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub model_aliases: BTreeMap<String, String>,
    /// Ours. Of each try of a stream, until its first token.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub first_token_timeout: Option<Duration>,
    #[serde(flatten)]
    pub edits: Edits,
    #[serde(skip_serializing_if = "is_default")]
    pub prompts: Prompts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_caching: Option<PromptCaching>,
    /// Of what the provider is sent.
    #[serde(skip_serializing_if = "Made::is_empty")]
    pub final_transformations: Made,
    /// Ours: the field of a response that tells what the answer cost, in dollars. Not of streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_header: Option<FieldName>,
    /// Of the block `llm`, which has a table of its own.
    #[serde(skip)]
    pub models: Option<Vec<Model>>,
    /// Names of the same block that stand for one of several models.
    #[serde(skip)]
    pub virtual_models: Vec<(String, Choice)>,
}

/// A model that clients may name, and the backend of the route that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// With one `*` at the most.
    pub name: String,
    pub backend: usize,
    /// What it is called there.
    pub sent: Sent,
    /// Behind those of the policy.
    pub edits: Edits,
    /// Clients may name it; others lead to it.
    pub is_public: bool,
    /// One of these; each all of its fields. Empty: any request.
    pub matches: Vec<Vec<HeaderMatch>>,
}

/// Who is asked: a backend of the route, or one of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    One {
        backend: usize,
        sent: Sent,
    },
    Weighted(Vec<(u32, Self)>),
    /// The lowest number first.
    Failover(Vec<(u32, Self)>),
    /// The first that holds.
    First(Vec<(Option<Expression>, Self)>),
}

/// What a provider is told in place of the name that a client used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The same.
    Same,
    Name(String),
    /// The same without what it begins with.
    Without(String),
}

impl AiPolicy {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["promptGuard", "wildcardPatterns"]);
        let policy = Self {
            routes: table.or("routes", BTreeMap::new(), read_routes),
            model_aliases: table.or("modelAliases", BTreeMap::new(), read_aliases),
            first_token_timeout: table.maybe("firstTokenTimeout", scalar::read_timeout),
            edits: Edits::read(&mut table),
            prompts: table.or("prompts", Prompts::default(), Prompts::read),
            prompt_caching: table.maybe("promptCaching", PromptCaching::read),
            final_transformations: table.or("finalTransformations", Made::default(), Made::read),
            cost_header: table.maybe("costHeader", FieldName::read_modified),
            models: None,
            virtual_models: Vec::new(),
        };
        table.finish();
        Some(policy)
    }
}

fn is_default(prompts: &Prompts) -> bool {
    *prompts == Prompts::default()
}

fn read_routes(cursor: &Cursor<'_>) -> Option<BTreeMap<String, Api>> {
    let mut routes = BTreeMap::new();
    for (suffix, mark, value) in cursor.named() {
        let good = suffix == "*" || (!suffix.is_empty() && !suffix.contains(['*', '?', ' ']));
        if !good {
            let hint = "such as /v1/messages, or `*` for every other".to_owned();
            cursor.session().fail(&mark, "not the end of a path", Some(hint));
        }
        if let Some(api) = value.word(&Api::WORDS, &[]) {
            routes.insert(suffix.to_owned(), api);
        }
    }
    Some(routes)
}

fn read_aliases(cursor: &Cursor<'_>) -> Option<BTreeMap<String, String>> {
    let entries = cursor.named();
    if entries.len() > MODELS_MAX {
        cursor.fail(&format!("more than {MODELS_MAX} aliases"));
    }
    let mut aliases = BTreeMap::new();
    for (name, mark, value) in entries {
        if name.is_empty() || name.matches('*').count() > 1 {
            cursor.session().fail(&mark, "a name has one `*` at the most", None);
        }
        if let Some(model) = read_model(&value) {
            aliases.insert(name.to_owned(), model);
        }
    }
    Some(aliases)
}
