//! Where a target is: the few schemes that are spoken here, and no more of RFC 3986 than they need.

use std::fmt;

use super::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
    Ws,
    Wss,
    Tcp,
    /// TCP inside TLS.
    Tls,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub scheme: Scheme,
    /// A name or an address, the latter without brackets.
    pub host: String,
    pub port: u16,
    /// With the query; begins with a slash. May hold the variables of a template.
    pub path: String,
}

impl Url {
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |why: &str| Refusal(format!("{text:?} is no URL to ask: {why}"));
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refuse("it has no scheme"))?;
        let scheme = Scheme::parse(scheme)
            .ok_or_else(|| refuse("the scheme is none of http, https, ws, wss, tcp, tls"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(refuse("credentials belong into --bearer or --header"));
        }
        let (host, port) = split_authority(authority).ok_or_else(|| refuse("the host is bad"))?;
        let port = match port {
            None => scheme.port().ok_or_else(|| refuse("this scheme needs a port"))?,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return Err(refuse("the port is none")),
            },
        };
        let path = path.split_once('#').map_or(path, |(path, _)| path);
        if path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(refuse("there is a space or a control character in the path"));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { scheme, host: host.to_owned(), port, path: format!("{slash}{path}") })
    }

    /// What a `Host` field says: without the port where that is the scheme's own.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.scheme.port() == Some(self.port) { host } else { format!("{host}:{}", self.port) }
    }
}

impl Scheme {
    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "https" => Self::Https,
            "ws" => Self::Ws,
            "wss" => Self::Wss,
            "tcp" => Self::Tcp,
            "tls" => Self::Tls,
            _ => return None,
        })
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    pub fn encrypted(self) -> bool {
        matches!(self, Self::Https | Self::Wss | Self::Tls)
    }

    fn port(self) -> Option<u16> {
        match self {
            Self::Http | Self::Ws => Some(80),
            Self::Https | Self::Wss => Some(443),
            Self::Tcp | Self::Tls => None,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.word(), self.authority(), self.path)
    }
}

fn split_authority(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return None,
        }
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
    (!host.is_empty() && host.bytes().all(clean)).then_some((host, port))
}

#[cfg(test)]
mod tests;
