//! Backends: what a route sends requests to, written in the route or named at the top. A backend is
//! one cluster; `hosts`, our extension, gives it several endpoints. Names of hosts are kept as
//! written: the control thread resolves them.

pub mod groups;
mod protocol;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::ai::Ai;
use super::backend_auth::BackendAuth;
use super::backend_tls::BackendTls;
use super::cluster::affinity::SessionAffinity;
use super::cluster::{Circuit, Health, LoadBalancer, Member};
use super::concurrency::AdaptiveConcurrency;
use super::policy::choice::Chosen;
use super::policy::guard::Authorization;
use super::policy::transformation::Transformations;
use super::policy::{HeaderModifier, RequestRedirect};
use super::reader::{Cursor, Table};
use super::scalar;
use crate::limits;
use groups::Groups;

pub use self::protocol::{BackendHttp, BackendTcp, HttpVersion, ProxyHeader};

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    Address(SocketAddr),
    Name { host: String, port: u16 },
    Unix(PathBuf),
}

/// A backend of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteBackend {
    #[serde(flatten)]
    pub target: RouteTarget,
    /// Its share, of the sum of the weights; 0 takes no requests.
    pub weight: u32,
    #[serde(skip_serializing_if = "BackendPolicies::is_empty")]
    pub policies: BackendPolicies,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteTarget {
    /// A backend of the top-level list, by its name.
    Backend(String),
    /// No backend: routes that decide further.
    RouteGroup(String),
    #[serde(untagged)]
    Inline(Target),
}

