//! `policies:` of a route: what is done to a request and its response on the way. Each policy is
//! raw here: checked, not compiled.

pub mod ai;
pub mod api_key;
pub mod buffer;
pub mod choice;
pub mod cors;
pub mod direct_response;
pub mod guard;
pub mod inherited;
pub mod mirror;
pub mod prompt;
pub mod transformation;

use std::time::Duration;

use serde::Serialize;

use super::backend_auth::BackendAuth;
use super::backend_tls::BackendTls;
use super::compression::Compression;
use super::concurrency::AdaptiveConcurrency;
use super::header::{FieldName, Fields};
use super::rate_limit::{self, RateLimit};
use super::reader::{Cursor, Table};
use super::retry::Retry;
use super::scalar;
use ai::AiPolicy;
use api_key::ApiKey;
use buffer::Buffer;
use choice::Chosen;
use cors::Cors;
use direct_response::DirectResponse;
use guard::{Authorization, Csrf, Delay};
use mirror::RequestMirror;
use transformation::Transformations;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutePolicies {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_header_modifier: Option<HeaderModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_header_modifier: Option<HeaderModifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_rewrite: Option<Chosen<UrlRewrite>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_redirect: Option<Chosen<RequestRedirect>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_response: Option<Chosen<DirectResponse>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf: Option<Csrf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Chosen<Authorization>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformations: Option<Transformations>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Chosen<Delay>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer: Option<Buffer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_mirror: Option<RequestMirror>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local_rate_limit: Vec<RateLimit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptive_concurrency: Option<AdaptiveConcurrency>,
    /// For the backends of the route that have none of their own.
    #[serde(rename = "backendTLS", skip_serializing_if = "Option::is_none")]
    pub backend_tls: Option<BackendTls>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_auth: Option<BackendAuth>,
    /// Of a route whose backends are providers of models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai: Option<AiPolicy>,
}

/// Applied in this order: add, set, remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderModifier {
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub add: Fields,
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub set: Fields,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<FieldName>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UrlRewrite {
    /// None is `auto`, as in agentgateway: the name of a backend that has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<AuthorityRewrite>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathRewrite>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRedirect {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<AuthorityRewrite>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathRewrite>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthorityRewrite {
    /// Host, and port if it has one.
    Full(String),
    /// The port stays.
    Host(String),
    /// The host stays.
    Port(u16),
    /// The name of the backend, if it has one.
    Auto,
    /// As it came.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PathRewrite {
    Full(String),
    /// In place of what the route's `pathPrefix` matched.
    Prefix(String),
}

/// None: no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeout {
    /// From the request's head to the response's last byte.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub request_timeout: Option<Duration>,
    /// Of one try.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub backend_request_timeout: Option<Duration>,
}

const UNSUPPORTED: [&str; 11] = [
    "a2a",
    "backendTunnel",
    "basicAuth",
    "extAuthz",
    "extProc",
    "jwtAuth",
    "mcpAuthentication",
    "mcpAuthorization",
    "mcpGuardrails",
    "oidc",
    "remoteRateLimit",
];

impl RoutePolicies {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let policies = Self {
            request_header_modifier: table.maybe("requestHeaderModifier", HeaderModifier::read),
            response_header_modifier: table.maybe("responseHeaderModifier", HeaderModifier::read),
            url_rewrite: table.maybe("urlRewrite", |c| Chosen::read(c, UrlRewrite::of)),
            request_redirect: table
                .maybe("requestRedirect", |c| Chosen::read(c, RequestRedirect::of)),
            direct_response: table.maybe("directResponse", |c| Chosen::read(c, DirectResponse::of)),
            cors: table.maybe("cors", Cors::read),
            csrf: table.maybe("csrf", Csrf::read),
            api_key: table.maybe("apiKey", ApiKey::read),
            authorization: table.maybe("authorization", |c| Chosen::read(c, Authorization::of)),
            transformations: table.maybe("transformations", Transformations::read),
            buffer: table.maybe("buffer", Buffer::read),
            request_mirror: table.maybe("requestMirror", RequestMirror::read),
            delay: table.maybe("delay", |c| Chosen::read(c, Delay::of)),
            timeout: table.maybe("timeout", Timeout::read),
            retry: table.maybe("retry", Retry::read),
            local_rate_limit: table.or("localRateLimit", Vec::new(), rate_limit::read_list),
            compression: table.maybe("compression", Compression::read),
            adaptive_concurrency: table.maybe("adaptiveConcurrency", AdaptiveConcurrency::read),
            backend_tls: table.maybe("backendTLS", BackendTls::read),
            backend_auth: table.maybe("backendAuth", BackendAuth::read),
            ai: table.maybe("ai", AiPolicy::read),
        };
        if policies.request_redirect.as_ref().is_some_and(Chosen::is_certain)
            && policies.direct_response.is_some()
        {
            table.fail("requestRedirect and directResponse both answer: one of them is never used");
        }
        table.unsupported(&UNSUPPORTED);
        table.finish();
        Some(policies)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes what `other` says where nothing is said here; but its `authorization`, which holds
    /// beside the one here.
    pub fn fill(&mut self, other: &Self) {
        macro_rules! fill {
            ($($policy:ident)+) => {
                $(if self.$policy.is_none() { self.$policy.clone_from(&other.$policy); })+
            };
        }
        fill! {
            request_header_modifier response_header_modifier url_rewrite request_redirect
            direct_response cors csrf api_key transformations delay buffer request_mirror timeout retry
            compression adaptive_concurrency backend_tls
        }
        if self.local_rate_limit.is_empty() {
            self.local_rate_limit.clone_from(&other.local_rate_limit);
        }
    }

