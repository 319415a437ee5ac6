//! What a listener says of itself, in the words of the snapshot.

use super::Served;
use crate::config::Config;
use crate::config::frontend::{ProxyMode, ProxyProtocol, ProxyVersion};
use crate::config::listener::{Listener as RawListener, ListenerProtocol, TunnelProtocol};
use crate::config::scalar::Hostname as RawHostname;
use crate::proto::proxy_protocol::Accepted;
use crate::route::host::Hostname;
use crate::snapshot::bind::ProxyHeader;

/// What `frontendPolicies` say holds for every bind; a bind that asks for a header by its
/// `tunnelProtocol` alone has the defaults.
pub(super) fn proxy_header(config: &Config, tunnel: TunnelProtocol) -> Option<ProxyHeader> {
    let asked = (tunnel == TunnelProtocol::Proxy).then(ProxyProtocol::default);
    let raw = config.frontend_policies.proxy_protocol.or(asked)?;
    let accepted = match raw.version {
        ProxyVersion::V1 => Accepted::V1,
        ProxyVersion::V2 => Accepted::V2,
        ProxyVersion::All => Accepted::All,
    };
    Some(ProxyHeader { accepted, optional: raw.mode == ProxyMode::Optional })
}

/// As in the metrics. HTTPS and TLS can share a port.
pub(super) fn protocol(of: &[Served<'_>]) -> &'static str {
    let mut found = "http";
    for served in of {
        match served.listener.protocol {
            ListenerProtocol::Https => return "https",
            ListenerProtocol::Http => (),
            ListenerProtocol::Tls => found = "tls",
            ListenerProtocol::Tcp => found = "tcp",
        }
    }
    found
}

pub(super) fn listener_name(raw: &RawListener, index: usize) -> String {
    raw.name.clone().unwrap_or_else(|| format!("listener{index}"))
}

pub(super) fn hostname(raw: Option<&RawHostname>) -> Hostname {
    raw.and_then(|raw| Hostname::parse(&raw.to_string()).ok()).unwrap_or(Hostname::Any)
}
