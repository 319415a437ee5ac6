//! `frontendPolicies:`: how clients' connections are treated, on every bind.

use std::time::Duration;

use serde::Serialize;

use super::process::Keepalives;
use super::reader::Cursor;
use super::scalar;
use crate::limits;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendPolicies {
    pub http: FrontendHttp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<FrontendTcp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendHttp {
    /// What a policy that has to see a whole body may hold of it.
    pub max_buffer_size: usize,
    pub http1_max_headers: usize,
    /// How long a connection may wait for its next request. A head that has begun has
    /// `config.ringway.limits.headerTimeout`.
    #[serde(serialize_with = "scalar::serialize_duration")]
    pub http1_idle_timeout: Duration,
    pub http1_header_case: HeaderCase,
}

/// Names go through as they were written; agentgateway's `lowercase` is not served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HeaderCase {
    #[default]
    Preserve,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendTcp {
    pub keepalives: Keepalives,
}

impl FrontendPolicies {
    pub fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let policies = Self {
            http: table.or("http", FrontendHttp::default(), FrontendHttp::read),
            tcp: table.maybe("tcp", FrontendTcp::read),
        };
        table.unsupported(&[
            "connect",
            "networkAuthorization",
            "networkExtAuthz",
            "proxy",
            "proxyProtocol",
            "tls",
            "tracing",
        ]);
        // Its keys are expressions and exporters; what we have is `config.ringway.accessLog`.
        table.unsupported(&["accessLog", "logging"]);
        table.finish();
        Some(policies)
    }
}

impl FrontendHttp {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let default = Self::default();
        let mut table = cursor.table();
        let http = Self {
            max_buffer_size: table.or("maxBufferSize", default.max_buffer_size, |c| {
                scalar::read_bytes(c, 0..=limits::BUFFERED_BYTES_CEILING)
            }),
            http1_max_headers: table.or("http1MaxHeaders", default.http1_max_headers, |c| {
                c.integer(1..=limits::FIELDS_CEILING as i128)
            }),
            http1_idle_timeout: table.or(
                "http1IdleTimeout",
                default.http1_idle_timeout,
                scalar::read_timeout,
            ),
            http1_header_case: table.or("http1HeaderCase", default.http1_header_case, |c| {
                c.word(&[("preserve", HeaderCase::Preserve)], &["lowercase"])
            }),
        };
        table.unsupported(&[
            "http2ConnectionWindowSize",
            "http2FrameSize",
            "http2KeepaliveInterval",
            "http2KeepaliveTimeout",
            "http2MaxHeaderSize",
            "http2WindowSize",
            "maxConnectionDuration",
        ]);
        table.finish();
        Some(http)
    }
}

impl Default for FrontendHttp {
    fn default() -> Self {
        Self {
            max_buffer_size: limits::BUFFERED_BODY_BYTES_MAX,
            http1_max_headers: limits::FIELDS_MAX,
            http1_idle_timeout: Duration::from_secs(limits::HTTP1_IDLE_TIMEOUT_SECONDS),
            http1_header_case: HeaderCase::Preserve,
        }
    }
}

impl FrontendTcp {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let mut table = cursor.table();
        let keepalives = table.must("keepalives", Keepalives::read);
        table.finish();
        Some(Self { keepalives: keepalives? })
    }
}
