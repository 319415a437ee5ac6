//! From what the user wrote to what a worker runs. Everything that can be decided before a request
//! comes is decided here: names become places in tables, policies become steps and edits, labels
//! become ids. What a reload did not change stays the same `Arc`, and so keeps its connections.

mod api_key;
mod attached;
mod cluster;
mod concurrency;
mod credential;
mod lead;
mod llm;
mod matching;
mod material;
mod policy;
mod rate_limit;
mod settings;
mod tcp;
mod tls;
mod traffic;
mod upstream_tls;
mod written;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::Snapshot;
use super::bind::{Backend, Bind, Listener, ProxyHeader, Route, Settings};
use super::tls::{BindTls, Carries, Keyring};
use crate::base::clock::Instant;
use crate::base::id::{BindId, ClusterId, LabelsId, RouteId};
use crate::config::Config;
use crate::config::backend::RouteBackend;
use crate::config::listener::{Listener as RawListener, TunnelProtocol};
use crate::config::policy::RoutePolicies;
use crate::config::policy::inherited::ListenerPolicies;
use crate::config::route::Route as RawRoute;
use crate::config::tcp::TcpRoute;
use crate::llm::Llm as Models;
use crate::llm::budget::Purses;
use crate::llm::price::Prices;
use crate::policy::{Pipeline, PipelineSpec};
use crate::route::host::HostMap;
use crate::route::split::Split;
use crate::route::target::{FixedReply, Target};
use crate::route::{RouteSpec, Table};
use crate::telemetry::labels::{Labels, ListenerLabels, Registry};
use crate::upstream::credential::Credential;
use api_key::Keys;
use attached::{For, Together};
use cluster::Clusters;
use concurrency::Gradients;
use llm::Providers;
use matching::match_spec;
use material::Materials;
use policy::Above;
use rate_limit::RateLimits;
use written::{hostname, listener_name, protocol, proxy_header};

/// What the configuration does not say by itself.
pub struct Inputs<'a> {
    /// The addresses of backends' names. A name that is not here has no endpoint.
    pub resolve: &'a dyn Fn(&str, u16) -> Vec<SocketAddr>,
    /// Where the origin inside this process listens.
    pub origin: &'a dyn Fn() -> Result<SocketAddr, String>,
    /// Files of certificates, keys and roots, as they were read last.
    pub file: &'a dyn Fn(&Path) -> FileBytes,
    /// By the clock of the workers.
    pub now: Instant,
    /// What was used of budgets.
    pub purses: &'a Purses,
}

/// What a file holds, or why it could not be read.
pub type FileBytes = Result<Arc<[u8]>, String>;

/// Compiles a configuration.
///
/// # Errors
/// All that is wrong, a line each, with the place in the configuration.
pub fn compile(
    config: &Config,
    inputs: &Inputs<'_>,
    last: Option<&Snapshot>,
    registry: &mut Registry,
    keyring: &mut Keyring,
) -> Result<Snapshot, String> {
    let mut compiler = Compiler {
        config,
        registry,
        clusters: Clusters::new(config, inputs, last),
        materials: Materials::new(config, inputs, keyring),
        rate_limits: RateLimits::new(last),
        gradients: Gradients::new(last),
        keys: Keys::default(),
        together: Together::default(),
        llms: Vec::new(),
        credentials: Vec::new(),
        prices: None,
        last,
        made: Vec::new(),
        delegated: 0,
        wrong: Vec::new(),
        protocol: "http",
        bind: String::new(),
        gateway: String::new(),
        listener: String::new(),
    };
    compiler.prices();
    compiler.together();
    let binds = compiler.binds();
    let (keys, budgets) = compiler.budgets(inputs.purses);
    compiler.wrong.append(&mut compiler.clusters.wrong);
    compiler.wrong.extend(compiler.materials.wrong());
    if !compiler.wrong.is_empty() {
        return Err(compiler.wrong.join("\n"));
    }
    let version = last.map_or(1, |last| last.version + 1);
    let unhealthy = compiler.clusters.unhealthy();
    let clusters = compiler.clusters.into_list(compiler.registry);
    let rate_limits = compiler.rate_limits.made;
    let limits = &config.process.ringway.limits;
    Ok(Snapshot {
        version,
        binds,
        clusters,
        unhealthy,
        rate_limits,
        gradients: compiler.gradients.made,
        llms: compiler.llms,
        credentials: compiler.credentials,
        keys,
        budgets: Arc::new(budgets),
        sources: rate_limit::sources(limits.per_source.as_ref(), last),
        memory_bytes_max: limits.memory_bytes.map(|bytes| bytes as u64),
    })
}

