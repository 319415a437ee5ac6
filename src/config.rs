//! What the user wrote, and all that is wrong with it.
//!
//! The static YAML dialect of agentgateway with Ringway's own keys. `parse` takes a text, fills in
//! `$VARIABLES`, reads every value and answers with a whole `Config` or with every problem of the
//! file at once. What the dialect has and Ringway has not is an error that says so: nothing that a
//! user wrote is ignored. Raw types only: nothing here is resolved, opened or compiled. Owns no
//! state; a `Config` belongs to the control thread.

pub mod access_log;
pub mod admission;
pub mod ai;
pub mod attached;
pub mod backend;
pub mod backend_auth;
pub mod backend_tls;
pub mod budget;
pub mod catalog;
pub mod check;
pub mod cluster;
pub mod compression;
pub mod concurrency;
pub mod diagnostic;
pub mod dns;
pub mod expression;
pub mod file;
pub mod frontend;
pub mod header;
pub mod json;
pub mod ledger;
pub mod listener;
pub mod llm;
pub mod policy;
pub mod process;
pub mod rate_limit;
pub mod reader;
pub mod retry;
pub mod ringway;
pub mod route;
pub mod route_group;
pub mod scalar;
pub mod source;
pub mod tcp;
pub mod tls;
pub mod yaml;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

pub use self::diagnostic::{Diagnostics, Place, Problem};

use self::attached::AttachedPolicy;
use self::backend::{Host, NamedBackend, RouteBackend};
use self::file::Written;
use self::frontend::FrontendPolicies;
use self::listener::{Bind, Gateway, Listener, TunnelProtocol};
use self::llm::Llm;
use self::process::Process;
use self::reader::{Cursor, Keys, Mark, Session};
use self::route::{AttachedRoute, Route, RouteMatch};
use self::route_group::RouteGroup;
use self::source::{Environment, Source};
use self::tcp::AttachedTcpRoute;
use self::yaml::Document;

/// What runs when nobody says otherwise: a bind on 127.0.0.1:8080 and an origin in the process.
pub const DEFAULT: &str = include_str!("../config/default.yaml");

/// Serialises as it is written, with every default filled in and every secret left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    #[serde(rename = "config")]
    pub process: Process,
    pub frontend_policies: FrontendPolicies,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binds: Vec<Bind>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<String, Gateway>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<AttachedRoute>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp_routes: Vec<AttachedTcpRoute>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route_groups: Vec<RouteGroup>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<NamedBackend>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<AttachedPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub llm: Option<Llm>,
    #[serde(skip)]
    pub written: Written,
}

/// Reads a configuration with the environment of the process. `origin` is its name in messages.
pub fn parse(text: &str, origin: &str) -> Result<Config, Diagnostics> {
    parse_with(text, origin, &process_environment)
}

/// The same with another environment.
pub fn parse_with(
    text: &str,
    origin: &str,
    environment: Environment<'_>,
) -> Result<Config, Diagnostics> {
    let source = Source::new(text, environment);
    let session = Session::new(origin, &source, environment);
    let config = read_source(&session, &source);
    session.finish().0.into_result(config)
}

/// The keys that a text is read by, and those that it has: how the reference file is held whole.
pub fn keys_of(text: &str) -> Keys {
    let source = Source::new(text, &|_| None);
    let session = Session::new("", &source, &|_| None).with_keys();
    read_source(&session, &source);
    session.finish().1
}

