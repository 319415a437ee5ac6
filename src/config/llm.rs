//! `llm:`: one address in front of all models. It is a bind, a listener and a route with a provider
//! for each model: `bind` writes them out, and the rest of the product knows nothing of the block.

mod transformation;
mod virtual_model;

pub use transformation::Transformation;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use super::ai::{self, Ai, CloudParams, Provider};
use super::backend::{BackendPolicies, Host, RouteBackend, RouteTarget, Target};
use super::backend_auth::BackendAuth;
use super::backend_tls::BackendTls;
use super::catalog;
use super::cluster::Health;
use super::json;
use super::listener::{Bind, Listener, TunnelProtocol};
use super::policy::ai::{AiPolicy, Model as RouteModel, Sent};
use super::policy::choice::Chosen;
use super::policy::guard::Authorization;
use super::policy::parse_path;
use super::policy::prompt::Edits;
use super::policy::{HeaderModifier, RoutePolicies};
use super::reader::{Cursor, Table};
use super::route::{HeaderMatch, Route, RouteMatch};
use super::scalar::{self, Secret};
use crate::limits;
use virtual_model::VirtualModel;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Llm {
    pub port: u16,
    /// Ours. None: every address of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<NamedProvider>,
    pub models: Vec<Model>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub virtual_models: Vec<VirtualModel>,
    /// Ours. As of `policies.ai`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub first_token_timeout: Option<Duration>,
    /// What a route has: it is one.
    #[serde(skip_serializing_if = "RoutePolicies::is_empty")]
    pub policies: RoutePolicies,
    /// Behind that of `config`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_catalog: Vec<catalog::Source>,
}

/// What several models have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedProvider {
    pub name: String,
    pub provider: Provider,
    pub params: Params,
    #[serde(rename = "backendTLS", skip_serializing_if = "Option::is_none")]
    pub backend_tls: Option<BackendTls>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// As clients name it; one `*` stands for anything.
    pub name: String,
    pub provider: ModelProvider,
    /// Each in place of the named provider's.
    pub params: Params,
    #[serde(skip_serializing_if = "Transformation::is_empty")]
    pub transformation: Transformation,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "json::serialize")]
    pub defaults: json::Fields,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "json::serialize")]
    pub overrides: json::Fields,
    /// Of what is sent to its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Chosen<Authorization>>,
    /// In place of `params.apiKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<BackendAuth>,
    #[serde(rename = "backendTLS", skip_serializing_if = "Option::is_none")]
    pub backend_tls: Option<BackendTls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    pub visibility: Visibility,
    /// Beside the name: one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<ModelMatch>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Visibility {
    #[default]
    Public,
    /// Only virtual models lead to it.
    Internal,
}

/// What a request has to have, all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelMatch {
    pub headers: Vec<HeaderMatch>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ModelProvider {
    Reference(String),
    #[serde(untagged)]
    Inline(Provider),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    /// What the provider calls the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_override: Option<Host>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_override: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    #[serde(flatten)]
    pub cloud: CloudParams,
}

impl Llm {
    pub fn read(cursor: &Cursor<'_>, ipv6: bool) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["gateways", "tls"]);
        let mark = table.value("port").map_or_else(|| cursor.mark(), |port| port.mark());
        let llm = Self {
            port: table.or("port", limits::LLM_PORT, |c| c.integer(0..=65535)),
            address: table.maybe("address", |c| {
                c.parsed(|text| text.parse().map_err(|_| format!("`{text}` is no IP address")))
            }),
            providers: table.list("providers", NamedProvider::read).unwrap_or_default(),
            models: table.must("models", read_models).unwrap_or_default(),
            virtual_models: table.list("virtualModels", VirtualModel::read).unwrap_or_default(),
            first_token_timeout: table.maybe("firstTokenTimeout", scalar::read_timeout),
            policies: table.or("policies", RoutePolicies::default(), RoutePolicies::read),
            model_catalog: table.or("modelCatalog", Vec::new(), catalog::Source::read_all),
        };
        llm.check_names(&table);
        let socket = llm.socket(ipv6);
        cursor.session().note(|ledger| ledger.sockets.push((socket, mark)));
        table.finish();
        Some(llm)
    }

    /// What it listens on.
    pub fn socket(&self, ipv6: bool) -> SocketAddr {
        let wildcard = || scalar::wildcard(ipv6, self.port);
        self.address.map_or_else(wildcard, |ip| SocketAddr::new(ip, self.port))
    }

