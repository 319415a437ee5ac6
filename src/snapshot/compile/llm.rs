//! A route whose backends are providers of models: what its paths speak, where its models are.

mod groups;
mod models;
mod provider;

use std::sync::Arc;

use super::{Compiler, traffic};
use crate::base::id::{ClusterId, LlmId};
use crate::config::ai::{Ai, Api as RawApi};
use crate::config::expression::Expression as RawExpression;
use crate::config::policy::ai::AiPolicy;
use crate::config::policy::prompt::{Edits as RawEdits, Made};
use crate::config::rate_limit::{Counts, RateLimit as RawLimit};
use crate::config::route::Route as RawRoute;
use crate::llm::api::Suffixes;
use crate::llm::model::Sent;
use crate::llm::named::Named;
use crate::llm::prompt::{Edits, Prompt};
use crate::llm::{Api, Llm, Plan};
use crate::policy::expression::Expression;
use crate::policy::rate_limit::RateLimit;
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
    token_limits: Vec<Arc<RateLimit>>,
}

impl Providers {
    /// With the limits of the route that are on tokens.
    pub(super) fn limited(limits: &[Arc<RateLimit>]) -> Self {
        let token_limits = limits.iter().filter(|limit| limit.spec.tokens.is_some());
        Self { token_limits: token_limits.cloned().collect(), ..Self::default() }
    }

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
        let Providers { found, others, spots, token_limits } = providers;
        if found.is_empty() {
            let counts = |limit: &RawLimit| limit.counts == Counts::Tokens;
            if raw.group().is_none() && raw.policies.local_rate_limit.iter().any(counts) {
                self.tell(label, "`localRateLimit` of tokens: none of its backends is an `ai`");
            }
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
            prices: self.prices.clone(),
            prompt: prompt(policy).map(Box::new),
            model_edits: model_edits(policy),
            token_limits: token_limits.into(),
            cost_field: policy.cost_header.as_ref().map(|name| name.as_str().as_bytes().into()),
        };
        let id = LlmId(u32::try_from(self.llms.len()).expect("fewer than 4 billion routes"));
        self.llms.push(Arc::new(llm));
        Some(Target::Llm(id))
    }

    /// Reads the catalogue of prices: one for all routes.
    pub(super) fn prices(&mut self) {
        let own = self.config.llm.iter().flat_map(|llm| &llm.model_catalog);
        let sources = self.config.process.model_catalog.iter().chain(own);
        self.prices = self.materials.prices(sources);
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

fn prompt(policy: &AiPolicy) -> Option<Prompt> {
    let prompt = Prompt {
        edits: edits(&policy.edits),
        prepend: policy.prompts.prepend.clone().into(),
        append: policy.prompts.append.clone().into(),
        caching: policy.prompt_caching.clone(),
        last: expressions(&policy.final_transformations),
    };
    (!prompt.is_empty()).then_some(prompt)
}

fn model_edits(policy: &AiPolicy) -> Named<Edits> {
    let models = policy.models.iter().flatten().filter(|model| !model.edits.is_empty());
    Named::compile(models.map(|model| (model.name.clone(), edits(&model.edits))))
}

fn edits(raw: &RawEdits) -> Edits {
    Edits {
        overrides: raw.overrides.clone().into(),
        made: expressions(&raw.transformations),
        defaults: raw.defaults.clone().into(),
    }
}

/// The configuration's reader has refused those that do not compile.
fn expressions(raw: &Made) -> Box<[(String, Expression)]> {
    let compile = |(name, made): &(String, RawExpression)| {
        Some((name.clone(), Expression::compile(made.as_str()).ok()?))
    };
    raw.0.iter().filter_map(compile).collect()
}

#[cfg(test)]
mod tests;
