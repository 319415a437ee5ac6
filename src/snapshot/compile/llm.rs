//! A route whose backends are providers of models: what its paths speak, where its models are.

mod groups;
mod models;

use std::sync::Arc;

use super::{Compiler, policy, traffic};
use crate::base::id::{ClusterId, LlmId};
use crate::config::ai::{Ai, Api as RawApi};
use crate::config::backend_auth::BackendAuth;
use crate::config::policy::ai::AiPolicy;
use crate::config::route::Route as RawRoute;
use crate::llm::api::Suffixes;
use crate::llm::model::Sent;
use crate::llm::provider::ENDS;
use crate::llm::{Api, Llm, Plan, Provider};
use crate::policy::PipelineSpec;
use crate::policy::edit::HeaderModifierSpec;
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

/// What a provider's requests have in the place of the client's credentials, and of any backend's
/// with a `backendAuth`. Answers are read: they may not be coded.
pub(super) fn credentials(spec: &mut PipelineSpec, auth: Option<&BackendAuth>, ai: Option<&Ai>) {
    spec.watches = ai.is_some();
    let mut modifier = HeaderModifierSpec::default();
    if ai.is_some() {
        modifier.remove.push("accept-encoding".to_owned());
    }
    if let Some(BackendAuth { key }) = auth {
        let key = key.expose();
        modifier.remove.extend(["authorization", "x-api-key", "api-key"].map(str::to_owned));
        modifier.set = match ai.is_some_and(|ai| ai.provider.preset.is_anthropic()) {
            true => vec![("x-api-key".to_owned(), key.to_owned())],
            false => vec![("authorization".to_owned(), format!("Bearer {key}"))],
        };
        // What is removed is removed last: it may not be what is set.
        let own = modifier.set[0].0.clone();
        modifier.remove.retain(|name| *name != own);
    }
    if !modifier.remove.is_empty() || !modifier.set.is_empty() {
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
            providers: found.iter().map(|(_, cluster, ai)| provider(*cluster, ai)).collect(),
            body_bytes_max: self.config.frontend_policies.http.max_buffer_size,
            listing,
        };
        let id = LlmId(u32::try_from(self.llms.len()).expect("fewer than 4 billion routes"));
        self.llms.push(Arc::new(llm));
        Some(Target::Llm(id))
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

#[cfg(test)]
mod tests;
