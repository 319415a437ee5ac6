//! Routes: which requests, and where to. Raw: a regular expression is checked here and compiled by
//! the snapshot.

use serde::Serialize;

use super::backend::{RouteBackend, RouteTarget};
use super::header::FieldName;
use super::ledger::{GatewayUse, RouteKind};
use super::policy::{self, RoutePolicies};
use super::reader::{Cursor, Table};
use super::scalar::{self, Hostname};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
    /// None of them: every name of the listener.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<Hostname>,
    /// Any of them.
    pub matches: Vec<RouteMatch>,
    #[serde(skip_serializing_if = "RoutePolicies::is_empty")]
    pub policies: RoutePolicies,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<RouteBackend>,
}

/// A route of the top-level list, and the gateways it is a route of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachedRoute {
    /// `gateway` or `gateway/listener`.
    pub gateways: Vec<String>,
    #[serde(flatten)]
    pub route: Route,
}

/// All of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteMatch {
    pub path: PathMatch,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatch>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<QueryMatch>,
    /// Ours: agentgateway looks at certificates by expressions alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceMatch>,
}

/// What the certificate of the client says: all of these. Who has none is matched by none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceMatch {
    /// The SPIFFE id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<ValueMatch>,
    /// As `O=b,CN=a`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<ValueMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_cn: Option<ValueMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<ValueMatch>,
    /// One of the alternative names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_alt_name: Option<ValueMatch>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PathMatch {
    Exact(String),
    /// By whole segments: `/a` is a prefix of `/a/b` and none of `/ab`.
    PathPrefix(String),
    /// Of the whole path.
    Regex(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeaderMatch {
    pub name: FieldName,
    pub value: ValueMatch,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueryMatch {
    pub name: String,
    pub value: ValueMatch,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ValueMatch {
    Exact(String),
    /// Of the whole value.
    Regex(String),
}

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

impl Route {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let route = Self::of(&mut table);
        table.finish();
        Some(route)
    }

    /// The group that decides further.
    pub fn group(&self) -> Option<&str> {
        self.backends.iter().find_map(|backend| match &backend.target {
            RouteTarget::RouteGroup(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn of(table: &mut Table<'_>) -> Self {
        let route = Self {
            name: table.maybe("name", Cursor::owned),
            namespace: table.maybe("namespace", Cursor::owned),
            rule_name: table.maybe("ruleName", Cursor::owned),
            hostnames: table.list("hostnames", Hostname::read).unwrap_or_default(),
            matches: table.or("matches", vec![RouteMatch::default()], read_matches),
            policies: table.or("policies", RoutePolicies::default(), RoutePolicies::read),
            backends: table
                .maybe("backends", |c| read_backends(c, RouteBackend::read_http))
                .unwrap_or_default(),
        };
        if route.group().is_some() && route.backends.len() > 1 {
            table.fail("a group is the only backend of its route");
        }
        let tls = route.policies.backend_tls.as_ref();
        RouteBackend::check_route_tls(&route.backends, tls, table);
        let prefix = |path: &PathMatch| matches!(path, PathMatch::PathPrefix(_));
        if route.policies.needs_prefix() && !route.matches.iter().all(|m| prefix(&m.path)) {
            table.fail("a path is rewritten by its prefix, and not every match is by pathPrefix");
        }
        route
    }
}

impl AttachedRoute {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let gateways = read_gateways(&mut table, cursor, &RouteKind::Http);
        let route = Route::of(&mut table);
        table.finish();
        Some(Self { gateways, route })
    }
}

impl RouteMatch {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let found = Self {
            path: table.or("path", PathMatch::default(), PathMatch::read),
            method: table.maybe("method", read_method),
            headers: table.list("headers", HeaderMatch::read).unwrap_or_default(),
            query: table.list("query", QueryMatch::read).unwrap_or_default(),
            source: table.maybe("source", SourceMatch::read),
        };
        table.finish();
        Some(found)
    }
}

impl SourceMatch {
    const KEYS: [&str; 5] = ["identity", "subject", "subjectCn", "issuer", "subjectAltName"];

    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let source = Self {
            identity: table.maybe("identity", ValueMatch::read),
            subject: table.maybe("subject", ValueMatch::read),
            subject_cn: table.maybe("subjectCn", ValueMatch::read),
            issuer: table.maybe("issuer", ValueMatch::read),
            subject_alt_name: table.maybe("subjectAltName", ValueMatch::read),
        };
        if !Self::KEYS.iter().any(|key| table.has(key)) {
            let keys = Self::KEYS.join(", ");
            table.fail(&format!("it asks for nothing: one of {keys} is needed"));
        }
        table.finish();
        Some(source)
    }
}

impl PathMatch {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            // What agentgateway's own converter writes for a match it could not convert.
            return cursor.word(&[], &["invalid"]);
        }
        let mut table = cursor.table();
        let path = match table.one_of(&["exact", "pathPrefix", "regex"]) {
            Some(("exact", value)) => value.parsed(policy::parse_path).map(Self::Exact),
            Some(("pathPrefix", value)) => value.parsed(policy::parse_path).map(Self::PathPrefix),
            Some((_, value)) => value.parsed(parse_regex).map(Self::Regex),
            None => None,
        };
        table.finish();
        path
    }
}

impl Default for PathMatch {
    fn default() -> Self {
        Self::PathPrefix("/".to_owned())
    }
}

impl HeaderMatch {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", FieldName::read);
        let value = table.must("value", ValueMatch::read);
        table.finish();
        Some(Self { name: name?, value: value? })
    }
}

