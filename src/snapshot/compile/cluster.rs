//! The clusters of a configuration: each target once, however many routes point to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::Inputs;
use super::material::Materials;
use super::settings::upstream_http2;
use super::traffic;
use super::upstream_tls::{Asked, http_version};
use crate::base::id::ClusterId;
use crate::config::ai::Ai;
use crate::config::attached::{Attached, BackendTarget, Target as AttachedTarget};
use crate::config::backend::groups::Groups;
use crate::config::backend::{
    BackendPolicies, Builtin, Host, NamedBackend, ProxyHeader, RouteBackend, RouteTarget, Target,
};
use crate::config::backend_tls::BackendTls;
use crate::config::cluster::Member;
use crate::config::policy::choice::Chosen;
use crate::config::policy::guard::Authorization;
use crate::config::process::Keepalives;
use crate::config::{self, Config};
use crate::limits::IDLE_PER_WORKER_MAX;
use crate::net::connect::Address;
use crate::net::socket::Keepalive;
use crate::net::tls::ClientSettings;
use crate::policy::expression::Expression;
use crate::proto::proxy_protocol::Version;
use crate::snapshot::tls::Carries;
use crate::snapshot::{Snapshot, refresh};
use crate::telemetry::labels::{ClusterLabelsId, Registry};
use crate::upstream::cluster::{Cluster, Endpoint, Settings, Source, UpstreamTls};

pub(super) struct Clusters<'a> {
    config: &'a Config,
    inputs: &'a Inputs<'a>,
    last: Option<&'a Snapshot>,
    list: Vec<Draft>,
    by_key: HashMap<String, ClusterId>,
    pub(super) wrong: Vec<String>,
}

struct Draft {
    cluster: Cluster,
    /// The Host that the backend is asked for when the client's is not kept.
    authority: Option<Box<[u8]>>,
    unhealthy: Option<Expression>,
}

impl<'a> Clusters<'a> {
    pub(super) fn new(
        config: &'a Config,
        inputs: &'a Inputs<'a>,
        last: Option<&'a Snapshot>,
    ) -> Self {
        Self { config, inputs, last, list: Vec::new(), by_key: HashMap::new(), wrong: Vec::new() }
    }

    /// The cluster of a route's backend; `inherited` is the route's own `backendTLS`.
    pub(super) fn of(
        &mut self,
        backend: &RouteBackend,
        inherited: Option<&BackendTls>,
        carries: Carries,
        route: &str,
        materials: &mut Materials<'_>,
    ) -> ClusterId {
        let policies = self.policies(backend, inherited);
        let (name, target) = match self.target(backend) {
            Some(found) => found,
            None => {
                self.wrong.push(format!("route `{route}`: no such backend"));
                (String::new(), Target::Hosts(Vec::new()))
            }
        };
        let mut settings = self.settings(&policies);
        let tls = &policies.backend_tls;
        let unhealthy = policies.health.as_ref().and_then(|one| one.unhealthy_expression.as_ref());
        let unhealthy = unhealthy.map(config::expression::Expression::as_str);
        let key = format!("{name}\0{target:?}\0{settings:?}\0{tls:?}\0{carries:?}\0{unhealthy:?}");
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        let id = ClusterId(u32::try_from(self.list.len()).expect("fewer clusters than 4 billion"));
        let asked = Asked { route, target: &target, policies: &policies, carries };
        settings.tls = self.tls(&asked, materials);
        let sources = self.sources(&asked);
        let endpoints = refresh::endpoints(&sources, self.inputs.resolve);
        let authority = authority(&target);
        // Interned with all others once the list is complete.
        let labels = ClusterLabelsId(0);
        let mut cluster = Cluster::new(name, endpoints, settings, labels);
        if sources.iter().any(|source| source.name.is_some()) {
            cluster.sources = sources;
        }
        let unhealthy = unhealthy.and_then(|text| {
            let told =
                |why| self.wrong.push(format!("route `{route}`: unhealthyExpression: {why}"));
            Expression::compile(text).map_err(told).ok()
        });
        self.list.push(Draft { cluster, authority, unhealthy });
        self.by_key.insert(key, id);
        id
    }

    pub(super) fn name(&self, id: ClusterId) -> String {
        self.list[id.index()].cluster.name.clone()
    }

    /// A Host for requests that bring none: the address of the first endpoint.
    pub(super) fn host_name(&self, id: ClusterId) -> Box<[u8]> {
        let draft = &self.list[id.index()];
        let first = draft.cluster.endpoints.first().map(|endpoint| endpoint.name.as_str());
        let inet = first.filter(|name| !name.starts_with("unix:"));
        inet.unwrap_or("localhost").as_bytes().into()
    }