/// A backend of the top-level list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedBackend {
    pub name: String,
    #[serde(flatten)]
    pub target: Target,
    #[serde(skip_serializing_if = "BackendPolicies::is_empty")]
    pub policies: BackendPolicies,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    Host(Host),
    /// Ours: several endpoints of one cluster.
    Hosts(Vec<Member>),
    /// Ours: something inside this process.
    Builtin(Builtin),
    Ai(Box<Ai>),
    /// Written as `ai: {groups: ..}`.
    #[serde(rename = "ai")]
    AiGroups(Groups),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Builtin {
    /// The small origin that answers with what it received, on a loopback port of its own choice.
    Origin,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendPolicies {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<BackendTcp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<BackendHttp>,
    #[serde(rename = "backendTLS", skip_serializing_if = "Option::is_none")]
    pub backend_tls: Option<BackendTls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_auth: Option<BackendAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity: Option<SessionAffinity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit: Option<Circuit>,
    /// Ours. In place of the route's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptive_concurrency: Option<AdaptiveConcurrency>,
    /// Behind those of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_header_modifier: Option<HeaderModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_header_modifier: Option<HeaderModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_redirect: Option<Chosen<RequestRedirect>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Chosen<Authorization>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformations: Option<Transformations>,
}

impl Host {
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return scalar::unix_path(path).map(Self::Unix);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(format!(
                "`{scheme}://` does not belong here: a host is `{rest}`, host:port"
            ));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("`{text}` has no port: a host is host:port or unix:/path"));
        };
        let port = port.parse::<u16>().ok().filter(|port| *port != 0);
        let port = port.ok_or_else(|| format!("`{text}` has no port of 1 to 65535"))?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if let Some(ip) = bracketed {
            let ip = ip.parse::<IpAddr>().ok().filter(IpAddr::is_ipv6);
            let ip = ip.ok_or_else(|| format!("`{host}` is no IPv6 address"))?;
            return Ok(Self::Address(SocketAddr::new(ip, port)));
        }
        if let Ok(IpAddr::V4(ip)) = host.parse() {
            return Ok(Self::Address(SocketAddr::from((ip, port))));
        }
        if host.contains(':') {
            return Err(format!("`{text}`: an IPv6 address stands in brackets, [::1]:{port}"));
        }
        // A last label of digits is an IPv4 address with a mistake in it, never a name.
        let last = host.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{host}` is neither an address nor a host name"));
        }
        scalar::check_name(host)?;
        Ok(Self::Name { host: host.to_owned(), port })
    }

    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        cursor.parsed(Self::parse)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl RouteBackend {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        Self::read_with(cursor, &["host", "hosts", "backend", "builtin"], BackendPolicies::read)
    }

    /// A backend of an HTTP route.
    pub fn read_http(cursor: &Cursor<'_>) -> Option<Self> {
        let keys = ["host", "hosts", "backend", "builtin", "routeGroup", "ai"];
        Self::read_with(cursor, &keys, BackendPolicies::read)
    }

    /// A backend of a TCP route.
    pub fn read_tcp(cursor: &Cursor<'_>) -> Option<Self> {
        let keys = ["host", "hosts", "backend", "builtin"];
        Self::read_with(cursor, &keys, BackendPolicies::read_tcp)
    }

    fn read_with(
        cursor: &Cursor<'_>,
        keys: &[&'static str],
        read_policies: impl Fn(&Cursor<'_>) -> Option<BackendPolicies>,
    ) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["aws", "dynamic", "internal", "invalid"]);
        if !keys.contains(&"ai") {
            table.refuse("ai", "only a route of requests asks a model", None);
        }
        table.unsupported(&["mcp", "service"]);
        if !keys.contains(&"routeGroup") {
            table.refuse("routeGroup", "only a route of requests delegates to a group", None);
        } else if table.has("routeGroup") {
            table.refuse("policies", "a group has policies in its routes", None);
        }
        let target = match table.one_of(keys) {
            Some(("routeGroup", name)) => read_group(&name).map(RouteTarget::RouteGroup),
            Some(("backend", name)) => read_reference(&name).map(RouteTarget::Backend),
            Some((key, value)) => Target::read(key, &value).map(RouteTarget::Inline),
            None => None,
        };
        let most = i128::from(limits::BACKEND_WEIGHT_MAX);
        let weight = table.or("weight", 1, |c| c.integer(0..=most));
        if weight != 1 && matches!(target, Some(RouteTarget::RouteGroup(_))) {
            table.fail("a group is the only backend of its route: it has no weight");
        }
        let policies = BackendPolicies::of(&mut table, read_policies);
        if let (Some(RouteTarget::Inline(target)), Some(tls)) = (&target, &policies.backend_tls) {
            target.check_tls(tls, &table);
        }
        table.finish();
        Some(Self { target: target?, weight, policies })
    }

    /// What a route's `backendTLS` means for the backends that have none of their own.
    pub fn check_route_tls(backends: &[Self], tls: Option<&BackendTls>, table: &Table<'_>) {
        let Some(tls) = tls else { return };
        for backend in backends.iter().filter(|backend| backend.policies.backend_tls.is_none()) {
            if let RouteTarget::Inline(target) = &backend.target {
                target.check_tls(tls, table);
            }
        }
    }

    /// A backend without more to it.
    pub fn to(host: Host) -> Self {
        Self {
            target: RouteTarget::Inline(Target::Host(host)),
            weight: 1,
            policies: BackendPolicies::default(),
        }
    }
}

impl NamedBackend {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        table.unsupported(&["aws", "internal", "mcp"]);
        let name = table.must("name", |c| {
            let name = c.owned()?;
            let mark = c.mark();
            c.session().note(|ledger| ledger.backends.push((name.clone(), mark)));
            Some(name)
        });
        let target = table.one_of(&["host", "hosts", "builtin", "ai"]);
        let target = target.and_then(|(key, value)| Target::read(key, &value));
        let policies = BackendPolicies::of(&mut table, BackendPolicies::read);
        if let (Some(target), Some(tls)) = (&target, &policies.backend_tls) {
            target.check_tls(tls, &table);
        }
        table.finish();
        Some(Self { name: name?, target: target?, policies })
    }
}

impl Target {
    fn read(key: &str, cursor: &Cursor<'_>) -> Option<Self> {
        match key {
            "host" => Host::read(cursor).map(Self::Host),
            "ai" if Groups::are_in(cursor) => Groups::read(cursor).map(Self::AiGroups),
            "ai" => Ai::read(cursor).map(|ai| Self::Ai(Box::new(ai))),
            "builtin" => cursor.word(&[("origin", Builtin::Origin)], &[]).map(Self::Builtin),
            _ => {
                let items = cursor.list();
                if !(1..=limits::BACKEND_HOSTS_MAX).contains(&items.len()) {
                    let most = limits::BACKEND_HOSTS_MAX;
                    cursor.fail(&format!("{} hosts are not in 1 to {most}", items.len()));
                }
                let members: Vec<_> = items.iter().filter_map(Member::read).collect();
                if !members.is_empty() && members.iter().all(|member| member.weight == 0) {
                    cursor.fail("every weight is 0: none of them takes requests");
                }
                Some(Self::Hosts(members))
            }
        }
    }

    /// Whether TLS, where there is some, can succeed.
    fn check_tls(&self, tls: &BackendTls, table: &Table<'_>) {
        if matches!(self, Self::Builtin(Builtin::Origin)) {
            table.fail("backendTLS: the built-in origin speaks no TLS");
        }
        let nameless = self.hosts().any(|host| matches!(host, Host::Unix(_)));
        if nameless && !tls.needs_no_host() {
            table.fail("backendTLS needs `hostname`: a Unix socket has none of its own");
        }
    }

    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        let (one, several) = match self {
            Self::Host(host) => (Some(host), &[][..]),
            Self::Hosts(hosts) => (None, &hosts[..]),
            Self::Builtin(_) | Self::AiGroups(_) => (None, &[][..]),
            Self::Ai(ai) => (ai.host_override.as_ref(), &[][..]),
        };
        one.into_iter().chain(several.iter().map(|member| &member.host))
    }
}

const UNSUPPORTED: [&str; 7] = [
    "a2a",
    "ai",
    "backendTunnel",
    "extAuthz",
    "inferenceRouting",
    "mcpAuthorization",
    "mcpGuardrails",
];

/// No policies of a backend of a TCP route.
const OF_REQUESTS: [&str; 9] = [
    "adaptiveConcurrency",
    "authorization",
    "backendAuth",
    "http",
    "requestHeaderModifier",
    "requestRedirect",
    "responseHeaderModifier",
    "sessionAffinity",
    "transformations",
];

impl BackendPolicies {
    /// Takes what `other` says where nothing is said here; but its `authorization`, which holds
    /// beside the one here.
    pub fn fill(&mut self, other: &Self) {
        macro_rules! fill {
            ($($policy:ident)+) => {
                $(if self.$policy.is_none() { self.$policy.clone_from(&other.$policy); })+
            };
        }
        fill! {
            tcp http backend_tls backend_auth load_balancer session_affinity health circuit adaptive_concurrency
            request_header_modifier response_header_modifier request_redirect transformations
        }
    }

    fn of(table: &mut Table<'_>, read: impl Fn(&Cursor<'_>) -> Option<Self>) -> Self {
        table.or("policies", Self::default(), read)
    }

    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let policies = Self {
            tcp: table.maybe("tcp", BackendTcp::read),
            http: table.maybe("http", BackendHttp::read),
            backend_tls: table.maybe("backendTLS", BackendTls::read),
            backend_auth: table.maybe("backendAuth", BackendAuth::read),
            load_balancer: table.maybe("loadBalancer", LoadBalancer::read),
            session_affinity: table.maybe("sessionAffinity", SessionAffinity::read),
            health: table.maybe("health", Health::read),
            circuit: table.maybe("circuit", Circuit::read),
            adaptive_concurrency: table.maybe("adaptiveConcurrency", AdaptiveConcurrency::read),
            request_header_modifier: table.maybe("requestHeaderModifier", HeaderModifier::read),
            response_header_modifier: table.maybe("responseHeaderModifier", HeaderModifier::read),
            request_redirect: table
                .maybe("requestRedirect", |c| Chosen::read(c, RequestRedirect::of)),
            authorization: table.maybe("authorization", |c| Chosen::read(c, Authorization::of)),
            transformations: table.maybe("transformations", Transformations::read),
        };
        if let Some(affinity) = &policies.session_affinity {
            affinity.check(policies.load_balancer.as_ref(), &table);
        }
        if let Some(protocol) = policies.missing_alpn() {
            table.fail(&format!("http.version wants `{protocol}`, which backendTLS.alpn has not"));
        }
        table.unsupported(&UNSUPPORTED);
        table.finish();
        Some(policies)
    }

    /// Of a TCP route's backend; `tcp` is ours there.
    fn read_tcp(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let policies = Self {
            tcp: table.maybe("tcp", BackendTcp::read),
            backend_tls: table.maybe("backendTLS", BackendTls::read),
            backend_auth: None,
            load_balancer: table.maybe("loadBalancer", LoadBalancer::read_tcp),
            health: table.maybe("health", Health::read),
            circuit: table.maybe("circuit", Circuit::read),
            ..Self::default()
        };
        for key in OF_REQUESTS {
            table.refuse(key, "a TCP route does not look into what it carries", None);
        }
        table.unsupported(&UNSUPPORTED);
        table.finish();
        Some(policies)
    }

    /// What `http.version` needs and a list of ALPN leaves out.
    fn missing_alpn(&self) -> Option<&'static str> {
        let needed = match self.http.as_ref()?.version? {
            HttpVersion::Http11 => "http/1.1",
            HttpVersion::Http2 => "h2",
        };
        let offered = self.backend_tls.as_ref()?.alpn.as_ref()?;
        (!offered.iter().any(|name| name == needed)).then_some(needed)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn read_group(cursor: &Cursor<'_>) -> Option<String> {
    let name = cursor.owned()?;
    let used = (name.clone(), cursor.mark());
    cursor.session().note(|ledger| ledger.group_uses.push(used));
    Some(name)
}

fn read_reference(cursor: &Cursor<'_>) -> Option<String> {
    let name = cursor.owned()?;
    let mark = cursor.mark();
    cursor.session().note(|ledger| ledger.backend_uses.push((name.clone(), mark)));
    Some(name)
}
