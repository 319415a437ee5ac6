//! Binds and gateways: the ports, and the listeners that share each by host name: that of the
//! request, or with TLS the one that the client asks for in its handshake. `binds` has its routes
//! inside, `gateways` has them at the top of the file; both are one thing to the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::ledger::GatewayListener;
use super::policy::inherited::ListenerPolicies;
use super::reader::{Cursor, Mark, Table};
use super::route::Route;
use super::scalar::{self, Hostname};
use super::tcp::{self, TcpRoute};
use super::tls::ListenerTls;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bind {
    /// 0: a free one, told at the start.
    pub port: u16,
    /// Ours. None: every address of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    #[serde(skip_serializing_if = "TunnelProtocol::is_direct")]
    pub tunnel_protocol: TunnelProtocol,
    pub listeners: Vec<Listener>,
}

/// What is in front of a connection's own protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TunnelProtocol {
    #[default]
    Direct,
    /// A header of the PROXY protocol, by `frontendPolicies.proxyProtocol` or its defaults.
    Proxy,
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
    /// With HTTPS always; with TLS where it ends here, and is not passed through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp_routes: Vec<TcpRoute>,
    /// Keys of the listener itself when it is a gateway's.
    #[serde(skip_serializing_if = "ListenerPolicies::is_empty")]
    pub policies: ListenerPolicies,
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
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
    /// What all its listeners inherit.
    #[serde(flatten)]
    pub policies: ListenerPolicies,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ListenerProtocol {
    #[default]
    Http,
    Https,
    /// `tcpRoutes` by the name asked for.
    Tls,
    /// `tcpRoutes` by port.
    Tcp,
}

impl Bind {
    pub fn read(cursor: &Cursor<'_>, ipv6: bool) -> Option<Self> {
        let mut table = cursor.table();
        let mode = table.maybe("mode", |c| c.word(&[("standard", ())], &["internal"]));
        let tunnel_protocol = table.or("tunnelProtocol", TunnelProtocol::Direct, |c| {
            c.word(&TunnelProtocol::WORDS, &["connect", "hboneGateway", "hboneWaypoint"])
        });
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
        Some(Self { port: port?.0, address, tunnel_protocol, listeners: listeners? })
    }

    /// What it listens on.
    pub fn socket(&self, ipv6: bool) -> SocketAddr {
        socket(self.address, ipv6, self.port)
    }
}

impl Gateway {
    /// The one listener of a gateway without listeners of its own.
    pub fn whole(&self) -> Listener {
        Listener {
            protocol: self.protocol.unwrap_or_default(),
            tls: self.tls.clone(),
            ..Listener::default()
        }
    }

    pub fn read(name: &str, cursor: &Cursor<'_>, ipv6: bool) -> Option<Self> {
        let mut table = cursor.table();
        let port = table.must("port", read_port);
        let address = table.maybe("address", read_address);
        let listeners = table.maybe("listeners", |c| read_listeners(c, Listener::read_of_gateway));
        let listeners = listeners.unwrap_or_default();
        let has_own = table.has("listeners");
        let protocol = match has_own {
            true => None,
            false => ListenerProtocol::of_gateway(&mut table),
        };
        let tls = match has_own {
            true => None,
            false => table.maybe("tls", ListenerTls::read),
        };
        if has_own {
            let message = "a gateway with listeners has it in each of them";
            table.refuse("protocol", message, None);
            table.refuse("tls", message, None);
        }
        let policies = ListenerPolicies::of(&mut table);
        policies.check(protocol.unwrap_or_default(), &table);
        if let Some((port, mark)) = &port {
            note_socket(cursor, socket(address, ipv6, *port), mark);
        }
        table.finish();
        let mut known: Vec<_> = listeners.iter().map(Listener::reference).collect();
        if !has_own {
            known.push(GatewayListener { name: None, protocol, hostname: None });
        }
        cursor.session().note(|ledger| {
            ledger.gateways.insert(name.to_owned(), known);
        });
        Some(Self { port: port?.0, address, protocol, tls, listeners, policies })
    }

    /// What it listens on.
    pub fn socket(&self, ipv6: bool) -> SocketAddr {
        socket(self.address, ipv6, self.port)
    }
}

impl Listener {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let protocol = ListenerProtocol::of_bind(&mut table);
        let hostname = table.maybe("hostname", Hostname::read);
        let listener = Self {
            name: table.maybe("name", Cursor::owned),
            namespace: table.maybe("namespace", Cursor::owned),
            protocol: protocol.unwrap_or_default(),
            tls: table.maybe("tls", ListenerTls::read),
            routes: table.list("routes", Route::read).unwrap_or_default(),
            tcp_routes: table
                .maybe("tcpRoutes", |c| {
                    let protocol = protocol.unwrap_or(ListenerProtocol::Tls);
                    Some(tcp::read_routes(c, protocol, hostname.as_ref()))
                })
                .unwrap_or_default(),
            policies: table.or("policies", ListenerPolicies::default(), ListenerPolicies::read),
            hostname,
        };
        if let Some(protocol) = protocol {
            protocol.check_tls(&mut table);
            protocol.check_routes(&mut table);
        }
        listener.policies.check(listener.protocol, &table);
        table.finish();
        Some(listener)
    }

    fn read_of_gateway(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let listener = Self {
            name: table.maybe("name", Cursor::owned),
            hostname: table.maybe("hostname", Hostname::read),
            protocol: ListenerProtocol::of_gateway(&mut table).unwrap_or_default(),
            tls: table.maybe("tls", ListenerTls::read),
            policies: ListenerPolicies::of(&mut table),
            ..Self::default()
        };
        listener.policies.check(listener.protocol, &table);
        table.elsewhere(&[
            ("routes", "routes at the top of the file, with `gateways`"),
            ("tcpRoutes", "tcpRoutes at the top of the file, with `gateways`"),
        ]);
        table.finish();
        Some(listener)
    }

    fn reference(&self) -> GatewayListener {
        GatewayListener {
            name: self.name.clone(),
            protocol: Some(self.protocol),
            hostname: self.hostname.clone(),
        }
    }
}

