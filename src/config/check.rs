//! What is said in one place of a configuration and has to agree with another: ports, names and
//! references. Works on the ledger that reading leaves behind. Owns no state.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::diagnostic::nearest;
use super::process::Process;
use super::reader::{Ledger, Session};

pub fn check(session: &Session<'_>, process: &Process) {
    let ledger = session.take_ledger();
    check_sockets(session, process, &ledger);
    check_gateways(session, &ledger);
    check_backends(session, &ledger);
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
    for (used, mark) in &ledger.gateway_uses {
        let (gateway, listener) = match used.split_once('/') {
            Some((gateway, listener)) => (gateway, Some(listener)),
            None => (used.as_str(), None),
        };
        let Some(listeners) = ledger.gateways.get(gateway) else {
            let known = ledger.gateways.keys().map(String::as_str);
            session.fail(
                mark,
                &format!("no gateway has the name `{gateway}`"),
                meant(gateway, known),
            );
            continue;
        };
        if let Some(listener) = listener
            && !listeners.contains(listener)
        {
            let known = listeners.iter().map(String::as_str);
            let message = format!("no listener of gateway `{gateway}` has the name `{listener}`");
            session.fail(mark, &message, meant(listener, known));
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