/// Where each configured port listens, with its name: `bind/8080`.
pub fn sockets(config: &Config) -> Vec<(String, SocketAddr)> {
    let ipv6 = config.process.enable_ipv6;
    let binds = config.binds.iter().map(|bind| bind.socket(ipv6));
    let gateways = config.gateways.values().map(|gateway| gateway.socket(ipv6));
    let llm = config.llm.as_ref().map(|llm| llm.socket(ipv6));
    let mut named: Vec<(String, SocketAddr)> = Vec::new();
    for socket in binds.chain(gateways).chain(llm) {
        let plain = format!("bind/{}", socket.port());
        let name = if !named.iter().any(|(name, _)| *name == plain) {
            plain
        } else if socket.port() != 0 {
            format!("bind/{socket}")
        } else {
            format!("{plain}-{}", named.len())
        };
        named.push((name, socket));
    }
    named
}

struct Compiler<'a> {
    config: &'a Config,
    registry: &'a mut Registry,
    clusters: Clusters<'a>,
    materials: Materials<'a>,
    rate_limits: RateLimits<'a>,
    gradients: Gradients<'a>,
    keys: Keys,
    together: Together,
    llms: Vec<Arc<Models>>,
    credentials: Vec<Arc<Credential>>,
    prices: Option<Arc<Prices>>,
    last: Option<&'a Snapshot>,
    /// TLS of the binds that are compiled.
    made: Vec<Arc<BindTls>>,
    /// Routes of groups, counted for each route that leads to them.
    delegated: usize,
    wrong: Vec<String>,
    protocol: &'static str,
    /// Labels of what is being compiled.
    bind: String,
    gateway: String,
    listener: String,
}

/// A listener with the routes that it has, wherever they stand in the file.
struct Served<'a> {
    listener: &'a RawListener,
    /// What its routes inherit: the furthest first.
    policies: Vec<&'a ListenerPolicies>,
    /// Policies at the top of the file for its routes.
    attached: Vec<usize>,
    routes: Vec<&'a RawRoute>,
    tcp_routes: Vec<&'a TcpRoute>,
}

impl<'a> Served<'a> {
    /// With its routes inside.
    fn of(listener: &'a RawListener) -> Self {
        Self {
            listener,
            policies: vec![&listener.policies],
            attached: Vec::new(),
            routes: listener.routes.iter().collect(),
            tcp_routes: listener.tcp_routes.iter().collect(),
        }
    }
}

