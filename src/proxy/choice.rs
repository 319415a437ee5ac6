//! Which endpoint an exchange goes to: what the balancer is told of it, and what comes of asking.
//! Nothing is looked at where the cluster has no choice. Owns no state.

use super::asked;
use super::failure::Failure;
use super::place::Routed;
use crate::base::hash::hash;
use crate::http::Exchange;
use crate::http::server::h1::Connection;
use crate::proto::http1::FieldName;
use crate::snapshot::resources::Resources;
use crate::upstream::Local;
use crate::upstream::balance::{self, Avoid, By, Nobody, Wanted};

/// What is known of one exchange, for as long as it looks for an endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    hash: Option<u64>,
    /// What the client's cookie calls an endpoint.
    tag: Option<u64>,
    avoid: Avoid,
}

impl Choice {
    pub fn of(routed: &Routed<'_>, exchange: &Exchange, local: &Local) -> Self {
        if local.turns.is_none() {
            return Self::default();
        }
        let balancing = &local.cluster.settings.balancing;
        let bytes = exchange.head_bytes();
        let request = &exchange.request;
        let hash = match &balancing.by {
            None => None,
            Some(By::Header(name)) => request.find(bytes, name).map(|value| hash(value.of(bytes))),
            Some(By::Cookie(name)) => cookie(exchange, name).map(hash),
            Some(By::Source) => of_source(routed.connection),
            Some(By::Prompt(_)) => routed.others.and_then(|others| others.prompt),
            Some(By::Expression) => of_expression(routed, exchange),
        };
        let named = balancing.affinity.as_ref().and_then(|own| cookie(exchange, &own.cookie));
        Self { hash, tag: named.and_then(parse_tag), avoid: Avoid::default() }
    }

    /// For a connection that is not looked into.
    pub fn of_connection(connection: &Connection, local: &Local) -> Self {
        let by_source = local.cluster.settings.balancing.by == Some(By::Source);
        let hash = by_source.then(|| of_source(connection)).flatten();
        Self { hash, ..Self::default() }
    }

    /// # Errors
    /// `NoBackend`, `NoHealthyEndpoint`.
    pub fn pick(&self, resources: &Resources, local: &Local) -> Result<usize, Failure> {
        if local.turns.is_none() && !local.cluster.endpoints.is_empty() {
            return Ok(0);
        }
        let now = resources.clock.now();
        let (hash, tag, avoid) = (self.hash, self.tag, self.avoid);
        let wanted = Wanted { now, random: &resources.random, hash, tag, avoid };
        balance::pick(local, &wanted).map_err(|nobody| match nobody {
            Nobody::Unhealthy => Failure::NoHealthyEndpoint,
            // It has names, and none of them has an address.
            Nobody::Empty if !local.cluster.sources.is_empty() => Failure::Unresolved,
            Nobody::Empty => Failure::NoBackend,
        })
    }

    /// It failed: others come first.
    pub fn avoid(&mut self, endpoint: usize) {
        self.avoid.add(endpoint);
    }

    /// Whether the client is to be told which endpoint it has: it did not say this one.
    pub fn is_news(&self, local: &Local, endpoint: usize) -> bool {
        let cluster = &local.cluster;
        local.turns.is_some()
            && cluster.settings.balancing.affinity.is_some()
            && self.tag != Some(balance::tag(&cluster.endpoints[endpoint]))
    }
}

/// None where it fails: any endpoint is as good as another.
fn of_expression(routed: &Routed<'_>, exchange: &Exchange) -> Option<u64> {
    let made = routed.edits.hash_by()?;
    let attributes = asked::attributes(routed, exchange, None);
    let mut key = Vec::new();
    let written = made.write(&attributes, &mut key);
    asked::count_failures(routed, &attributes);
    written.then(|| hash(&key))
}

fn of_source(connection: &Connection) -> Option<u64> {
    let address = connection.peer.address?.ip();
    Some(match address.to_canonical() {
        std::net::IpAddr::V4(v4) => hash(&v4.octets()),
        std::net::IpAddr::V6(v6) => hash(&v6.octets()),
    })
}

/// The value of a cookie of the request, RFC 6265 section 4.2.
fn cookie<'a>(exchange: &'a Exchange, name: &[u8]) -> Option<&'a [u8]> {
    let mut fields = exchange.request.values(exchange.head_bytes(), FieldName::Cookie);
    fields.find_map(|field| of_field(field, name))
}

fn of_field<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut pairs = field.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

fn parse_tag(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok().filter(|text| text.len() == TAG_DIGITS)?;
    u64::from_str_radix(text, 16).ok()
}

const TAG_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        for (field, expected) in [
            ("a=1; b=2", Some("2")),
            ("b=2", Some("2")),
            ("bb=1;b=3 ; c=4", Some("3")),
            ("ab=1", None),
            ("b", None),
            ("b=", Some("")),
        ] {
            let found = of_field(field.as_bytes(), b"b");
            assert_eq!(found, expected.map(str::as_bytes), "{field}");
        }
    }

    #[test]
    fn only_what_we_write_is_a_tag() {
        assert_eq!(parse_tag(b"00000000000000ff"), Some(255));
        for wrong in [&b"ff"[..], b"", b"00000000000000fg", b"+0000000000000ff1"] {
            assert_eq!(parse_tag(wrong), None);
        }
    }
}
