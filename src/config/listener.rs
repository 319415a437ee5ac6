//! Binds and gateways: the ports, and the listeners that share each by the requests' host names.
//! `binds` has its routes inside, `gateways` has them at the top of the file; both are one thing
//! to the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::reader::{Cursor, Mark};
use super::route::Route;
use super::scalar::{self, Hostname};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bind {
    /// 0: a free one, told at the start.
    pub port: u16,
    /// Ours. None: every address of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// None: every name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    pub protocol: ListenerProtocol,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    pub port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Of a gateway without listeners of its own; None when it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<ListenerProtocol>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ListenerProtocol {
    #[default]
    Http,
}

/// Policies that agentgateway takes on a gateway or on one of its listeners.
const POLICIES: [&str; 9] = [
    "apiKey",
    "authorization",
    "basicAuth",
    "cors",
    "extAuthz",
    "extProc",
    "jwtAuth",
    "oidc",
    "transformations",
];

impl Bind {
    pub fn read(cursor: &Cursor<'_>, ipv6: bool) -> Option<Self> {
        let mut table = cursor.table();
        let mode = table.maybe("mode", |c| c.word(&[("standard", ())], &["internal"]));
        let tunnels = ["connect", "hboneGateway", "hboneWaypoint", "proxy"];
        table.maybe("tunnelProtocol", |c| c.word(&[("direct", ())], &tunnels));
        let address = table.maybe("address", read_address);
        let port = match table.has("mode") && mode.is_none() {
            // Its mode is told of already, and an internal bind may go without a port.
            true => table.maybe("port", read_port),
            false => table.must("port", read_port),
        };
        let listeners = table.must("listeners", |c| read_listeners(c, Listener::read));
        if let Some((port, mark)) = &port {
            note_socket(cursor, socket(address, ipv6, *port), mark);
        }
        table.finish();
        Some(Self { port: port?.0, address, listeners: listeners? })
    }

    /// What it listens on.
    pub fn socket(&self, ipv6: bool) -> SocketAddr {
        socket(self.address, ipv6, self.port)
    }
}

impl Gateway {
    pub fn read(name: &str, cursor: &Cursor<'_>, ipv6: bool) -> Option<Self> {
        let mut table = cursor.table();
        let port = table.must("port", read_port);
        let address = table.maybe("address", read_address);
        let protocol = table.maybe("protocol", ListenerProtocol::read_of_gateway);
        let listeners = table.maybe("listeners", |c| read_listeners(c, Listener::read_of_gateway));
        table.unsupported(&POLICIES);
        table.unsupported(&["tls"]);
        let listeners = listeners.unwrap_or_default();
        if protocol.is_some() && !listeners.is_empty() {
            table.fail("a gateway with listeners has the protocol in each of them");
        }
        if let Some((port, mark)) = &port {
            note_socket(cursor, socket(address, ipv6, *port), mark);
        }
        table.finish();
        let names: BTreeSet<String> = listeners.iter().filter_map(|l| l.name.clone()).collect();
        cursor.session().note(|ledger| {
            ledger.gateways.insert(name.to_owned(), names);
        });
        Some(Self { port: port?.0, address, protocol, listeners })
    }

    /// What it listens on.
    pub fn socket(&self, ipv6: bool) -> SocketAddr {
        socket(self.address, ipv6, self.port)
    }
}

impl Listener {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let listener = Self {
            name: table.maybe("name", Cursor::owned),
            namespace: table.maybe("namespace", Cursor::owned),
            hostname: table.maybe("hostname", Hostname::read),
            protocol: table.or("protocol", ListenerProtocol::Http, |c| {
                c.word(&ListenerProtocol::WORDS, &["HTTPS", "TLS", "TCP", "HBONE"])
            }),
            routes: table.list("routes", Route::read).unwrap_or_default(),
        };
        table.unsupported(&["policies", "tcpRoutes", "tls"]);
        table.finish();
        Some(listener)
    }

    fn read_of_gateway(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let listener = Self {
            name: table.maybe("name", Cursor::owned),
            hostname: table.maybe("hostname", Hostname::read),
            protocol: table.or(
                "protocol",
                ListenerProtocol::Http,
                ListenerProtocol::read_of_gateway,
            ),
            ..Self::default()
        };
        table.unsupported(&POLICIES);
        table.unsupported(&["tls"]);
        table.elsewhere(&[("routes", "routes at the top of the file, with `gateways`")]);
        table.finish();
        Some(listener)
    }
}

impl ListenerProtocol {
    const WORDS: [(&'static str, Self); 1] = [("HTTP", Self::Http)];

    fn read_of_gateway(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.word(&Self::WORDS, &["HTTPS", "TLS", "TCP"])
    }
}

fn read_listeners(
    cursor: &Cursor<'_>,
    read: impl Fn(&Cursor<'_>) -> Option<Listener>,
) -> Option<Vec<Listener>> {
    let items = cursor.list();
    if items.is_empty() && cursor.is_list() {
        cursor.fail("a port without listeners answers nothing");
    }
    let listeners: Vec<_> = items.iter().filter_map(|item| Some((item, read(item)?))).collect();
    let mut hostnames = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (item, listener) in &listeners {
        let hostname = listener.hostname.clone().unwrap_or(Hostname::Any);
        if let Some(name) = &listener.name
            && !names.insert(name.clone())
        {
            item.fail(&format!("two listeners of one port have the name `{name}`"));
        }
        if let Some(other) = hostnames.insert(hostname.clone(), item.mark().path) {
            item.fail(&format!("serves `{hostname}`, as {other} does"));
        }
    }
    Some(listeners.into_iter().map(|(_, listener)| listener).collect())
}

fn read_port(cursor: &Cursor<'_>) -> Option<(u16, Mark)> {
    Some((cursor.integer(0..=65535)?, cursor.mark()))
}

fn read_address(cursor: &Cursor<'_>) -> Option<IpAddr> {
    cursor.parsed(|text| text.parse().map_err(|_| format!("`{text}` is no IP address")))
}

fn note_socket(cursor: &Cursor<'_>, socket: SocketAddr, mark: &Mark) {
    cursor.session().note(|ledger| ledger.sockets.push((socket, mark.clone())));
}

fn socket(address: Option<IpAddr>, ipv6: bool, port: u16) -> SocketAddr {
    address.map_or_else(|| scalar::wildcard(ipv6, port), |ip| SocketAddr::new(ip, port))
}
