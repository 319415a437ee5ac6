//! From what the user wrote to what a worker runs. Everything that can be decided before a request
//! comes is decided here: names become places in tables, policies become steps and edits, labels
//! become ids. What a reload did not change stays the same `Arc`, and so keeps its connections.

mod cluster;
mod policy;

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use super::Snapshot;
use super::bind::{Backend, Bind, Forwarded, Listener, RequestId, Route, Settings};
use crate::base::id::{BindId, ClusterId, LabelsId, RouteId};
use crate::config::Config;
use crate::config::backend::RouteBackend;
use crate::config::listener::Listener as RawListener;
use crate::config::ringway::{AccessLogTarget, ForwardedMode, RequestId as RawRequestId};
use crate::config::route::{PathMatch, Route as RawRoute, RouteMatch, ValueMatch};
use crate::config::scalar::Hostname as RawHostname;
use crate::http::Limits;
use crate::limits::{LINGER, LINGER_BYTES_MAX, TUNNEL_IDLE};
use crate::policy::{Pipeline, PipelineSpec};
use crate::proto::http1::HeadLimits;
use crate::route::host::{HostMap, Hostname};
use crate::route::split::Split;
use crate::route::target::{FixedReply, Target};
use crate::route::{MatchSpec, PathSpec, RouteSpec, Table, ValueSpec};
use crate::telemetry::labels::{Labels, ListenerLabels, Registry};
use cluster::Clusters;

/// What the configuration does not say by itself.
pub struct Inputs<'a> {
    /// The addresses of backends' names. A name that is not here has no endpoint.
    pub resolve: &'a dyn Fn(&str, u16) -> Vec<SocketAddr>,
    /// Where the origin inside this process listens.
    pub origin: &'a dyn Fn() -> Result<SocketAddr, String>,
}

/// Compiles a configuration.
///
/// # Errors
/// All that is wrong, a line each, with the place in the configuration.
pub fn compile(
    config: &Config,
    inputs: &Inputs<'_>,
    last: Option<&Snapshot>,
    registry: &mut Registry,
) -> Result<Snapshot, String> {
    let mut compiler = Compiler {
        config,
        registry,
        clusters: Clusters::new(config, inputs, last),
        wrong: Vec::new(),
        bind: String::new(),
        gateway: String::new(),
        listener: String::new(),
    };
    let binds = compiler.binds();
    compiler.wrong.append(&mut compiler.clusters.wrong);
    if !compiler.wrong.is_empty() {
        return Err(compiler.wrong.join("\n"));
    }
    let version = last.map_or(1, |last| last.version + 1);
    let clusters = compiler.clusters.into_list(compiler.registry);
    Ok(Snapshot { version, binds, clusters })
}

/// Where each configured port listens, with its name: `bind/8080`.
pub fn sockets(config: &Config) -> Vec<(String, SocketAddr)> {
    let ipv6 = config.process.enable_ipv6;
    let binds = config.binds.iter().map(|bind| bind.socket(ipv6));
    let gateways = config.gateways.values().map(|gateway| gateway.socket(ipv6));
    let mut named: Vec<(String, SocketAddr)> = Vec::new();
    for socket in binds.chain(gateways) {
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
    wrong: Vec<String>,
    /// Labels of what is being compiled.
    bind: String,
    gateway: String,
    listener: String,
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
                .map(|listener| (listener, listener.routes.iter().collect::<Vec<_>>()))
                .collect();
            compiled.push(self.bind(compiled.len(), name, address, "default/default", &listeners));
        }
        for (key, raw) in &config.gateways {
            let (name, address) = sockets.next().expect("each gateway has a socket");
            let whole = [RawListener::default()];
            let listeners = if raw.listeners.is_empty() { &whole[..] } else { &raw.listeners };
            let listeners: Vec<_> = listeners
                .iter()
                .map(|listener| (listener, attached(config, key, listener)))
                .collect();
            let gateway = format!("default/{key}");
            compiled.push(self.bind(compiled.len(), name, address, &gateway, &listeners));
        }
        compiled.into_iter().map(Arc::new).collect()
    }

    fn bind(
        &mut self,
        place: usize,
        name: String,
        address: SocketAddr,
        gateway: &str,
        raw: &[(&RawListener, Vec<&RawRoute>)],
    ) -> Bind {
        self.bind.clone_from(&name);
        gateway.clone_into(&mut self.gateway);
        self.listener = match raw {
            [(only, _)] => listener_name(only, 0),
            _ => String::new(),
        };
        let connection_labels = self.registry.intern_listener(ListenerLabels {
            bind: &self.bind,
            gateway: &self.gateway,
            listener: &self.listener,
            protocol: "http",
        });
        self.listener.clear();
        let labels = self.labels("", "", "");
        let mut hosts = Vec::new();
        let mut listeners = Vec::new();
        for (index, (listener, routes)) in raw.iter().enumerate() {
            hosts.push((hostname(listener.hostname.as_ref()), index as u32));
            listeners.push(self.listener(listener_name(listener, index), routes));
        }
        let hosts = HostMap::compile(hosts).unwrap_or_else(|_| {
            self.wrong.push(format!("{name}: two listeners serve the same host"));
            HostMap::compile([]).expect("nothing is there twice in nothing")
        });
        let id = BindId(u32::try_from(place).expect("fewer binds than ports"));
        let settings = settings(self.config);
        Bind { id, name, address, hosts, listeners, settings, connection_labels, labels }
    }

    fn listener(&mut self, name: String, raw: &[&RawRoute]) -> Listener {
        self.listener.clone_from(&name);
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
            routes.push(self.route(route, index));
        }
        let table = match Table::compile(&specs) {
            Ok(table) => table,
            Err(error) => {
                self.wrong.push(format!("{}: listener `{name}`: {error}", self.bind));
                Table::compile(&[]).expect("a table without routes")
            }
        };
        let labels = self.labels("", "", "");
        Listener { name, table, routes, labels }
    }

    fn route(&mut self, raw: &RawRoute, index: usize) -> Route {
        let name = raw.name.clone().unwrap_or_else(|| format!("route{index}"));
        let namespace = raw.namespace.as_deref().unwrap_or("default");
        let label = format!("{namespace}/{name}");
        let rule = raw.rule_name.as_deref().unwrap_or("");
        let spec = policy::route_spec(&raw.policies);
        let pipeline = self.pipeline(&label, Pipeline::compile(&spec));
        let mut weighted = Vec::new();
        let mut backends = Vec::new();
        let mut labels = Vec::new();
        for backend in &raw.backends {
            let cluster = self.clusters.of(backend, &label);
            weighted.push((backend.weight, cluster));
            labels.push(self.labels(&self.clusters.name(cluster), &label, rule));
            backends.push(self.backend(backend, cluster, &spec, &label));
        }
        labels.push(self.labels("", &label, rule));
        let target = match Split::compile(weighted) {
            Ok(split) => Target::Clusters(split),
            // agentgateway's answer to a route that points nowhere.
            Err(_) => Target::Reply(
                FixedReply::compile(500, &[("content-type", "text/plain")], b"no valid backends")
                    .expect("a small reply"),
            ),
        };
        Route { name, pipeline, target, backends, labels }
    }

    fn backend(
        &mut self,
        raw: &RouteBackend,
        cluster: ClusterId,
        route: &PipelineSpec,
        label: &str,
    ) -> Backend {
        let own = policy::backend_spec(&self.clusters.policies(raw));
        let pipeline = (!policy::is_nothing(&own))
            .then(|| self.pipeline(label, Pipeline::compile_backend(route, &own)));
        let name = self.clusters.host_name(cluster);
        Backend { pipeline, name, authority: self.clusters.authority(cluster) }
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
            protocol: "http",
            bind: &self.bind,
            gateway: &self.gateway,
            listener: &self.listener,
            route,
            route_rule,
        })
    }
}

