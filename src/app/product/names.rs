//! The names of hosts that a configuration has: they are looked up before it is compiled.

use crate::config::Config;
use crate::config::backend::{Host, RouteTarget, Target};
use crate::config::llm::Llm;
use crate::control::resolve::Name;

/// As often as they stand there.
pub(super) fn of(config: &Config) -> Vec<Name> {
    let of_models = config.llm.as_ref().map(Llm::bind);
    let routes = config
        .binds
        .iter()
        .chain(&of_models)
        .flat_map(|bind| &bind.listeners)
        .flat_map(|listener| &listener.routes)
        .chain(config.routes.iter().map(|attached| &attached.route))
        .chain(config.route_groups.iter().flat_map(|group| &group.routes));
    let tcp_routes = config
        .binds
        .iter()
        .flat_map(|bind| &bind.listeners)
        .flat_map(|listener| &listener.tcp_routes)
        .chain(config.tcp_routes.iter().map(|attached| &attached.route));
    let mirrors = routes.clone().filter_map(|route| route.policies.request_mirror.as_ref());
    let backends = routes
        .flat_map(|route| &route.backends)
        .chain(mirrors.map(|mirror| &mirror.backend))
        .chain(tcp_routes.flat_map(|route| &route.backends));
    let inline = backends.filter_map(|b| match &b.target {
        RouteTarget::Inline(target) => Some(target),
        RouteTarget::Backend(_) | RouteTarget::RouteGroup(_) => None,
    });
    let targets = inline.chain(config.backends.iter().map(|named| &named.target));
    let hosts = targets.flat_map(|target| match target {
        // A provider has a host of its own.
        Target::Ai(ai) => vec![ai.host()],
        other => other.hosts().cloned().collect(),
    });
    let names = hosts.filter_map(|host| match host {
        Host::Name { host, port } => Some(Name { host, port }),
        _ => None,
    });
    names.collect()
}