impl ListenerProtocol {
    const WORDS: [(&'static str, Self); 4] =
        [("HTTP", Self::Http), ("HTTPS", Self::Https), ("TLS", Self::Tls), ("TCP", Self::Tcp)];

    /// None when it is none of ours, which is said.
    fn of_bind(table: &mut Table<'_>) -> Option<Self> {
        match table.has("protocol") {
            true => table.maybe("protocol", |c| c.word(&Self::WORDS, &["HBONE"])),
            // So that the key is known.
            false => table.maybe("protocol", |_| None).or(Some(Self::Http)),
        }
    }

    /// A gateway with `tls` is HTTPS unless it says otherwise.
    fn of_gateway(table: &mut Table<'_>) -> Option<Self> {
        let implied = if table.has("tls") { Self::Https } else { Self::Http };
        let protocol = match table.has("protocol") {
            true => table.maybe("protocol", |c| c.word(&Self::WORDS, &[])),
            false => table.maybe("protocol", |_| None).or(Some(implied)),
        };
        if let Some(protocol) = protocol {
            protocol.check_tls(table);
        }
        protocol
    }

    fn check_tls(self, table: &mut Table<'_>) {
        let hint = |word: &str| Some(format!("did you mean `protocol: {word}`?"));
        match self {
            Self::Http => table.refuse("tls", "protocol HTTP has no TLS", hint("HTTPS")),
            Self::Tcp => table.refuse("tls", "protocol TCP has no TLS", hint("TLS")),
            Self::Https if !table.has("tls") => table.fail("protocol HTTPS needs `tls`"),
            Self::Https | Self::Tls => (),
        }
        if self == Self::Tcp {
            let message = "protocol TCP knows no host: it takes every connection of its port";
            table.refuse("hostname", message, None);
        }
    }

    fn check_routes(self, table: &mut Table<'_>) {
        if self.is_http() {
            let hint = Some("`tcpRoutes` go with TCP and TLS, `routes` with HTTP and HTTPS".into());
            table.refuse("tcpRoutes", &format!("protocol {self} has `routes`"), hint);
            return;
        }
        let hint = "`routes` go with HTTP and HTTPS, `tcpRoutes` with TCP and TLS";
        table.refuse("routes", &format!("protocol {self} has `tcpRoutes`"), Some(hint.into()));
        if !table.has("tcpRoutes") {
            table.fail(&format!("protocol {self} needs `tcpRoutes`"));
        }
    }

    /// Whether it has `routes`; the others have `tcpRoutes`.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Whether clients begin with a TLS handshake.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }
}

impl fmt::Display for ListenerProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::WORDS.iter().find(|(_, protocol)| protocol == self);
        f.write_str(named.map(|(name, _)| *name).expect("every protocol has a name"))
    }
}

impl TunnelProtocol {
    const WORDS: [(&'static str, Self); 2] = [("direct", Self::Direct), ("proxy", Self::Proxy)];

    fn is_direct(&self) -> bool {
        *self == Self::Direct
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
    check_port(&listeners);
    let mut hostnames = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (item, listener) in &listeners {
        let hostname = listener.hostname.clone().unwrap_or(Hostname::Any);
        if let Some(name) = &listener.name
            && !names.insert(name.clone())
        {
            item.fail(&format!("two listeners of one port have the name `{name}`"));
        }
        // TCP is alone on its port, which is told of already.
        if listener.protocol != ListenerProtocol::Tcp
            && let Some(other) = hostnames.insert(hostname.clone(), item.mark().path)
        {
            item.fail(&format!("serves `{hostname}`, as {other} does"));
        }
    }
    Some(listeners.into_iter().map(|(_, listener)| listener).collect())
}

/// What listeners of one port can be told apart by.
fn check_port(listeners: &[(&Cursor<'_>, Listener)]) {
    let Some(((first, one), rest)) = listeners.split_first() else { return };
    let path = first.mark().path;
    for (item, other) in rest {
        if [one.protocol, other.protocol].contains(&ListenerProtocol::Tcp) {
            item.fail(&format!("protocol TCP has a port alone, and {path} is on this one"));
        } else if one.protocol.is_tls() != other.protocol.is_tls() {
            let (here, there) = (other.protocol, one.protocol);
            item.fail(&format!("one port is plain or TLS: {here} here, {there} is {path}"));
        }
    }
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
