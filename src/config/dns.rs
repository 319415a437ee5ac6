//! How names of backends are looked up: `config.dns`, and `config.ringway.dns` for what is
//! Ringway's own. Raw: nothing is looked up here.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::reader::Cursor;
use super::scalar;
use crate::limits;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dns {
    pub lookup_family: LookupFamily,
    pub edns0: bool,
}

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum LookupFamily {
    /// All, and IPv6 only where this machine has a way to it or the name has nothing else.
    #[default]
    Auto,
    All,
    /// IPv6 only where the name has nothing else.
    V4Preferred,
    V4Only,
    V6Only,
}

/// Ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RingwayDns {
    /// None: those of the system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<SocketAddr>,
    /// Bounds on the time to live of an answer.
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub min_ttl: Duration,
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub max_ttl: Duration,
}

impl Dns {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let family = |c: &Cursor<'_>| c.word(&LookupFamily::WORDS, &[]);
        let dns = Self {
            lookup_family: table.or("lookupFamily", LookupFamily::default(), family),
            edns0: table.or("edns0", false, Cursor::flag),
        };
        table.finish();
        Some(dns)
    }
}

impl LookupFamily {
    const WORDS: [(&'static str, Self); 5] = [
        ("Auto", Self::Auto),
        ("All", Self::All),
        ("V4Preferred", Self::V4Preferred),
        ("V4Only", Self::V4Only),
        ("V6Only", Self::V6Only),
    ];
}

impl RingwayDns {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let dns = Self {
            servers: table.list("servers", read_server).unwrap_or_default(),
            min_ttl: table.or("minTtl", default.min_ttl, scalar::read_timeout),
            max_ttl: table.or("maxTtl", default.max_ttl, scalar::read_timeout),
        };
        if dns.min_ttl > dns.max_ttl {
            table.fail("minTtl is longer than maxTtl");
        }
        if dns.servers.len() > limits::DNS_SERVERS_MAX {
            table.fail(&format!("more than {} servers", limits::DNS_SERVERS_MAX));
        }
        table.finish();
        Some(dns)
    }
}

impl Default for RingwayDns {
    fn default() -> Self {
        Self { servers: Vec::new(), min_ttl: limits::DNS_TTL_MIN, max_ttl: limits::DNS_TTL_MAX }
    }
}

fn read_server(cursor: &Cursor<'_>) -> Option<SocketAddr> {
    cursor.parsed(|text| {
        let address = text.parse().or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, 53)));
        address.map_err(|_| format!("`{text}` is not the address of a name server, ip or ip:port"))
    })
}
