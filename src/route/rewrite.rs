//! Where a request goes by another address: rewritten on the way to the upstream, or redirected
//! so that the client goes there itself. Compiled at load; writes into the caller's buffer, which
//! it only appends to. Keeps the query as it came.
//!
//! The prefix of a path is what the route's match spoke of (`Found::prefix_len`): when that was an
//! exact path or an expression, it is the whole path that is replaced.

use std::error::Error;
use std::fmt;

use super::host::Hostname;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What a request asked for.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    pub scheme: Scheme,
    /// Host and port as they were sent; empty when there was no Host (HTTP/1.0).
    pub authority: &'a [u8],
    /// In normal form. `*` of OPTIONS is never rewritten.
    pub path: &'a [u8],
    pub query: Option<&'a [u8]>,
    /// As the route table told: at most the length of the path.
    pub prefix_len: usize,
}

#[derive(Clone, Debug)]
pub enum PathSpec {
    /// The new path; it may bring a query, which the request's is then appended to.
    Full(String),
    /// What stands in the place of the prefix; nothing removes it.
    Prefix(String),
}

#[derive(Clone, Debug, Default)]
pub enum AuthoritySpec {
    /// Nothing was said.
    #[default]
    Unset,
    Full(String),
    Host(String),
    Port(u16),
    /// The name of the backend, which only the caller knows.
    Auto,
    /// As it was received.
    Keep,
}

#[derive(Clone, Debug, Default)]
pub struct RewriteSpec {
    pub authority: AuthoritySpec,
    pub path: Option<PathSpec>,
}

#[derive(Clone, Debug, Default)]
pub struct RedirectSpec {
    pub scheme: Option<Scheme>,
    pub authority: AuthoritySpec,
    pub path: Option<PathSpec>,
    /// 302 when nothing is said.
    pub status: Option<u16>,
}

/// A `urlRewrite`.
#[derive(Clone, Debug)]
pub struct Rewrite {
    authority: Authority,
    path: Option<PathEdit>,
}

/// What a rewrite makes of the authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorityChange {
    /// Nothing was said about it.
    #[default]
    Unset,
    Keep,
    Auto,
    /// The new one was appended.
    Written,
}

impl Rewrite {
    pub fn compile(spec: &RewriteSpec) -> Result<Self, RewriteError> {
        Ok(Self {
            authority: Authority::compile(&spec.authority)?,
            path: spec.path.as_ref().map(PathEdit::compile).transpose()?,
        })
    }

    /// It changes nothing.
    pub fn is_empty(&self) -> bool {
        self.path.is_none() && matches!(self.authority, Authority::Unset)
    }

    /// Appends the new path and query; false when they stay as they are.
    pub fn write_target(&self, address: &Address<'_>, out: &mut Vec<u8>) -> bool {
        let rewritten = address.path.first().is_none_or(|&first| first == b'/');
        match &self.path {
            Some(edit) if rewritten => edit.write(address, out),
            _ => return false,
        }
        true
    }

    /// Appends the new authority. A new host comes without the port that was asked for, as
    /// agentgateway has it.
    pub fn write_authority(&self, address: &Address<'_>, out: &mut Vec<u8>) -> AuthorityChange {
        match &self.authority {
            Authority::Unset => return AuthorityChange::Unset,
            Authority::Keep => return AuthorityChange::Keep,
            Authority::Auto => return AuthorityChange::Auto,
            Authority::Full(full) => out.extend_from_slice(full),
            Authority::Host(host) => out.extend_from_slice(host),
            Authority::Port(port) => {
                out.extend_from_slice(split_port(address.authority).0);
                port.write(address.scheme, out);
            }
        }
        AuthorityChange::Written
    }
}

/// A `requestRedirect`.
#[derive(Clone, Debug)]
pub struct Redirect {
    scheme: Option<Scheme>,
    authority: Authority,
    path: Option<PathEdit>,
    status: u16,
}