    pub(super) fn authority(&self, id: ClusterId) -> Option<Box<[u8]>> {
        self.list[id.index()].authority.clone()
    }

    /// The backend's own policies, and where they say nothing, those of the named backend; then,
    /// for TLS, what the route says. Each counts as a whole.
    pub(super) fn policies(
        &self,
        backend: &RouteBackend,
        inherited: Option<&BackendTls>,
    ) -> BackendPolicies {
        let mut policies = backend.policies.clone();
        if let Some(named) = self.named(backend) {
            policies.fill(&named.policies);
        }
        for attached in self.attached(backend) {
            policies.fill(attached);
        }
        policies.backend_tls = policies.backend_tls.or_else(|| inherited.cloned());
        if policies.backend_tls.is_none() && self.ai(backend).is_some_and(|ai| ai.has_tls()) {
            policies.backend_tls = Some(BackendTls::default());
        }
        policies
    }

    /// What makes an answer a failure, by cluster; empty if none says.
    pub(super) fn unhealthy(&self) -> Vec<Option<Expression>> {
        let unhealthy = self.list.iter().map(|draft| draft.unhealthy.clone());
        match self.list.iter().any(|draft| draft.unhealthy.is_some()) {
            true => unhealthy.collect(),
            false => Vec::new(),
        }
    }

    /// The rules of a backend: its own, those of the named one, those of policies for that.
    pub(super) fn authorizations(&self, backend: &RouteBackend) -> Vec<Chosen<Authorization>> {
        let named = self.named(backend).map(|named| &named.policies);
        let all = std::iter::once(&backend.policies).chain(named).chain(self.attached(backend));
        all.filter_map(|policies| policies.authorization.clone()).collect()
    }

    fn named(&self, backend: &RouteBackend) -> Option<&NamedBackend> {
        let RouteTarget::Backend(name) = &backend.target else { return None };
        self.config.backends.iter().find(|named| named.name == *name)
    }

    /// Policies at the top of the file that are for it.
    fn attached(&self, backend: &RouteBackend) -> impl Iterator<Item = &BackendPolicies> {
        let name = self.named(backend).map(|named| named.name.as_str());
        self.config.policies.iter().filter_map(move |attached| {
            let AttachedTarget::Backend(BackendTarget::Backend(wanted)) = &attached.target else {
                return None;
            };
            match &attached.policy {
                Attached::Backend(policies) if Some(&*wanted.name) == name => Some(&**policies),
                _ => None,
            }
        })
    }

    /// The provider of models that a backend is.
    pub(super) fn ai(&self, backend: &RouteBackend) -> Option<Ai> {
        match self.target(backend)?.1 {
            Target::Ai(ai) => Some(*ai),
            _ => None,
        }
    }

    /// The providers that a backend is, where they stand in for each other.
    pub(super) fn groups(&self, backend: &RouteBackend) -> Option<Groups> {
        match self.target(backend)?.1 {
            Target::AiGroups(groups) => Some(groups),
            _ => None,
        }
    }

    /// The finished list. What the last snapshot has the same of is taken from there.
    pub(super) fn into_list(self, registry: &mut Registry) -> Vec<Arc<Cluster>> {
        let last = self.last.map_or(&[][..], |last| &last.clusters);
        let now = self.inputs.now;
        let finish = |mut draft: Draft| {
            let cluster = &mut draft.cluster;
            cluster.labels = registry.intern_cluster(&cluster.name);
            if let Some(kept) = last.iter().find(|kept| kept.is_same(cluster)) {
                return Arc::clone(kept);
            }
            if let Some(kin) = last.iter().find(|kept| kept.is_kin(cluster)) {
                cluster.succeed(kin, now);
            }
            refresh::label(cluster, registry);
            Arc::new(draft.cluster)
        };
        self.list.into_iter().map(finish).collect()
    }

    fn target(&self, backend: &RouteBackend) -> Option<(String, Target)> {
        match &backend.target {
            RouteTarget::Inline(target) => Some((display(target), target.clone())),
            RouteTarget::RouteGroup(_) => None,
            RouteTarget::Backend(name) => {
                let named = self.config.backends.iter().find(|named| named.name == *name)?;
                Some((name.clone(), named.target.clone()))
            }
        }
    }

    /// What was made of the same settings already, here or for the last snapshot.
    pub(super) fn known(&self, settings: &ClientSettings) -> Option<UpstreamTls> {
        let last = self.last.into_iter().flat_map(|last| &last.clusters).map(|kept| &**kept);
        let clusters = self.list.iter().map(|draft| &draft.cluster).chain(last);
        let mut known = clusters.filter_map(|cluster| cluster.settings.tls.as_ref());
        known.find(|tls| *tls.settings == *settings).cloned()
    }

