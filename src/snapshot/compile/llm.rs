//! A route whose backends are providers of models: what its paths speak, where its models are.

mod groups;
mod models;
mod provider;

use std::sync::Arc;

use super::{Compiler, traffic};
use crate::base::id::{ClusterId, LlmId};
use crate::config::ai::{Ai, Api as RawApi};
use crate::config::policy::ai::AiPolicy;
use crate::config::route::Route as RawRoute;
use crate::llm::api::Suffixes;
use crate::llm::model::Sent;
use crate::llm::{Api, Llm, Plan};
use crate::route::target::Target;
use groups::Spot;

/// The backends of a route, as far as they are providers.
#[derive(Default)]
pub(super) struct Providers {
    found: Vec<(u32, ClusterId, Ai)>,
    /// Backends that are none.
    others: usize,
    /// Where each stood.
    pub(super) spots: Vec<Spot>,
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
        let Providers { found, others, spots } = providers;
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
        let default = AiPolicy::default();
        let policy = policy.unwrap_or(&default);
        let listing = self.listing(policy, &found, label);
        let models = self.models(policy, &spots, label);
        let llm = Llm {
            suffixes: suffixes(policy),
            reads_body: models.reads_body(),
            models,
            first_token: policy.first_token_timeout,
            retry: traffic::fails_over(),
            others: (found.len() == 1).then(|| Plan::one(0, Sent::Same)),
            providers: found
                .iter()
                .map(|(_, cluster, ai)| provider::compile(*cluster, ai))
                .collect(),
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
        RawApi::GenerateContent => Api::Generate,
        RawApi::GeminiCountTokens => Api::GenerateCount,
        RawApi::Converse => Api::Converse,
        RawApi::Rerank => Api::Rerank,
        RawApi::Realtime => Api::Realtime,
        RawApi::Models => Api::Models,
        RawApi::Detect | RawApi::Passthrough => Api::Other,
    }
}

#[cfg(test)]
mod tests;
