//! What a backend is spoken to by: TCP and HTTP of its policies.

use std::time::Duration;

use serde::Serialize;

use super::super::process::Keepalives;
use super::super::reader::Cursor;
use super::super::scalar;

/// In place of `config.backend`, key by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTcp {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalives: Option<Keepalives>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub connect_timeout: Option<Duration>,
    /// Ours: the header of the PROXY protocol that each connection begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyHeader>,
}

/// Versions of the header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProxyHeader {
    V1,
    V2,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendHttp {
    /// None: HTTP/2 for gRPC, else what ALPN settles, else HTTP/1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<HttpVersion>,
    /// Of one try; the route's `timeout.backendRequestTimeout` wins.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "scalar::serialize_maybe_duration"
    )]
    pub request_timeout: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum HttpVersion {
    #[serde(rename = "HTTP/1.1")]
    Http11,
    /// Without `backendTLS` by prior knowledge (RFC 9113 section 3.3).
    #[serde(rename = "HTTP/2.0")]
    Http2,
}

impl BackendTcp {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let tcp = Self {
            keepalives: table.maybe("keepalives", Keepalives::read),
            connect_timeout: table.maybe("connectTimeout", scalar::read_timeout),
            proxy_protocol: table.maybe("proxyProtocol", |c| {
                c.word(&[("v1", ProxyHeader::V1), ("v2", ProxyHeader::V2)], &[])
            }),
        };
        table.finish();
        Some(tcp)
    }
}

impl BackendHttp {
    pub(super) fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let http = Self {
            version: table.maybe("version", |c| {
                c.word(&HttpVersion::WORDS, &["HTTP/0.9", "HTTP/1.0", "HTTP/3.0"])
            }),
            request_timeout: table.maybe("requestTimeout", scalar::read_timeout),
        };
        table.finish();
        Some(http)
    }
}

impl HttpVersion {
    /// agentgateway's, and short ones of ours.
    const WORDS: [(&'static str, Self); 5] = [
        ("HTTP/1.1", Self::Http11),
        ("HTTP/2.0", Self::Http2),
        ("HTTP/2", Self::Http2),
        ("1.1", Self::Http11),
        ("2", Self::Http2),
    ];
}
