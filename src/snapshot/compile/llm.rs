//! A route whose backends are providers of models: what its paths speak, where its models are.

use std::sync::Arc;

use super::{Compiler, policy};
use crate::base::id::{ClusterId, LlmId};
use crate::config::ai::{Ai, Api as RawApi};
use crate::config::backend_auth::BackendAuth;
use crate::config::expression::Expression as RawExpression;
use crate::config::policy::ai::{AiPolicy, Sent as RawSent};
use crate::config::policy::prompt::{Edits as RawEdits, Made};
use crate::config::rate_limit::{Counts, RateLimit as RawLimit};
use crate::config::route::Route as RawRoute;
use crate::llm::api::Suffixes;
use crate::llm::model::{Model, Models, Sent};
use crate::llm::named::Named;
use crate::llm::prompt::{Edits, Prompt};
use crate::llm::provider::ENDS;
use crate::llm::{Api, Llm, Provider};
use crate::policy::PipelineSpec;
use crate::policy::edit::HeaderModifierSpec;
use crate::policy::expression::Expression;
use crate::policy::rate_limit::RateLimit;
use crate::route::split::Split;
use crate::route::target::{FixedReply, Target};

/// The backends of a route, as far as they are providers.
#[derive(Default)]
pub(super) struct Providers {
    found: Vec<(u32, ClusterId, Ai)>,
    /// Backends that are none.
    others: usize,
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

/// What a provider's requests have in the place of the client's credentials, and of any backend's
/// with a `backendAuth`. Answers are read: they may not be coded.
pub(super) fn credentials(spec: &mut PipelineSpec, auth: Option<&BackendAuth>, ai: Option<&Ai>) {
    spec.watches = ai.is_some();
    // The backend's own edits stay; the credential has the last word.
    let mut modifier = spec.request_headers.take().unwrap_or_default();
    if ai.is_some() {
        modifier.remove.push("accept-encoding".to_owned());
    }
    if let Some(BackendAuth { key }) = auth {
        let key = key.expose();
        modifier.remove.extend(["authorization", "x-api-key", "api-key"].map(str::to_owned));
        let (name, value) = match ai.is_some_and(|ai| ai.provider.preset.is_anthropic()) {
            true => ("x-api-key", key.to_owned()),
            false => ("authorization", format!("Bearer {key}")),
        };
        modifier.set.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        modifier.set.push((name.to_owned(), value));
        // What is removed is removed last: it may not be what is set.
        modifier.remove.retain(|other| !other.eq_ignore_ascii_case(name));
    }
    let HeaderModifierSpec { add, set, remove } = &modifier;
    if !(add.is_empty() && set.is_empty() && remove.is_empty()) {
        spec.request_headers = Some(modifier);
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
        let Providers { found, others, token_limits } = providers;
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
        let weights = (0..).zip(&found).map(|(place, (weight, ..))| (*weight, place));
        let split = Split::compile(weights).unwrap_or_else(|_| Split::single(0));
        let default = AiPolicy::default();
        let policy = policy.unwrap_or(&default);
        let listing = self.listing(policy, &found, label);
        let llm = Llm {
            suffixes: suffixes(policy),
            models: models(policy),
            providers: found.iter().map(|(_, cluster, ai)| provider(*cluster, ai)).collect(),
            split,
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

    /// The backend's own credential, or that of the named one, or the route's.
    pub(super) fn backend_pipeline(
        &self,
        own: &mut PipelineSpec,
        auth: Option<&BackendAuth>,
        ai: Option<&Ai>,
    ) -> bool {
        credentials(own, auth, ai);
        own.watches || !policy::is_nothing(own)
    }

    fn tell(&mut self, label: &str, what: &str) {
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

const fn api(raw: RawApi) -> Api {
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

fn provider(cluster: ClusterId, ai: &Ai) -> Provider {
    let preset = ai.provider.preset;
    let prefix = ai.path_prefix.as_deref().unwrap_or(preset.prefix);
    let path = |at: Api| -> Option<Box<[u8]>> {
        let usual = format!("{prefix}{}", ENDS[at.place()?]).into_bytes();
        if preset.is_custom() {
            let format = ai.provider.formats.iter().find(|format| api(format.api) == at)?;
            let own = format.path.as_ref().map(|path| path.clone().into_bytes());
            return Some(own.unwrap_or(usual).into());
        }
        let is_spoken = matches!(at, Api::Messages | Api::CountTokens) == preset.is_anthropic();
        is_spoken.then(|| usual.into())
    };
    let spoken =
        [Api::Completions, Api::Messages, Api::CountTokens, Api::Responses, Api::Embeddings];
    Provider {
        cluster,
        label: ai.provider.label().into(),
        paths: spoken.map(path),
        prefix: prefix.as_bytes().into(),
        path: ai.path_override.as_ref().map(|path| path.as_bytes().into()),
        model: ai.provider.model.as_deref().map(Sent::name),
    }
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
