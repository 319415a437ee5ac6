//! `tcpRoutes:`: where connections go that are not looked into, by the name that their client asks
//! for in TLS (SNI) or by their port alone. Inside a listener, or at the top of the file with the
//! gateways that have them. Raw.

use std::collections::BTreeMap;

use serde::Serialize;

use super::backend::RouteBackend;
use super::backend_tls::BackendTls;
use super::ledger::RouteKind;
use super::listener::ListenerProtocol;
use super::reader::{Cursor, Table};
use super::route;
use super::scalar::Hostname;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRoute {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
    /// Of SNI. None of them: every name of the listener, and clients that send none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<Hostname>,
    #[serde(skip_serializing_if = "TcpPolicies::is_empty")]
    pub policies: TcpPolicies,
    /// One at least.
    pub backends: Vec<RouteBackend>,
}

/// A TCP route of the top-level list, and the gateways it is a route of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachedTcpRoute {
    /// `gateway` or `gateway/listener`; of a gateway, its TCP and TLS listeners.
    pub gateways: Vec<String>,
    #[serde(flatten)]
    pub route: TcpRoute,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TcpPolicies {
    /// For the backends of the route that have none of their own.
    #[serde(rename = "backendTLS", skip_serializing_if = "Option::is_none")]
    pub backend_tls: Option<BackendTls>,
}

/// Which names of one listener have a route already, and whose.
pub struct Claims<'a> {
    protocol: ListenerProtocol,
    hostname: Option<&'a Hostname>,
    taken: BTreeMap<Hostname, String>,
}

impl TcpRoute {
    fn of(table: &mut Table<'_>) -> Option<Self> {
        let hostnames = table.list("hostnames", Hostname::read).unwrap_or_default();
        let policies = table.or("policies", TcpPolicies::default(), TcpPolicies::read);
        let backends = table.must("backends", read_backends);
        let tls = policies.backend_tls.as_ref();
        RouteBackend::check_route_tls(backends.as_deref().unwrap_or_default(), tls, table);
        Some(Self {
            name: table.maybe("name", Cursor::owned),
            namespace: table.maybe("namespace", Cursor::owned),
            rule_name: table.maybe("ruleName", Cursor::owned),
            hostnames,
            policies,
            backends: backends?,
        })
    }

    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let route = Self::of(&mut table);
        table.elsewhere(&[("gateways", "tcpRoutes at the top of the file")]);
        table.finish();
        route
    }
}

impl AttachedTcpRoute {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let route = TcpRoute::of(&mut table);
        let hostnames = route.as_ref().map(|route| route.hostnames.clone()).unwrap_or_default();
        let gateways = route::read_gateways(&mut table, cursor, &RouteKind::Tcp { hostnames });
        table.finish();
        Some(Self { gateways, route: route? })
    }
}

impl TcpPolicies {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let policies = Self { backend_tls: table.maybe("backendTLS", BackendTls::read) };
        table.finish();
        Some(policies)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn read_backends(cursor: &Cursor<'_>) -> Option<Vec<RouteBackend>> {
    if cursor.is_list() && cursor.list().is_empty() {
        cursor.fail("without backends, every connection would be closed");
    }
    route::read_backends(cursor, RouteBackend::read_tcp)
}

/// The TCP routes of a listener of a bind.
pub fn read_routes(
    cursor: &Cursor<'_>,
    protocol: ListenerProtocol,
    hostname: Option<&Hostname>,
) -> Vec<TcpRoute> {
    let items = cursor.list();
    if items.is_empty() && cursor.is_list() {
        cursor.fail("without routes, every connection would be closed");
    }
    let mut claims = Claims::new(protocol, hostname);
    let read = |item: &Cursor<'_>| {
        let route = TcpRoute::read(item)?;
        if let Err(why) = claims.claim(&route.hostnames, &item.mark().path) {
            item.fail(&why);
        }
        Some(route)
    };
    items.iter().filter_map(read).collect()
}

impl<'a> Claims<'a> {
    pub const fn new(protocol: ListenerProtocol, hostname: Option<&'a Hostname>) -> Self {
        Self { protocol, hostname, taken: BTreeMap::new() }
    }

    /// One more route, by its path, unless no connection would ever take it. One that comes by two
    /// references is still one.
    pub fn claim(&mut self, hostnames: &[Hostname], route: &str) -> Result<(), String> {
        if self.protocol == ListenerProtocol::Tcp && !hostnames.is_empty() {
            return Err("hostnames are those of TLS: a listener of protocol TCP sees none".into());
        }
        let every = [Hostname::Any];
        let hostnames = if hostnames.is_empty() { &every } else { hostnames };
        for hostname in hostnames {
            if let Some(other) = self.taken.get(hostname)
                && other != route
            {
                return Err(format!("never reached: {other} takes `{hostname}`"));
            }
            if let Some(own) = self.hostname
                && !overlap(own, hostname)
            {
                return Err(format!("`{hostname}` is no name of the listener, which has `{own}`"));
            }
        }
        self.taken.extend(hostnames.iter().map(|name| (name.clone(), route.to_owned())));
        Ok(())
    }
}

/// Whether some name is matched by both.
fn overlap(a: &Hostname, b: &Hostname) -> bool {
    match (a, b) {
        (Hostname::Any, _) | (_, Hostname::Any) => true,
        (Hostname::Exact(a), Hostname::Exact(b)) => a == b,
        (Hostname::Suffix(suffix), Hostname::Exact(name))
        | (Hostname::Exact(name), Hostname::Suffix(suffix)) => name.ends_with(suffix.as_str()),
        (Hostname::Suffix(a), Hostname::Suffix(b)) => a.ends_with(b.as_str()) || b.ends_with(a),
    }
}

#[cfg(test)]
mod tests;
