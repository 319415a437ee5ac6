//! A route whose backends are providers of models: what its paths speak, where its models are.

mod provider;

use std::sync::Arc;

use super::Compiler;
use crate::base::id::{ClusterId, LlmId};
use crate::config::ai::{Ai, Api as RawApi};
use crate::config::policy::ai::{AiPolicy, Sent as RawSent};
use crate::config::route::Route as RawRoute;
use crate::llm::api::Suffixes;
use crate::llm::model::{Model, Models, Sent};
use crate::llm::{Api, Llm};
use crate::route::split::Split;
use crate::route::target::{FixedReply, Target};

/// The backends of a route, as far as they are providers.
#[derive(Default)]
pub(super) struct Providers {
    found: Vec<(u32, ClusterId, Ai)>,
    /// Backends that are none.
    others: usize,
}

impl Providers {
    pub(super) fn add(&mut self, weight: u32, cluster: ClusterId, ai: Option<Ai>) {
        match ai {
            Some(ai) => self.found.push((weight, cluster, ai)),
            None => self.others += 1,
        }
    }
}

impl Compiler<'_> {
    /// The target of a route that has providers; `None`: it has none.
    pub(super) fn ask(
        &mut self,
        raw: &RawRoute,
        providers: Providers,
        label: &str,
    ) -> Option<Target> {
        let policy = raw.policies.ai.as_ref();
        let Providers { found, others } = providers;
        if found.is_empty() {
            if policy.is_some() {
                self.tell(label, "`policies.ai`: none of its backends is an `ai`");
            }
            return None;
        }
        if others > 0 {
            self.tell(label, "backends are all `ai`, or none is");
        }
        if raw.policies.compression.is_some() {
            self.tell(label, "`compression` of answers of models is not supported yet");
        }
        if raw.policies.request_mirror.is_some() {
            self.tell(label, "`requestMirror` of requests for models is not supported yet");
        }
        let weights = (0..).zip(&found).map(|(place, (weight, ..))| (*weight, place));
        let split = Split::compile(weights).unwrap_or_else(|_| Split::single(0));
        let default = AiPolicy::default();
        let policy = policy.unwrap_or(&default);
        let listing = self.listing(policy, &found, label);
        let llm = Llm {
            suffixes: suffixes(policy),
            models: models(policy),
            providers: found.iter().map(|(_, at, ai)| provider::compile(*at, ai)).collect(),
            split,
            body_bytes_max: self.config.frontend_policies.http.max_buffer_size,
            listing,
        };
        let id = LlmId(u32::try_from(self.llms.len()).expect("fewer than 4 billion routes"));
        self.llms.push(Arc::new(llm));
        Some(Target::Llm(id))
    }

    pub(super) fn tell(&mut self, label: &str, what: &str) {
        self.wrong.push(format!("{}: route `{label}`: {what}", self.bind));
    }

    fn listing(
        &mut self,
        policy: &AiPolicy,
        providers: &[(u32, ClusterId, Ai)],
        label: &str,
    ) -> [FixedReply; 2] {
        let own = providers.iter().filter_map(|(.., ai)| ai.provider.model.clone());
        let names: Vec<String> = match &policy.models {
            Some(models) => models.iter().map(|model| model.name.clone()).collect(),
            None => own.chain(policy.model_aliases.keys().cloned()).collect(),
        };
        let mut names: Vec<String> = names.into_iter().filter(|name| !name.contains('*')).collect();
        names.sort_unstable();
        names.dedup();
        [openai_list(&names), anthropic_list(&names)].map(|list| {
            let fields = [("content-type", "application/json")];
            let text = list.to_string();
            FixedReply::compile(200, &fields, text.as_bytes()).unwrap_or_else(|error| {
                self.tell(label, &format!("the list of models: {error}"));
                FixedReply::compile(200, &fields, b"{}").expect("a small reply")
            })
        })
    }
}

fn suffixes(policy: &AiPolicy) -> Suffixes {
    // Whoever writes nothing has a route for chats, as in agentgateway; the block `llm` passes on
    // what it does not know.
    let others = if policy.models.is_some() { Api::Other } else { Api::Completions };
    if policy.routes.is_empty() {
        return Suffixes::usual(others);
    }
    let others = policy.routes.get("*").map_or(others, |own| api(*own));
    let ends = policy.routes.iter().filter(|(end, _)| *end != "*");
    Suffixes::compile(ends.map(|(end, own)| (end.as_str(), api(*own))), others)
}

pub(super) const fn api(raw: RawApi) -> Api {
    match raw {
        RawApi::Completions => Api::Completions,
        RawApi::Messages => Api::Messages,
        RawApi::AnthropicTokenCount => Api::CountTokens,
        RawApi::Responses => Api::Responses,
        RawApi::Embeddings => Api::Embeddings,
        RawApi::Models => Api::Models,
        RawApi::Detect | RawApi::Passthrough => Api::Other,
    }
}

fn models(policy: &AiPolicy) -> Models {
    if let Some(models) = &policy.models {
        return Models::compile(models.iter().map(|raw| {
            let sent = match &raw.sent {
                RawSent::Same => Sent::Same,
                RawSent::Name(name) => Sent::name(name),
                RawSent::Without(prefix) => Sent::Without(prefix.as_bytes().into()),
            };
            let backend = u32::try_from(raw.backend).ok();
            (raw.name.clone(), Model { backend, sent })
        }));
    }
    let aliases = policy
        .model_aliases
        .iter()
        .map(|(name, model)| (name.clone(), Model { backend: None, sent: Sent::name(model) }));
    let others = ("*".to_owned(), Model { backend: None, sent: Sent::Same });
    Models::compile(aliases.chain([others]))
}

fn openai_list(names: &[String]) -> serde_json::Value {
    let model = |name: &String| serde_json::json!({"id": name, "object": "model", "created": 0, "owned_by": "ringway"});
    let data: Vec<_> = names.iter().map(model).collect();
    serde_json::json!({"object": "list", "data": data})
}

fn anthropic_list(names: &[String]) -> serde_json::Value {
    let model = |name: &String| {
        let created = "1970-01-01T00:00:00Z";
        serde_json::json!({
            "type": "model", "id": name, "display_name": name, "created_at": created,
        })
    };
    let data: Vec<_> = names.iter().map(model).collect();
    let (first, last) = (names.first(), names.last());
    serde_json::json!({"data": data, "has_more": false, "first_id": first, "last_id": last})
}

#[cfg(test)]
mod tests;