/// `--listen` and `--to`: one bind, one route, one backend.
pub fn forward(
    listen: SocketAddr,
    to: Host,
    environment: Environment<'_>,
) -> Result<Config, Diagnostics> {
    let source = Source::new("", environment);
    let session = Session::new("", &source, environment);
    let route = Route {
        matches: vec![RouteMatch::default()],
        backends: vec![RouteBackend::to(to)],
        ..Route::default()
    };
    let listener = Listener { routes: vec![route], ..Listener::default() };
    let config = Config {
        process: Process::read(&session, None),
        frontend_policies: FrontendPolicies::default(),
        binds: vec![Bind {
            port: listen.port(),
            address: Some(listen.ip()),
            tunnel_protocol: TunnelProtocol::Direct,
            listeners: vec![listener],
        }],
        gateways: BTreeMap::new(),
        routes: Vec::new(),
        tcp_routes: Vec::new(),
        route_groups: Vec::new(),
        backends: Vec::new(),
        policies: Vec::new(),
        llm: None,
        written: session.written(),
    };
    let mark = Mark { path: "--listen".to_owned(), place: Place::CommandLine };
    session.note(|ledger| ledger.sockets.push((listen, mark)));
    check::check(&session, &config.process);
    session.finish().0.into_result(Some(config))
}

fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn read_source(session: &Session<'_>, source: &Source) -> Option<Config> {
    let document = Document::parse(source.text());
    for missing in source.missing() {
        // agentgateway minds them in comments too; a comment that stops a gateway helps nobody.
        if document.as_ref().is_ok_and(|document| !document.is_in_a_scalar(missing.at)) {
            continue;
        }
        let message = format!("`{}` is not set in the environment", missing.name);
        let hint = format!("`${{{}:-value}}` has a default, `$$` is one dollar", missing.name);
        session.fail_at(missing.at, "", &message, Some(hint));
    }
    match document {
        Err(error) => session.fail_at(error.at, "", &error.message, None),
        Ok(document) if document.root.value.is_null() => {
            session.fail_at(0, "", "empty: nothing to listen on", None);
        }
        Ok(document) => return Config::read(&session.root(&document.root)),
    }
    None
}

impl Config {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let session = cursor.session();
        let mut table = cursor.table();
        let process = Process::read(session, table.value("config").as_ref());
        let ipv6 = process.enable_ipv6;
        let policies = table.maybe("policies", |c| Some(attached::read_list(c)));
        let (policies, marks): (Vec<_>, Vec<_>) = policies.unwrap_or_default().into_iter().unzip();
        let config = Self {
            frontend_policies: table.or(
                "frontendPolicies",
                FrontendPolicies::default(),
                FrontendPolicies::read,
            ),
            binds: table.list("binds", |c| Bind::read(c, ipv6)).unwrap_or_default(),
            gateways: table.maybe("gateways", |c| Some(read_gateways(c, ipv6))).unwrap_or_default(),
            routes: table.list("routes", AttachedRoute::read).unwrap_or_default(),
            tcp_routes: table.list("tcpRoutes", AttachedTcpRoute::read).unwrap_or_default(),
            route_groups: table.list("routeGroups", RouteGroup::read).unwrap_or_default(),
            backends: table.list("backends", NamedBackend::read).unwrap_or_default(),
            policies,
            llm: table.maybe("llm", |c| Llm::read(c, ipv6)),
            process,
            written: session.written(),
        };
        attached::check(session, &config, &marks);
        table.unsupported(&["mcp", "services"]);
        table.unsupported(&["ui", "workloads"]);
        if !["binds", "gateways", "llm", "mcp"].iter().any(|key| table.has(key)) {
            table.fail("nothing to listen on: neither binds nor gateways");
        }
        table.finish();
        check::check(session, &config.process);
        Some(config)
    }
}

fn read_gateways(cursor: &Cursor<'_>, ipv6: bool) -> BTreeMap<String, Gateway> {
    let gateways = cursor.named().into_iter().filter_map(|(name, mark, cursor)| {
        if name.is_empty() || name.contains('/') {
            let hint = "`/` stands between a gateway and its listener".to_owned();
            cursor.session().fail(&mark, "not a name of a gateway", Some(hint));
        }
        Some((name.to_owned(), Gateway::read(name, &cursor, ipv6)?))
    });
    gateways.collect()
}

#[cfg(test)]
mod tests;
