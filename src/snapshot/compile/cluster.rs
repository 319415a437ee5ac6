//! The clusters of a configuration: each target once, however many routes point to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::Inputs;
use super::material::Materials;
use super::settings::upstream_http2;
use super::upstream_tls::{Asked, http_version};
use crate::base::id::ClusterId;
use crate::config::Config;
use crate::config::backend::{
    BackendPolicies, Builtin, Host, ProxyHeader, RouteBackend, RouteTarget, Target,
};
use crate::config::backend_tls::BackendTls;
use crate::config::process::Keepalives;
use crate::limits::IDLE_PER_WORKER_MAX;
use crate::net::connect::Address;
use crate::net::socket::Keepalive;
use crate::net::tls::ClientSettings;
use crate::proto::proxy_protocol::Version;
use crate::snapshot::Snapshot;
use crate::snapshot::tls::Carries;
use crate::telemetry::labels::{ClusterLabelsId, Registry};
use crate::upstream::cluster::{Cluster, Endpoint, Settings, UpstreamTls};

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
        let key = format!("{name}\0{target:?}\0{settings:?}\0{tls:?}\0{carries:?}");
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        let id = ClusterId(u32::try_from(self.list.len()).expect("fewer clusters than 4 billion"));
        let asked = Asked { route, target: &target, policies: &policies, carries };
        settings.tls = self.tls(&asked, materials);
        let endpoints = self.endpoints(&asked);
        let authority = authority(&target);
        // Interned with all others once the list is complete.
        let labels = ClusterLabelsId(0);
        let cluster = Cluster { name, endpoints, settings, labels };
        self.list.push(Draft { cluster, authority });
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
        if let RouteTarget::Backend(name) = &backend.target
            && let Some(named) = self.config.backends.iter().find(|named| named.name == *name)
        {
            policies.tcp = policies.tcp.or_else(|| named.policies.tcp.clone());
            policies.http = policies.http.or_else(|| named.policies.http.clone());
            policies.backend_tls =
                policies.backend_tls.or_else(|| named.policies.backend_tls.clone());
            policies.adaptive_concurrency = policies
                .adaptive_concurrency
                .or_else(|| named.policies.adaptive_concurrency.clone());
        }
        policies.backend_tls = policies.backend_tls.or_else(|| inherited.cloned());
        policies
    }

    /// The finished list. What the last snapshot has the same of is taken from there.
    pub(super) fn into_list(self, registry: &mut Registry) -> Vec<Arc<Cluster>> {
        let last = self.last.map_or(&[][..], |last| &last.clusters);
        let finish = |mut draft: Draft| {
            draft.cluster.labels = registry.intern_cluster(&draft.cluster.name);
            match last.iter().find(|kept| kept.is_same(&draft.cluster)) {
                Some(kept) => Arc::clone(kept),
                None => Arc::new(draft.cluster),
            }
        };
        self.list.into_iter().map(finish).collect()
    }

    fn target(&self, backend: &RouteBackend) -> Option<(String, Target)> {
        match &backend.target {
            RouteTarget::Inline(target) => Some((display(target), target.clone())),
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

    fn endpoints(&mut self, asked: &Asked<'_>) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for host in asked.target.hosts() {
            self.put(&mut endpoints, host, asked);
        }
        if let Target::Builtin(Builtin::Origin) = asked.target {
            match (self.inputs.origin)() {
                Ok(address) => endpoints.push(inet(address)),
                Err(why) => {
                    self.wrong.push(format!("route `{}`: the built-in origin: {why}", asked.route));
                }
            }
        }
        endpoints
    }

    fn put(&mut self, endpoints: &mut Vec<Endpoint>, host: &Host, asked: &Asked<'_>) {
        let server_name = self.server_name(asked, host);
        let named = |endpoint| Endpoint { server_name: server_name.clone(), ..endpoint };
        match host {
            Host::Address(address) => endpoints.push(named(inet(*address))),
            Host::Name { host, port } => {
                let addresses = (self.inputs.resolve)(host, *port);
                endpoints.extend(addresses.into_iter().map(inet).map(named));
            }
            Host::Unix(path) => match Address::unix(path) {
                Ok(address) => {
                    endpoints.push(Endpoint { name: host.to_string(), address, server_name });
                }
                Err(error) => {
                    self.wrong.push(format!("route `{}`: {host}: {error}", asked.route));
                }
            },
        }
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

fn inet(address: std::net::SocketAddr) -> Endpoint {
    Endpoint { name: address.to_string(), address: Address::inet(address), server_name: None }
}

fn display(target: &Target) -> String {
    match target {
        Target::Host(host) => host.to_string(),
        Target::Hosts(hosts) => hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Target::Builtin(Builtin::Origin) => "builtin/origin".to_owned(),
    }
}

/// A backend that is known by a name is asked for by that name, as agentgateway does; with its
/// port, where that is not HTTP's own (RFC 9110 section 7.2).
fn authority(target: &Target) -> Option<Box<[u8]>> {
    match target {
        Target::Host(Host::Name { host, port: 80 }) => Some(host.clone().into_bytes().into()),
        Target::Host(host @ Host::Name { .. }) => Some(host.to_string().into_bytes().into()),
        _ => None,
    }
}