    /// Whether a path is rewritten by the prefix that matched.
    pub fn needs_prefix(&self) -> bool {
        let rewrites = self.url_rewrite.iter().flat_map(Chosen::policies);
        let redirects = self.request_redirect.iter().flat_map(Chosen::policies);
        let paths = rewrites.map(|rewrite| rewrite.path.as_ref());
        let mut paths = paths.chain(redirects.map(|redirect| redirect.path.as_ref()));
        paths.any(|path| matches!(path, Some(PathRewrite::Prefix(_))))
    }
}

impl HeaderModifier {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let modifier = Self {
            add: table.or("add", Fields::default(), Fields::read),
            set: table.or("set", Fields::default(), Fields::read),
            remove: table.list("remove", FieldName::read_modified).unwrap_or_default(),
        };
        table.finish();
        Some(modifier)
    }
}

impl UrlRewrite {
    fn of(table: &mut Table<'_>) -> Option<Self> {
        Some(Self {
            authority: table.maybe("authority", AuthorityRewrite::read),
            path: table.maybe("path", PathRewrite::read),
        })
    }
}

impl RequestRedirect {
    pub(super) fn of(table: &mut Table<'_>) -> Option<Self> {
        let schemes = [("http", Scheme::Http), ("https", Scheme::Https)];
        Some(Self {
            scheme: table.maybe("scheme", |c| c.word(&schemes, &[])),
            authority: table.maybe("authority", AuthorityRewrite::read),
            path: table.maybe("path", PathRewrite::read),
            status: table.or("status", 302, read_redirect_status),
        })
    }
}

impl AuthorityRewrite {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        if cursor.is_text() {
            return cursor.word(&[("auto", Self::Auto), ("none", Self::None)], &[]);
        }
        let mut table = cursor.table();
        let rewrite = match table.one_of(&["full", "host", "port"]) {
            Some(("full", value)) => value.parsed(parse_authority).map(Self::Full),
            Some(("host", value)) => value.parsed(parse_host).map(Self::Host),
            Some((_, value)) => value.integer(1..=65535).map(Self::Port),
            None => None,
        };
        table.finish();
        rewrite
    }
}

impl PathRewrite {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let rewrite = match table.one_of(&["full", "prefix"]) {
            Some(("full", value)) => value.parsed(parse_full_path).map(Self::Full),
            Some((_, value)) => value.parsed(parse_path).map(Self::Prefix),
            None => None,
        };
        table.finish();
        rewrite
    }
}

impl Timeout {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let timeout = Self {
            request_timeout: table.maybe("requestTimeout", scalar::read_timeout),
            backend_request_timeout: table.maybe("backendRequestTimeout", scalar::read_timeout),
        };
        table.finish();
        if let (Some(whole), Some(part)) =
            (timeout.request_timeout, timeout.backend_request_timeout)
            && part > whole
        {
            cursor.fail("backendRequestTimeout is longer than requestTimeout, which it is part of");
        }
        Some(timeout)
    }
}

fn read_redirect_status(cursor: &Cursor<'_>) -> Option<u16> {
    let status = cursor.integer(300..=399)?;
    if ![301, 302, 303, 307, 308].contains(&status) {
        cursor.fail(&format!("{status} is no redirect: 301, 302, 303, 307 or 308"));
        return None;
    }
    Some(status)
}

fn parse_authority(text: &str) -> Result<String, String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    if let Some(port) = port
        && !port.parse::<u16>().is_ok_and(|port| port != 0)
    {
        return Err(format!("`{text}` has no port of 1 to 65535"));
    }
    parse_host(host)?;
    Ok(text.to_owned())
}

fn parse_host(text: &str) -> Result<String, String> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    match bracketed {
        Some(ip) if ip.parse::<std::net::Ipv6Addr>().is_ok() => (),
        Some(_) => return Err(format!("`{text}` is no IPv6 address")),
        None => scalar::check_name(text)?,
    }
    Ok(text.to_owned())
}

/// A path as a request may have it: RFC 3986 section 3.3, what is not allowed percent-encoded.
pub fn parse_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("`{text}` does not begin with /"));
    }
    match text.chars().find(|c| matches!(c, '?' | '#') || !c.is_ascii_graphic()) {
        Some(c) => Err(format!("a path holds no {c:?}")),
        None => Ok(text.to_owned()),
    }
}

/// A path that replaces a whole one; it may bring a query.
fn parse_full_path(text: &str) -> Result<String, String> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    parse_path(path)?;
    match query.chars().find(|c| *c == '#' || !c.is_ascii_graphic()) {
        Some(c) => Err(format!("a query holds no {c:?}")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