    fn sources(&mut self, asked: &Asked<'_>) -> Vec<Source> {
        let mut sources = Vec::new();
        match asked.target {
            Target::Host(host) => sources.extend(self.source(asked, &Member::of(host.clone()))),
            Target::Ai(ai) => sources.extend(self.source(asked, &Member::of(ai.host()))),
            Target::AiGroups(_) => {
                let route = asked.route;
                self.wrong.push(format!("route `{route}`: only a route of requests asks a model"));
            }
            Target::Hosts(members) => {
                sources.extend(members.iter().filter_map(|member| self.source(asked, member)));
            }
            Target::Builtin(Builtin::Origin) => match (self.inputs.origin)() {
                Ok(address) => sources.push(Source { name: None, pattern: inet(address) }),
                Err(why) => {
                    self.wrong.push(format!("route `{}`: the built-in origin: {why}", asked.route));
                }
            },
        }
        sources
    }

    fn source(&mut self, asked: &Asked<'_>, member: &Member) -> Option<Source> {
        let server_name = self.server_name(asked, &member.host);
        let (name, pattern) = match &member.host {
            Host::Address(address) => (None, inet(*address)),
            // The address is put in when it is known.
            Host::Name { host, port } => {
                let unknown = SocketAddr::from(([0, 0, 0, 0], *port));
                (Some((host.clone(), *port)), inet(unknown))
            }
            Host::Unix(path) => match Address::unix(path) {
                Ok(address) => (None, Endpoint::new(member.host.to_string(), address)),
                Err(error) => {
                    let host = &member.host;
                    self.wrong.push(format!("route `{}`: {host}: {error}", asked.route));
                    return None;
                }
            },
        };
        let (weight, tier) = (member.weight, member.priority);
        Some(Source { name, pattern: Endpoint { server_name, weight, tier, ..pattern } })
    }

    fn settings(&self, policies: &BackendPolicies) -> Settings {
        let process = &self.config.process.backend;
        let tcp = policies.tcp.as_ref();
        let keepalives = tcp.and_then(|tcp| tcp.keepalives.as_ref()).unwrap_or(&process.keepalives);
        Settings {
            connect_timeout: tcp
                .and_then(|tcp| tcp.connect_timeout)
                .unwrap_or(process.connect_timeout),
            keepalive: keepalive(keepalives),
            idle_timeout: process.pool_idle_timeout,
            idle_per_worker_max: process.pool_max_size.unwrap_or(IDLE_PER_WORKER_MAX),
            // It takes files, and is put in once it is known that the cluster is a new one.
            tls: None,
            http: http_version(policies),
            http2: upstream_http2(self.config),
            streams_waiting_max: self.config.process.ringway.limits.upstream_streams_waiting,
            proxy_header: tcp.and_then(|tcp| tcp.proxy_protocol).map(|version| match version {
                ProxyHeader::V1 => Version::V1,
                ProxyHeader::V2 => Version::V2,
            }),
            balancing: traffic::balancing(policies),
            outlier: traffic::outlier(policies),
            probe: traffic::probe(policies),
            circuit: traffic::circuit(policies),
        }
    }
}

pub(super) fn keepalive(raw: &Keepalives) -> Option<Keepalive> {
    raw.enabled.then_some(Keepalive {
        retries: raw.retries,
        time: raw.time,
        interval: raw.interval,
    })
}

fn inet(address: SocketAddr) -> Endpoint {
    Endpoint::new(address.to_string(), Address::inet(address))
}

fn display(target: &Target) -> String {
    match target {
        Target::Host(host) => host.to_string(),
        Target::Hosts(_) => target.hosts().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Target::Builtin(Builtin::Origin) => "builtin/origin".to_owned(),
        Target::Ai(ai) => ai.label().to_owned(),
        Target::AiGroups(_) => "ai".to_owned(),
    }
}

/// A backend that is known by a name is asked for by that name, as agentgateway does; with its
/// port, where that is not HTTP's own (RFC 9110 section 7.2).
fn authority(target: &Target) -> Option<Box<[u8]>> {
    match target {
        Target::Ai(ai) => match ai.host() {
            Host::Name { host, port: 443 } => Some(host.into_bytes().into()),
            Host::Unix(_) => None,
            host => Some(host.to_string().into_bytes().into()),
        },
        Target::Host(Host::Name { host, port: 80 }) => Some(host.clone().into_bytes().into()),
        Target::Host(host @ Host::Name { .. }) => Some(host.to_string().into_bytes().into()),
        _ => None,
    }
}
