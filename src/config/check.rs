//! What is said in one place of a configuration and has to agree with another: ports, names and
//! references. Works on the ledger that reading leaves behind. Owns no state.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::diagnostic::nearest;
use super::ledger::{GatewayListener, GatewayUse, Ledger, RouteKind};
use super::process::Process;
use super::reader::Session;
use super::route_group;
use super::tcp::Claims;
use super::tls::Negotiation;

pub fn check(session: &Session<'_>, process: &Process) {
    let ledger = session.take_ledger();
    check_sockets(session, process, &ledger);
    check_gateways(session, &ledger);
    check_backends(session, &ledger);
    route_group::check(session, &ledger);
    check_negotiations(session, &ledger);
}

/// Two sockets of one port: told at the later one; at that of the user when the other is ours.
fn check_sockets(session: &Session<'_>, process: &Process, ledger: &Ledger) {
    let control = [
        ("config.adminAddr", &process.admin_addr),
        ("config.statsAddr", &process.stats_addr),
        ("config.readinessAddr", &process.readiness_addr),
    ];
    let mut taken: Vec<(SocketAddr, &str)> = Vec::new();
    for (key, address) in control {
        for socket in address.sockets(process.enable_ipv6) {
            let clash = taken.iter().find(|(other, _)| overlap(*other, socket));
            let Some((_, other)) = clash else { continue };
            let mark = ledger.control.get(key).or_else(|| ledger.control.get(other));
            let message = format!("port {} is wanted by {other} and by {key}", socket.port());
            session.fail(mark.expect("defaults do not clash"), &message, None);
            break;
        }
        taken.extend(address.sockets(process.enable_ipv6).into_iter().map(|socket| (socket, key)));
    }
    for (socket, mark) in &ledger.sockets {
        if let Some((_, path)) = taken.iter().find(|(other, _)| overlap(*other, *socket)) {
            let message = format!("port {} is taken by {path}", socket.port());
            session.fail(mark, &message, None);
        }
        taken.push((*socket, &mark.path));
    }
}

fn check_gateways(session: &Session<'_>, ledger: &Ledger) {
    // Of each listener, by the address of what the ledger has of it.
    let mut claims: BTreeMap<*const GatewayListener, Claims<'_>> = BTreeMap::new();
    for used in &ledger.gateway_uses {
        for listener in find_listeners(session, ledger, used) {
            let RouteKind::Tcp { hostnames } = &used.route else { continue };
            let Some(protocol) = listener.protocol else { continue };
            let claims = claims
                .entry(std::ptr::from_ref(listener))
                .or_insert_with(|| Claims::new(protocol, listener.hostname.as_ref()));
            if let Err(why) = claims.claim(hostnames, &used.owner) {
                session.fail(&used.mark, &why, None);
            }
        }
    }
}

/// The listeners that a route of this kind gets by a reference, or why there is none.
fn find_listeners<'a>(
    session: &Session<'_>,
    ledger: &'a Ledger,
    used: &GatewayUse,
) -> Vec<&'a GatewayListener> {
    let (gateway, listener) = match used.name.split_once('/') {
        Some((gateway, listener)) => (gateway, Some(listener)),
        None => (used.name.as_str(), None),
    };
    let Some(listeners) = ledger.gateways.get(gateway) else {
        let known = ledger.gateways.keys().map(String::as_str);
        let message = format!("no gateway has the name `{gateway}`");
        session.fail(&used.mark, &message, meant(gateway, known));
        return Vec::new();
    };
    let named = |known: &&GatewayListener| listener.is_none() || known.name.as_deref() == listener;
    let mut found: Vec<_> = listeners.iter().filter(named).collect();
    if let Some(listener) = listener
        && found.is_empty()
    {
        let known = listeners.iter().filter_map(|known| known.name.as_deref());
        let message = format!("no listener of gateway `{gateway}` has the name `{listener}`");
        session.fail(&used.mark, &message, meant(listener, known));
        return found;
    }
    let http = matches!(used.route, RouteKind::Http);
    found.retain(|listener| listener.protocol.is_none_or(|protocol| protocol.is_http() == http));
    if found.is_empty() {
        let kind = if http { "HTTP or HTTPS" } else { "TCP or TLS" };
        let message = format!("`{}` has no listener of protocol {kind}", used.name);
        session.fail(&used.mark, &message, None);
    }
    found
}

/// What listeners and `frontendPolicies.tls` ask for, taken together.
fn check_negotiations(session: &Session<'_>, ledger: &Ledger) {
    let none = Negotiation::default();
    let frontend = match &ledger.frontend_negotiation {
        Some((frontend, mark)) => match frontend.check() {
            Ok(()) => frontend,
            Err(why) => return session.fail(mark, &why, None),
        },
        None => &none,
    };
    for (negotiation, mark) in &ledger.negotiations {
        if let Err(why) = negotiation.under(frontend).check() {
            let hint = (frontend != &none).then(|| "with frontendPolicies.tls".to_owned());
            session.fail(mark, &why, hint);
        }
    }
}

fn check_backends(session: &Session<'_>, ledger: &Ledger) {
    let mut known = BTreeSet::new();
    for (name, mark) in &ledger.backends {
        if !known.insert(name.as_str()) {
            session.fail(mark, &format!("two backends have the name `{name}`"), None);
        }
    }
    for (used, mark) in &ledger.backend_uses {
        if !known.contains(used.as_str()) {
            let hint = meant(used, known.iter().copied());
            session.fail(mark, &format!("no backend has the name `{used}`"), hint);
        }
    }
}

fn meant<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|near| format!("did you mean `{near}`?"))
}

/// Whether the kernel would refuse the second. A wildcard of IPv6 takes IPv4 too.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let covers = |wide: SocketAddr, narrow: SocketAddr| {
        wide.ip().is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
    };
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || covers(a, b) || covers(b, a))
}
