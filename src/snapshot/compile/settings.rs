//! What holds for every connection of a bind, and for every HTTP/2 connection to an endpoint; the
//! same for all of them in this dialect. Owns no state.

use std::sync::Arc;
use std::time::Duration;

use super::cluster;
use crate::config::Config;
use crate::config::access_log::AccessLogPolicy;
use crate::config::expression::Expression as RawExpression;
use crate::config::frontend::ConnectMode;
use crate::config::ringway::{AccessLogTarget, ForwardedMode, RequestId as RawRequestId};
use crate::http::Limits;
use crate::limits::{LINGER, LINGER_BYTES_MAX, TUNNEL_IDLE};
use crate::policy::expression::Expression;
use crate::policy::log_fields::LogFields;
use crate::proto::http1::HeadLimits;
use crate::proto::http2;
use crate::snapshot::bind::{Connect, Forwarded, RequestId, Settings};

pub(super) fn downstream(config: &Config) -> Settings {
    let ringway = &config.process.ringway;
    let limits = &ringway.limits;
    let frontend = &config.frontend_policies;
    Settings {
        limits: http_limits(config),
        forwarded: Forwarded {
            append: ringway.forwarded.mode == ForwardedMode::Append,
            trusted_hops: ringway.forwarded.trusted_hops,
            request_id: match ringway.forwarded.request_id {
                RawRequestId::Keep => RequestId::Keep,
                RawRequestId::Make => RequestId::Make,
                RawRequestId::Off => RequestId::Off,
            },
            via: ringway.forwarded.via,
            client_certificate: ringway.forwarded.client_certificate,
        },
        keepalive: frontend.tcp.as_ref().and_then(|tcp| cluster::keepalive(&tcp.keepalives)),
        connections_per_worker_max: count(limits.connections_per_worker),
        connections_max: count(limits.connections),
        buffered_bytes_max: limits.buffered_bytes,
        requests_max: limits.requests,
        access_log: ringway.access_log.to != AccessLogTarget::Off,
        log_fields: frontend.access_log.as_ref().map(|raw| Arc::new(log_fields(raw))),
        prompt_bytes_logged: ringway.access_log.prompts,
        completion_bytes_logged: ringway.access_log.completions,
        handshake_timeout: frontend.tls.handshake_timeout,
        handshakes_per_worker_max: count(limits.handshakes_per_worker),
        http2: downstream_http2(config),
        proxy_header: None,
        connect: match frontend.connect.mode {
            ConnectMode::Deny => Connect::Deny,
            ConnectMode::Route => Connect::Route,
            ConnectMode::Tunnel => Connect::Serve,
        },
    }
}

/// The configuration's reader has refused those that do not compile.
fn log_fields(raw: &AccessLogPolicy) -> LogFields {
    let compile = |made: &RawExpression| Expression::compile(made.as_str()).ok();
    let add = raw.add.0.iter().filter_map(|(name, made)| Some((name.clone(), compile(made)?)));
    LogFields { filter: raw.filter.as_ref().and_then(compile), add: add.collect() }
}

fn http_limits(config: &Config) -> Limits {
    let limits = &config.process.ringway.limits;
    let http = &config.frontend_policies.http;
    Limits {
        head: HeadLimits {
            head_bytes_max: limits.head_bytes,
            fields_max: http.http1_max_headers,
            target_bytes_max: limits.target_bytes,
        },
        header: limits.header_timeout,
        idle: http.http1_idle_timeout,
        read: limits.read_timeout,
        write: limits.write_timeout,
        requests_max: u32::try_from(limits.pipelined_requests).unwrap_or(u32::MAX),
        linger_bytes_max: LINGER_BYTES_MAX,
        linger: LINGER,
        tunnel_idle: TUNNEL_IDLE,
        connection: config.frontend_policies.http.max_connection_duration,
    }
}

/// A window that is configured stays as it is; else it grows with use.
fn downstream_http2(config: &Config) -> http2::Settings {
    let limits = &config.process.ringway.limits;
    let written = &config.frontend_policies.http.http2;
    let default = http2::Settings::default();
    let window = written.window_bytes.map(count);
    let connection = written.connection_window_bytes.map(count);
    let head = written.header_bytes.map_or(limits.head_bytes, |bytes| bytes.min(limits.head_bytes));
    let (keepalive_interval, keepalive_timeout) =
        written.keepalive().unwrap_or((Duration::ZERO, default.keepalive_timeout));
    http2::Settings {
        streams_max: limits.streams_per_connection,
        window_bytes: window.unwrap_or(default.window_bytes),
        window_bytes_max: window.unwrap_or(default.window_bytes_max),
        connection_window_bytes: connection.unwrap_or(default.connection_window_bytes),
        connection_window_bytes_max: connection.unwrap_or(default.connection_window_bytes_max),
        frame_bytes_max: written.frame_bytes.map_or(default.frame_bytes_max, count),
        head_list_bytes_max: count(head),
        keepalive_interval,
        keepalive_timeout,
        ..default
    }
}

pub(super) fn upstream_http2(config: &Config) -> http2::Settings {
    let limits = &config.process.ringway.limits;
    http2::Settings {
        streams_max: limits.upstream_streams_per_connection,
        head_list_bytes_max: count(limits.head_bytes),
        ..http2::Settings::default()
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