impl Redirect {
    pub fn compile(spec: &RedirectSpec) -> Result<Self, RewriteError> {
        let status = spec.status.unwrap_or(302);
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Err(RewriteError::BadStatus);
        }
        let authority = Authority::compile(&spec.authority)?;
        let path = spec.path.as_ref().map(PathEdit::compile).transpose()?;
        Ok(Self { scheme: spec.scheme, authority, path, status })
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// Appends the value of Location: an absolute address, or without any host the path alone.
    pub fn write_location(&self, address: &Address<'_>, out: &mut Vec<u8>) {
        let scheme = self.scheme.unwrap_or(address.scheme);
        let before = out.len();
        out.extend_from_slice(scheme.name().as_bytes());
        out.extend_from_slice(b"://");
        let authority = out.len();
        self.write_authority(scheme, address.authority, out);
        if out.len() == authority {
            out.truncate(before);
        }
        let path = out.len();
        match &self.path {
            Some(edit) => edit.write(address, out),
            None => write_path(address.path, address.query, out),
        }
        if path == before {
            keep_one_slash(path, out);
        }
    }

    /// The port, when it is not configured, is that of a configured scheme, else the one that was
    /// asked for (Gateway API, `HTTPRequestRedirectFilter`; it says the listener's there, which
    /// behind a load balancer is not the one that the client knows). A scheme's own is left out.
    fn write_authority(&self, scheme: Scheme, received: &[u8], out: &mut Vec<u8>) {
        let (received_host, received_port) = split_port(received);
        let host = match &self.authority {
            Authority::Full(full) => return out.extend_from_slice(full),
            Authority::Host(host) => host,
            _ => received_host,
        };
        out.extend_from_slice(host);
        if host.is_empty() {
            return;
        }
        match (&self.authority, received_port) {
            (Authority::Port(port), _) => port.write(scheme, out),
            (_, Some(port)) if self.scheme.is_none() && !is_default(port, scheme) => {
                out.push(b':');
                out.extend_from_slice(port);
            }
            _ => (),
        }
    }
}

/// What is wrong with a rewrite or a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewriteError {
    /// A path begins with `/`, and a prefix has no query.
    BadPath,
    BadAuthority,
    /// None of 301, 302, 303, 307, 308.
    BadStatus,
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadPath => "not a path that begins with `/`",
            Self::BadAuthority => "not a host, or a host and a port",
            Self::BadStatus => "not one of 301, 302, 303, 307, 308",
        })
    }
}

impl Error for RewriteError {}

#[derive(Clone, Debug)]
enum PathEdit {
    Full(Box<[u8]>),
    Prefix(Box<[u8]>),
}

impl PathEdit {
    fn compile(spec: &PathSpec) -> Result<Self, RewriteError> {
        match spec {
            PathSpec::Full(path) if is_path(path, b"#\\") => Ok(Self::Full(path.as_bytes().into())),
            PathSpec::Prefix(path) if path.is_empty() || is_path(path, b"?#\\") => {
                Ok(Self::Prefix(path.as_bytes().into()))
            }
            _ => Err(RewriteError::BadPath),
        }
    }

    fn write(&self, address: &Address<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Full(full) => write_path(full, address.query, out),
            Self::Prefix(replacement) => {
                let start = out.len();
                write_replaced(replacement, address, out);
                debug_assert!(out.get(start) == Some(&b'/'), "a path begins with a slash");
                write_query(false, address.query, out);
            }
        }
    }
}

/// The table of Gateway API's `HTTPPathModifier`: exactly one slash where the replacement and the
/// rest meet, and never nothing at all.
fn write_replaced(replacement: &[u8], address: &Address<'_>, out: &mut Vec<u8>) {
    debug_assert!(address.prefix_len <= address.path.len(), "the prefix is one of this path");
    let rest = address.path.get(address.prefix_len..).unwrap_or_default();
    let start = out.len();
    if rest.is_empty() {
        out.extend_from_slice(if replacement.is_empty() { b"/" } else { replacement });
        return;
    }
    let end = replacement.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    out.extend_from_slice(&replacement[..end]);
    if rest.first() != Some(&b'/') {
        out.push(b'/');
    }
    out.extend_from_slice(rest);
    // With the prefix gone, `/prefix//host` must not become `//host`: a reference to a host, to
    // whoever reads it by RFC 3986 section 4.2.
    if end == 0 {
        keep_one_slash(start, out);
    }
}