    fn check_names(&self, table: &Table<'_>) {
        let mut providers = BTreeSet::new();
        for named in &self.providers {
            if !providers.insert(named.name.as_str()) {
                table.fail(&format!("two providers have the name `{}`", named.name));
            }
        }
        let named = |model: &Model| RouteModel {
            name: model.name.clone(),
            backend: 0,
            sent: Sent::Same,
            is_public: true,
            matches: Vec::new(),
            edits: Edits::default(),
        };
        let named: Vec<_> = self.models.iter().map(named).collect();
        for wrong in virtual_model::resolve(&self.virtual_models, &named).1 {
            table.fail(&wrong);
        }
        let mut models = BTreeSet::new();
        for model in &self.models {
            let name = &model.name;
            // Of those that a request's head decides between there may be several.
            if model.matches.is_empty() && !models.insert(name.as_str()) {
                table.fail(&format!("two models have the name `{name}`"));
            }
            let provider = match &model.provider {
                ModelProvider::Inline(provider) => provider,
                ModelProvider::Reference(reference) => match self.named(reference) {
                    Some(named) => &named.provider,
                    None => {
                        table.fail(&format!("model `{name}`: no provider is called `{reference}`"));
                        continue;
                    }
                },
            };
            let params = self.params(model);
            let provider = match params.provider(provider) {
                Ok(provider) => provider,
                Err(key) => {
                    table.fail(&format!("model `{name}`: `{key}` is missing"));
                    continue;
                }
            };
            if !provider.has_host() && params.host().is_none() {
                table.fail(&format!("model `{name}`: {}", provider.hostless()));
            }
        }
    }

    fn named(&self, name: &str) -> Option<&NamedProvider> {
        self.providers.iter().find(|named| named.name == name)
    }

    fn params(&self, model: &Model) -> Params {
        let own = model.params.clone();
        let far = match &model.provider {
            ModelProvider::Reference(name) => self.named(name).map(|named| named.params.clone()),
            ModelProvider::Inline(_) => None,
        };
        let far = far.unwrap_or_default();
        Params {
            model: own.model.or(far.model),
            api_key: own.api_key.or(far.api_key),
            host_override: own.host_override.or(far.host_override),
            path_override: own.path_override.or(far.path_override),
            path_prefix: own.path_prefix.or(far.path_prefix),
            cloud: own.cloud.or(far.cloud),
        }
    }

    /// The same in the words of the rest of the dialect.
    pub fn bind(&self) -> Bind {
        let (mut backends, mut models) = (Vec::new(), Vec::new());
        for model in &self.models {
            let backend = self.backend(model);
            let same = |(place, kept): (usize, &RouteBackend)| (*kept == backend).then_some(place);
            let known = backends.iter().enumerate().find_map(same);
            let place = known.unwrap_or(backends.len());
            if known.is_none() {
                backends.push(backend);
            }
            let sent = match (&model.transformation.strip, self.params(model).model) {
                (Some(prefix), _) => Sent::Without(prefix.clone()),
                (None, Some(name)) => Sent::Name(name),
                (None, None) => Sent::Same,
            };
            let is_public = model.visibility == Visibility::Public;
            let matches = model.matches.iter().map(|one| one.headers.clone()).collect();
            let name = model.name.clone();
            models.push(RouteModel {
                name,
                backend: place,
                sent,
                is_public,
                matches,
                edits: model.edits(),
            });
        }
        let (virtual_models, _) = virtual_model::resolve(&self.virtual_models, &models);
        virtual_model::guard(&mut backends, &virtual_models);
        let own = self.policies.ai.clone().unwrap_or_default();
        let ai = AiPolicy {
            first_token_timeout: self.first_token_timeout.or(own.first_token_timeout),
            virtual_models,
            models: Some(models),
            ..own
        };
        let route = Route {
            name: Some("llm".to_owned()),
            matches: vec![RouteMatch::default()],
            policies: RoutePolicies { ai: Some(ai), ..self.policies.clone() },
            backends,
            ..Route::default()
        };
        let listener =
            Listener { name: Some("llm".to_owned()), routes: vec![route], ..Listener::default() };
        Bind {
            port: self.port,
            address: self.address,
            tunnel_protocol: TunnelProtocol::Direct,
            listeners: vec![listener],
        }
    }

    fn backend(&self, model: &Model) -> RouteBackend {
        let params = self.params(model);
        let (name, provider, tls) = match &model.provider {
            ModelProvider::Inline(provider) => (None, provider.clone(), None),
            ModelProvider::Reference(name) => {
                let named = self.named(name);
                let provider = named.map(|named| named.provider.clone());
                let tls = named.and_then(|named| named.backend_tls.clone());
                let provider = provider.unwrap_or_else(|| Provider::of(&ai::PRESETS[0]));
                (Some(name.clone()), provider, tls)
            }
        };
        let has_tls = params.host_override.is_none() && params.cloud.azure_host.is_some();
        let tls = tls.or_else(|| has_tls.then(BackendTls::default));
        let host_override = params.host();
        let ai = Ai {
            name,
            provider: params.provider(&provider).unwrap_or(provider),
            host_override,
            path_override: params.path_override,
            path_prefix: params.path_prefix,
        };
        let own_key = || params.api_key.map(BackendAuth::key);
        let policies = BackendPolicies {
            backend_tls: model.backend_tls.clone().or(tls),
            backend_auth: model.auth.clone().or_else(own_key),
            request_header_modifier: model.request_headers.clone(),
            authorization: model.authorization.clone(),
            health: model.health.clone(),
            ..BackendPolicies::default()
        };
        let target = RouteTarget::Inline(Target::Ai(Box::new(ai)));
        RouteBackend { target, weight: 1, policies }
    }
}