impl QueryMatch {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let name = table.must("name", Cursor::owned);
        let value = table.must("value", ValueMatch::read);
        table.finish();
        Some(Self { name: name?, value: value? })
    }
}

impl ValueMatch {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return cursor.word(&[], &["invalid"]);
        }
        let mut table = cursor.table();
        let value = match table.one_of(&["exact", "regex"]) {
            Some(("exact", value)) => value.owned().map(Self::Exact),
            Some((_, value)) => value.parsed(parse_regex).map(Self::Regex),
            None => None,
        };
        table.finish();
        value
    }
}

fn read_matches(cursor: &Cursor<'_>) -> Option<Vec<RouteMatch>> {
    let items = cursor.list();
    if items.is_empty() && cursor.is_list() {
        cursor.fail_hint("an empty list matches nothing", "to match everything, leave the key out");
    }
    Some(items.iter().filter_map(RouteMatch::read).collect())
}

/// The gateways of a route at the top of the file.
pub fn read_gateways(table: &mut Table<'_>, route: &Cursor<'_>, kind: &RouteKind) -> Vec<String> {
    let gateways = table.maybe("gateways", |c| {
        let names = if c.is_list() { c.list() } else { vec![c.clone()] };
        Some(names.iter().filter_map(|name| read_reference(name, route, kind)).collect::<Vec<_>>())
    });
    gateways.filter(|gateways| !gateways.is_empty()).unwrap_or_else(|| {
        // As in agentgateway, which wants a gateway of that name.
        let default = "default".to_owned();
        note_use(route, route, &default, kind);
        vec![default]
    })
}

pub fn read_backends(
    cursor: &Cursor<'_>,
    read: impl Fn(&Cursor<'_>) -> Option<RouteBackend>,
) -> Option<Vec<RouteBackend>> {
    let items = cursor.list();
    let backends: Vec<_> = items.iter().filter_map(read).collect();
    let all_read = backends.len() == items.len();
    if all_read && !backends.is_empty() && backends.iter().all(|backend| backend.weight == 0) {
        cursor.fail("every weight is 0: no backend would take a request");
    }
    Some(backends)
}

/// RFC 9110 section 9.1: methods are case-sensitive, and `get` is none that anybody means.
fn read_method(cursor: &Cursor<'_>) -> Option<String> {
    let method = cursor.text()?;
    let upper = method.to_ascii_uppercase();
    if upper != method && METHODS.contains(&upper.as_str()) {
        let message = format!("`{method}` matches no request: methods are case-sensitive");
        cursor.fail_hint(&message, &format!("did you mean `{upper}`?"));
        return None;
    }
    cursor.parsed(|method| match scalar::is_token(method) {
        true => Ok(method.to_owned()),
        false => Err(format!("`{}` is not a method", method.escape_debug())),
    })
}

fn read_reference(cursor: &Cursor<'_>, route: &Cursor<'_>, kind: &RouteKind) -> Option<String> {
    let name = cursor.owned()?;
    note_use(cursor, route, &name, kind);
    Some(name)
}

fn note_use(cursor: &Cursor<'_>, route: &Cursor<'_>, name: &str, kind: &RouteKind) {
    let used = GatewayUse {
        name: name.to_owned(),
        mark: cursor.mark(),
        owner: route.mark().path,
        route: kind.clone(),
    };
    cursor.session().note(|ledger| ledger.gateway_uses.push(used));
}

fn parse_regex(text: &str) -> Result<String, String> {
    scalar::whole_regex(text).map(|_| text.to_owned())
}