/// The routes at the top of the file that a listener of a gateway has.
fn attached<'a>(config: &'a Config, gateway: &str, listener: &RawListener) -> Vec<&'a RawRoute> {
    let takes = |reference: &String| match reference.split_once('/') {
        None => reference == gateway,
        Some((name, wanted)) => name == gateway && listener.name.as_deref() == Some(wanted),
    };
    config
        .routes
        .iter()
        .filter(|route| route.gateways.iter().any(takes))
        .map(|route| &route.route)
        .collect()
}

fn listener_name(raw: &RawListener, index: usize) -> String {
    raw.name.clone().unwrap_or_else(|| format!("listener{index}"))
}

fn hostname(raw: Option<&RawHostname>) -> Hostname {
    raw.and_then(|raw| Hostname::parse(&raw.to_string()).ok()).unwrap_or(Hostname::Any)
}

fn match_spec(raw: &RouteMatch) -> MatchSpec {
    MatchSpec {
        path: Some(match &raw.path {
            PathMatch::Exact(path) => PathSpec::Exact(path.clone()),
            PathMatch::PathPrefix(path) => PathSpec::Prefix(path.clone()),
            PathMatch::Regex(regex) => PathSpec::Regex(regex.clone()),
        }),
        method: raw.method.clone(),
        headers: raw
            .headers
            .iter()
            .map(|header| (header.name.as_str().to_owned(), value_spec(&header.value)))
            .collect(),
        query: raw
            .query
            .iter()
            .map(|query| (query.name.clone(), value_spec(&query.value)))
            .collect(),
    }
}

fn value_spec(raw: &ValueMatch) -> ValueSpec {
    match raw {
        ValueMatch::Exact(value) => ValueSpec::Exact(value.clone()),
        ValueMatch::Regex(regex) => ValueSpec::Regex(regex.clone()),
    }
}

/// What holds for every connection; the same for all binds in this dialect.
fn settings(config: &Config) -> Settings {
    let ringway = &config.process.ringway;
    let limits = &ringway.limits;
    let http = &config.frontend_policies.http;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Settings {
        limits: Limits {
            head: HeadLimits {
                head_bytes_max: limits.head_bytes,
                fields_max: http.http1_max_headers,
                target_bytes_max: limits.target_bytes,
            },
            header: limits.header_timeout,
            idle: http.http1_idle_timeout,
            read: limits.read_timeout,
            write: limits.write_timeout,
            requests_max: u32::try_from(limits.pipelined_requests).unwrap_or(u32::MAX),
            linger_bytes_max: LINGER_BYTES_MAX,
            linger: LINGER,
            tunnel_idle: TUNNEL_IDLE,
        },
        forwarded: Forwarded {
            append: ringway.forwarded.mode == ForwardedMode::Append,
            trusted_hops: ringway.forwarded.trusted_hops,
            request_id: match ringway.forwarded.request_id {
                RawRequestId::Keep => RequestId::Keep,
                RawRequestId::Make => RequestId::Make,
                RawRequestId::Off => RequestId::Off,
            },
            via: ringway.forwarded.via,
        },
        keepalive: config
            .frontend_policies
            .tcp
            .as_ref()
            .and_then(|tcp| cluster::keepalive(&tcp.keepalives)),
        connections_per_worker_max: count(limits.connections_per_worker),
        connections_max: count(limits.connections),
        buffered_bytes_max: limits.buffered_bytes,
        access_log: ringway.access_log.to != AccessLogTarget::Off,
    }
}

#[cfg(test)]
pub(crate) mod tests;