fn write_path(path: &[u8], query: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(if path.first() == Some(&b'/') { path } else { b"/" });
    write_query(path.contains(&b'?'), query, out);
}

fn write_query(has_one: bool, query: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(query) = query {
        out.push(if has_one { b'&' } else { b'?' });
        out.extend_from_slice(query);
    }
}

/// Of the slashes at `start`, all but one go.
fn keep_one_slash(start: usize, out: &mut Vec<u8>) {
    let slashes = out[start..].iter().take_while(|&&byte| byte == b'/').count();
    out.drain(start..start + slashes.saturating_sub(1));
}

#[derive(Clone, Debug)]
enum Authority {
    Unset,
    Full(Box<[u8]>),
    Host(Box<[u8]>),
    Port(Port),
    Auto,
    Keep,
}

impl Authority {
    fn compile(spec: &AuthoritySpec) -> Result<Self, RewriteError> {
        match spec {
            AuthoritySpec::Unset => Ok(Self::Unset),
            AuthoritySpec::Auto => Ok(Self::Auto),
            AuthoritySpec::Keep => Ok(Self::Keep),
            AuthoritySpec::Port(0) => Err(RewriteError::BadAuthority),
            AuthoritySpec::Port(port) => Ok(Self::Port(Port::new(*port))),
            AuthoritySpec::Host(host) if is_host(host) => Ok(Self::Host(host.as_bytes().into())),
            AuthoritySpec::Full(full) if is_authority(full) => {
                Ok(Self::Full(full.as_bytes().into()))
            }
            AuthoritySpec::Host(_) | AuthoritySpec::Full(_) => Err(RewriteError::BadAuthority),
        }
    }
}

/// A port with its digits.
#[derive(Clone, Debug)]
struct Port {
    number: u16,
    digits: Box<[u8]>,
}

impl Port {
    fn new(number: u16) -> Self {
        Self { number, digits: number.to_string().into_bytes().into() }
    }

    fn write(&self, scheme: Scheme, out: &mut Vec<u8>) {
        if self.number != scheme.default_port() {
            out.push(b':');
            out.extend_from_slice(&self.digits);
        }
    }
}

fn is_default(port: &[u8], scheme: Scheme) -> bool {
    number(port) == Some(scheme.default_port())
}

fn number(digits: &[u8]) -> Option<u16> {
    // `parse` would take a sign.
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    text.parse().ok()
}

/// Host and port of an authority; a colon without digits behind it is no port.
fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    match authority.iter().rposition(|&byte| byte == b':' || byte == b']') {
        Some(colon) if authority[colon] == b':' => {
            let port = &authority[colon + 1..];
            (&authority[..colon], (!port.is_empty()).then_some(port))
        }
        _ => (authority, None),
    }
}

fn is_path(path: &str, barred: &[u8]) -> bool {
    let good = |byte: u8| byte.is_ascii_graphic() && !barred.contains(&byte);
    path.starts_with('/') && path.bytes().all(good)
}

fn is_host(host: &str) -> bool {
    matches!(Hostname::parse(host), Ok(Hostname::Exact(_)))
}

/// A host, and a port or none.
pub fn is_authority(full: &str) -> bool {
    let (host, port) = split_port(full.as_bytes());
    let good_port = match port {
        Some(port) => number(port).is_some_and(|number| number > 0),
        None => host.len() == full.len(),
    };
    good_port && full.get(..host.len()).is_some_and(is_host)
}

#[cfg(test)]
mod tests;
