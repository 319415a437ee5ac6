//! Listeners of TCP, and of TLS that is passed through.

use std::collections::BTreeSet;

use super::{Compiler, Served, hostname, listener_name};
use crate::base::id::ClusterId;
use crate::config::listener::{Listener as RawListener, ListenerProtocol};
use crate::config::tcp::TcpRoute;
use crate::route::host::{HostMap, Hostname};
use crate::route::split::Split;
use crate::snapshot::tcp::{By, Listener, Names, Passage, Route};
use crate::snapshot::tls::Carries;

/// The protocol of a bind that looks into none of its connections; none of every other bind.
pub(super) fn protocol(raw: &[Served<'_>]) -> Option<&'static str> {
    let passes = |listener: &RawListener| match listener.protocol {
        ListenerProtocol::Tcp => true,
        ListenerProtocol::Tls => listener.tls.is_none(),
        ListenerProtocol::Http | ListenerProtocol::Https => false,
    };
    if raw.is_empty() || !raw.iter().all(|served| passes(served.listener)) {
        return None;
    }
    let by_port = raw.iter().any(|served| served.listener.protocol == ListenerProtocol::Tcp);
    Some(if by_port { "tcp" } else { "tls" })
}

impl Compiler<'_> {
    /// What a bind does with connections that carry no HTTP, if it has any.
    pub(super) fn passage(&mut self, raw: &[Served<'_>]) -> Option<Passage> {
        let is = |wanted| raw.iter().any(|served| served.listener.protocol == wanted);
        if !is(ListenerProtocol::Tcp) && !is(ListenerProtocol::Tls) {
            return None;
        }
        let idle = self.config.process.ringway.limits.tcp_idle_timeout;
        let first = raw.first()?;
        if first.listener.protocol == ListenerProtocol::Tcp {
            // The configuration refuses a second listener here, and a second route.
            self.listener = listener_name(first.listener, 0);
            let route = first.tcp_routes.first().map(|route| self.tcp_route(route, 0));
            return Some(Passage { by: By::Port(route), idle });
        }
        let listeners = raw.iter().enumerate();
        let listeners = listeners.map(|(index, served)| self.tcp_listener(served, index)).collect();
        let hosts = raw.iter().map(|served| hostname(served.listener.hostname.as_ref()));
        let hosts = self.tcp_hosts(hosts.zip(0..));
        let limit = self.config.frontend_policies.tls.handshake_timeout;
        Some(Passage { by: By::Name(Names { hosts, listeners, limit }), idle })
    }

    fn tcp_listener(&mut self, served: &Served<'_>, index: usize) -> Listener {
        let name = listener_name(served.listener, index);
        self.listener.clone_from(&name);
        let labels = self.labels("", "", "");
        let mut routes = Vec::new();
        let mut hosts = Vec::new();
        for (index, raw) in served.tcp_routes.iter().enumerate() {
            let place = u32::try_from(index).expect("fewer routes than 4 billion");
            routes.push(self.tcp_route(raw, index));
            match raw.hostnames.as_slice() {
                [] => hosts.push((Hostname::Any, place)),
                named => {
                    // Twice in one route is once.
                    let named: BTreeSet<_> = named.iter().collect();
                    hosts.extend(named.into_iter().map(|name| (hostname(Some(name)), place)));
                }
            }
        }
        let hosts = self.tcp_hosts(hosts);
        Listener { name, labels, hosts, routes }
    }

    fn tcp_route(&mut self, raw: &TcpRoute, index: usize) -> Route {
        let name = raw.name.clone().unwrap_or_else(|| format!("tcpRoute{index}"));
        let namespace = raw.namespace.as_deref().unwrap_or("default");
        let label = format!("{namespace}/{name}");
        let rule = raw.rule_name.as_deref().unwrap_or("");
        let mut weighted: Vec<(u32, ClusterId)> = Vec::new();
        let mut labels = Vec::new();
        for backend in &raw.backends {
            let inherited = raw.policies.backend_tls.as_ref();
            let clusters = &mut self.clusters;
            let cluster =
                clusters.of(backend, inherited, Carries::Tcp, &label, &mut self.materials);
            weighted.push((backend.weight, cluster));
            labels.push(self.labels(&self.clusters.name(cluster), &label, rule));
        }
        labels.push(self.labels("", &label, rule));
        Route { name, clusters: Split::compile(weighted).ok(), labels }
    }

    fn tcp_hosts(&mut self, hosts: impl IntoIterator<Item = (Hostname, u32)>) -> HostMap<u32> {
        HostMap::compile(hosts).unwrap_or_else(|_| {
            self.wrong.push(format!("{}: two of its names are the same", self.bind));
            HostMap::compile([]).expect("nothing is there twice in nothing")
        })
    }
}

#[cfg(test)]
mod tests;
