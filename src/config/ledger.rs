//! What is written down while a file is read, because another place of it has to agree: sockets,
//! names, references. `check` goes through it once everything is read. Belongs to the `Session`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::listener::ListenerProtocol;
use super::reader::Mark;
use super::scalar::Hostname;
use super::tls::Negotiation;

#[derive(Default)]
pub struct Ledger {
    /// Of binds and gateways.
    pub sockets: Vec<(SocketAddr, Mark)>,
    /// Where the addresses of the control thread were set, by their keys; no default is in it.
    pub control: BTreeMap<&'static str, Mark>,
    pub gateways: BTreeMap<String, Vec<GatewayListener>>,
    pub gateway_uses: Vec<GatewayUse>,
    pub backends: Vec<(String, Mark)>,
    pub backend_uses: Vec<(String, Mark)>,
    pub route_groups: Vec<(String, Mark)>,
    pub group_uses: Vec<(String, Mark)>,
    /// Of `frontendPolicies.tls`.
    pub frontend_negotiation: Option<(Negotiation, Mark)>,
    /// Of listeners.
    pub negotiations: Vec<(Negotiation, Mark)>,
    /// Certificates, keys and roots.
    pub files: Vec<PathBuf>,
}

/// What a route has to know of the gateway that it names.
pub struct GatewayListener {
    pub name: Option<String>,
    /// None when it could not be read, which was said.
    pub protocol: Option<ListenerProtocol>,
    pub hostname: Option<Hostname>,
}

/// `gateway` or `gateway/listener`, as a route names it.
pub struct GatewayUse {
    pub name: String,
    pub mark: Mark,
    /// The path of the route.
    pub owner: String,
    pub route: RouteKind,
}

#[derive(Clone)]
pub enum RouteKind {
    Http,
    Tcp { hostnames: Vec<Hostname> },
}