impl Compiler<'_> {
    fn binds(&mut self) -> Vec<Arc<Bind>> {
        let config = self.config;
        let mut sockets = sockets(config).into_iter();
        let mut compiled = Vec::new();
        for raw in &config.binds {
            let (name, address) = sockets.next().expect("each bind has a socket");
            let listeners: Vec<_> = raw
                .listeners
                .iter()
                .map(|listener| (listener, For::listener(config, "default", listener, raw.port)))
                .map(|(listener, found)| Served {
                    policies: [found.gateway, vec![&listener.policies]].concat(),
                    attached: found.routes,
                    ..Served::of(listener)
                })
                .collect();
            let header = proxy_header(config, raw.tunnel_protocol);
            let place = (compiled.len(), name, address);
            compiled.push(self.bind(place, "default/default", &listeners, header));
        }
        for (key, raw) in &config.gateways {
            let (name, address) = sockets.next().expect("each gateway has a socket");
            let whole = [raw.whole()];
            let listeners = if raw.listeners.is_empty() { &whole[..] } else { &raw.listeners };
            let listeners: Vec<_> = listeners
                .iter()
                .map(|listener| (listener, For::listener(config, key, listener, raw.port)))
                .map(|(listener, found)| Served {
                    listener,
                    policies: [found.gateway, vec![&raw.policies, &listener.own_policies]].concat(),
                    attached: found.routes,
                    routes: attached(&config.routes, key, listener, |one| &one.gateways)
                        .map(|one| &one.route)
                        .collect(),
                    tcp_routes: attached(&config.tcp_routes, key, listener, |one| &one.gateways)
                        .map(|one| &one.route)
                        .collect(),
                })
                .collect();
            let gateway = format!("default/{key}");
            let header = proxy_header(config, TunnelProtocol::Direct);
            let place = (compiled.len(), name, address);
            compiled.push(self.bind(place, &gateway, &listeners, header));
        }
        if let Some(raw) = config.llm.as_ref().map(|llm| llm.bind()) {
            let (name, address) = sockets.next().expect("the block `llm` has a socket");
            let listeners: Vec<_> = raw.listeners.iter().map(Served::of).collect();
            let place = (compiled.len(), name, address);
            compiled.push(self.bind(place, "default/default", &listeners, None));
        }
        compiled.into_iter().map(Arc::new).collect()
    }

    fn bind(
        &mut self,
        (place, name, address): (usize, String, SocketAddr),
        gateway: &str,
        raw: &[Served<'_>],
        proxy_header: Option<ProxyHeader>,
    ) -> Bind {
        self.bind.clone_from(&name);
        gateway.clone_into(&mut self.gateway);
        self.listener = match raw {
            [only] => listener_name(only.listener, 0),
            _ => String::new(),
        };
        let passes = tcp::protocol(raw);
        self.protocol = passes.unwrap_or_else(|| protocol(raw));
        let connection_labels = self.registry.intern_listener(ListenerLabels {
            bind: &self.bind,
            gateway: &self.gateway,
            listener: &self.listener,
            protocol: self.protocol,
        });
        // Of requests it is what the backend speaks, and no TLS shows in it: agentgateway has
        // `https` in the families of connections alone.
        self.protocol = if passes.is_some() { "tcp" } else { "http" };
        self.listener.clear();
        let labels = self.labels("", "", "");
        let named: Vec<_> = (0..)
            .zip(raw)
            .map(|(index, served)| (served.listener, listener_name(served.listener, index)))
            .collect();
        let tls = self.tls(&named);
        let passage = self.passage(raw);
        let looked_into = if passes.is_some() { &[][..] } else { raw };
        let mut hosts = Vec::new();
        let mut listeners = Vec::new();
        for (index, served) in looked_into.iter().enumerate() {
            hosts.push((hostname(served.listener.hostname.as_ref()), index as u32));
            listeners.push(self.listener(listener_name(served.listener, index), served));
        }
        let hosts = HostMap::compile(hosts).unwrap_or_else(|_| {
            self.wrong.push(format!("{name}: two listeners serve the same host"));
            HostMap::compile([]).expect("nothing is there twice in nothing")
        });
        let id = BindId(u32::try_from(place).expect("fewer binds than ports"));
        let settings = Settings { proxy_header, ..settings::downstream(self.config) };
        Bind {
            id,
            name,
            address,
            hosts,
            listeners,
            tls,
            passage,
            settings,
            connection_labels,
            labels,
        }
    }

    fn listener(&mut self, name: String, raw: &Served<'_>) -> Listener {
        self.listener.clone_from(&name);
        let mut spec = policy::listener_spec(&raw.policies, self.config);
        spec.steps.extend(self.key_check(None, &raw.policies, false));
        let pipeline = self.pipeline("", Pipeline::compile(&spec));
        let (table, routes) =
            self.table(&name, &raw.routes, &Above::of(&raw.policies, &raw.attached, self.config));
        let labels = self.labels("", "", "");
        Listener { name, table, routes, labels, pipeline }
    }

    fn table(&mut self, name: &str, raw: &[&RawRoute], above: &Above<'_>) -> (Table, Vec<Route>) {
        let mut specs = Vec::new();
        let mut routes = Vec::new();
        for (index, route) in raw.iter().enumerate() {
            let order = u32::try_from(index).expect("fewer routes than 4 billion");
            specs.push(RouteSpec {
                hostnames: route.hostnames.iter().map(ToString::to_string).collect(),
                matches: route.matches.iter().map(match_spec).collect(),
                id: RouteId(order),
                order,
            });
            routes.push(self.route(route, above, index));
        }
        let table = match Table::compile(&specs) {
            Ok(table) => table,
            Err(error) => {
                self.wrong.push(format!("{}: listener `{name}`: {error}", self.bind));
                Table::compile(&[]).expect("a table without routes")
            }
        };
        (table, routes)
    }

    fn route(&mut self, raw: &RawRoute, above: &Above<'_>, index: usize) -> Route {
        let name = raw.name.clone().unwrap_or_else(|| format!("route{index}"));
        let namespace = raw.namespace.as_deref().unwrap_or("default");
        let label = format!("{namespace}/{name}");
        let rule = raw.rule_name.as_deref().unwrap_or("");
        let place = format!("{}/{}/{label}/{rule}", self.bind, self.listener);
        let effective = self.effective(raw, &label, above);
        let policies = &*effective.policies;
        let above = &above.with(&effective.rules);
        let mut specs = policy::route_specs(policies, above);
        let (limits, gradient) = self.own_bounds(&place, &effective);
        let bounds = above.bounds(limits, gradient);
        let check = above.nearest(policies, |policies| policies.api_key.as_ref());
        let check = self.key_check(check, above.listeners(), self.asks_models(raw));
        if let Some(own) = specs.last_mut() {
            own.steps.extend(check);
            own.rate_limits = bounds.rate_limits.clone();
            own.concurrency = bounds.concurrency.clone();
        }
        let specs: Vec<_> = specs.iter().collect();
        let pipeline = self.pipeline(&label, Pipeline::compile_within(&specs));
        let mut weighted = Vec::new();
        let mut backends = Vec::new();
        let mut labels = Vec::new();
        let mut providers = Providers::limited(&bounds.rate_limits);
        let below = above.below(policies, bounds);
        let group = raw.group().map(|name| self.group(name, &below));
        let backends_of = if group.is_some() { &[][..] } else { &raw.backends };
        let (backends_of, spots) = self.expanded(backends_of, &label);
        providers.spots = spots;
        for backend in &*backends_of {
            let inherited = policies.backend_tls.as_ref();
            let clusters = &mut self.clusters;
            let cluster =
                clusters.of(backend, inherited, Carries::Http, &label, &mut self.materials);
            weighted.push((backend.weight, cluster));
            let ai = self.clusters.ai(backend);
            self.protocol = if ai.is_some() { "llm" } else { "http" };
            providers.add(backend.weight, cluster, ai);
            labels.push(self.labels(&self.clusters.name(cluster), &label, rule));
            backends.push(self.backend(backend, cluster, &specs, (policies, &label)));
        }
        labels.push(self.labels("", &label, rule));
        self.protocol = "http";
        let asks = self.ask(raw, providers, &label);
        let mirror = above.nearest(policies, |policies| policies.request_mirror.as_ref());
        let mirror = mirror.map(|raw| self.mirror(raw, &label));
        let target = match (asks, Split::compile(weighted)) {
            (Some(asks), _) => asks,
            (None, Ok(split)) => Target::Clusters(split),
            // agentgateway's answer to a route that points nowhere.
            (None, Err(_)) => Target::Reply(
                FixedReply::compile(500, &[("content-type", "text/plain")], b"no valid backends")
                    .expect("a small reply"),
            ),
        };
        let retry = policies.retry.as_ref().map(|retry| Box::new(traffic::retry(retry)));
        Route { name, pipeline, target, retry, backends, group, mirror, labels }
    }

    fn backend(
        &mut self,
        raw: &RouteBackend,
        cluster: ClusterId,
        route: &[&PipelineSpec],
        (inherited, label): (&RoutePolicies, &str),
    ) -> Backend {
        let policies = self.clusters.policies(raw, None);
        let rules = self.clusters.authorizations(raw);
        let bytes_max = self.config.frontend_policies.http.max_buffer_size;
        let mut own = policy::backend_spec(&policies, &rules, bytes_max);
        own.concurrency = policies.adaptive_concurrency.as_ref().map(|raw| {
            let name = format!("backend {}", self.clusters.name(cluster));
            self.gradients.of(name, raw)
        });
        let ai = self.clusters.ai(raw);
        let auth = policies.backend_auth.as_ref().or(inherited.backend_auth.as_ref()).cloned();
        let auth = auth.or_else(|| credential::implied(ai.as_ref()?));
        let pipeline = self
            .backend_pipeline(&mut own, auth.as_ref(), ai.as_ref())
            .then(|| self.pipeline(label, Pipeline::compile_behind(route, &own)));
        let name = self.clusters.host_name(cluster);
        let auth = self.auth(auth.as_ref(), ai.as_ref(), cluster, label);
        Backend { pipeline, auth, name, authority: self.clusters.authority(cluster) }
    }

    fn pipeline<E: Display>(&mut self, label: &str, compiled: Result<Pipeline, E>) -> Pipeline {
        compiled.unwrap_or_else(|error| {
            self.wrong.push(format!("{}: route `{label}`: {error}", self.bind));
            Pipeline::default()
        })
    }

    fn labels(&mut self, backend: &str, route: &str, route_rule: &str) -> LabelsId {
        self.registry.intern(Labels {
            backend,
            protocol: self.protocol,
            bind: &self.bind,
            gateway: &self.gateway,
            listener: &self.listener,
            route,
            route_rule,
        })
    }
}

/// The routes at the top of the file that a listener of a gateway has.
fn attached<'a, T>(
    routes: &'a [T],
    gateway: &'a str,
    listener: &'a RawListener,
    gateways: impl Fn(&T) -> &[String] + 'a,
) -> impl Iterator<Item = &'a T> {
    let takes = move |reference: &String| match reference.split_once('/') {
        None => reference == gateway,
        Some((name, wanted)) => name == gateway && listener.name.as_deref() == Some(wanted),
    };
    routes.iter().filter(move |route| gateways(route).iter().any(&takes))
}

const TOO_MANY_ROUTES: &str = "route groups lead to more routes than a configuration may have";

#[cfg(test)]
pub(crate) mod tests;