impl NamedProvider {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let named = (
            table.must("name", Cursor::owned),
            table.must("provider", Provider::read_bare),
            table.or("params", Params::default(), Params::read),
            table.maybe("backendTLS", BackendTls::read),
        );
        table.finish();
        let (name, provider, params, backend_tls) = named;
        Some(Self { name: name?, provider: provider?, params, backend_tls })
    }
}

impl Model {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["guardrails", "passthrough", "routing"]);
        let name = table.must("name", |c| {
            let name = ai::read_model(c)?;
            if name.matches('*').count() > 1 {
                c.fail("a name has one `*` at the most");
            }
            Some(name)
        });
        let provider = table.must("provider", ModelProvider::read);
        let params = table.or("params", Params::default(), Params::read);
        let transformation =
            table.or("transformation", Transformation::default(), Transformation::read);
        if transformation.names_model() && params.model.is_some() {
            table.fail("`params.model` and `transformation.model` both say what is sent");
        }
        let backend_tls = table.maybe("backendTLS", BackendTls::read);
        let health = table.maybe("health", Health::read);
        let words = [("public", Visibility::Public), ("internal", Visibility::Internal)];
        let visibility = table.or("visibility", Visibility::Public, |c| c.word(&words, &[]));
        let matches = table.list("matches", ModelMatch::read).unwrap_or_default();
        let defaults = table.or("defaults", Vec::new(), json::read_fields);
        let overrides = table.or("overrides", Vec::new(), json::read_fields);
        let request_headers = table.maybe("requestHeaders", HeaderModifier::read);
        let authorization = table.maybe("authorization", |c| Chosen::read(c, Authorization::of));
        let auth = table.maybe("auth", BackendAuth::read);
        table.finish();
        let (name, provider) = (name?, provider?);
        Some(Self {
            name,
            provider,
            params,
            transformation,
            defaults,
            overrides,
            request_headers,
            authorization,
            auth,
            backend_tls,
            health,
            visibility,
            matches,
        })
    }

    fn edits(&self) -> Edits {
        Edits {
            defaults: self.defaults.clone(),
            overrides: self.overrides.clone(),
            transformations: self.transformation.made.clone(),
        }
    }
}

impl ModelMatch {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let headers = table.list("headers", HeaderMatch::read).unwrap_or_default();
        table.finish();
        Some(Self { headers })
    }
}

impl ModelProvider {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if !cursor.is_text() {
            let entries = cursor.named();
            if let [("reference", _, name)] = entries.as_slice() {
                return name.owned().map(Self::Reference);
            }
        }
        Provider::read_bare(cursor).map(Self::Inline)
    }
}

impl Params {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["tokenize"]);
        let params = Self {
            model: table.maybe("model", ai::read_model),
            api_key: table.maybe("apiKey", ai::read_key),
            host_override: table.maybe("hostOverride", Host::read),
            path_override: table.maybe("pathOverride", |c| c.parsed(parse_path)),
            path_prefix: table.maybe("pathPrefix", |c| c.parsed(ai::parse_prefix)),
            cloud: CloudParams::read(&mut table),
        };
        table.finish();
        Some(params)
    }

    /// In place of the provider's own.
    fn host(&self) -> Option<Host> {
        let azure = self.cloud.azure_host.as_ref();
        let azure = azure.map(|host| Host::Name { host: host.clone(), port: 443 });
        self.host_override.clone().or(azure)
    }

    /// The provider with what these parameters say about it.
    fn provider(&self, provider: &Provider) -> Result<Provider, &'static str> {
        let cloud = self.cloud.complete(provider.preset.word, &provider.cloud)?;
        Ok(Provider { cloud, ..provider.clone() })
    }
}

fn read_models(cursor: &Cursor<'_>) -> Option<Vec<Model>> {
    let items = cursor.list();
    if !(1..=limits::MODELS_MAX).contains(&items.len()) && cursor.is_list() {
        cursor.fail(&format!("{} models are not in 1 to {}", items.len(), limits::MODELS_MAX));
    }
    Some(items.iter().filter_map(Model::read).collect())
}

#[cfg(test)]
mod tests;
