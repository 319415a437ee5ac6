//! What is told of a TCP connection when it has ended: its series, and a line of the access log.

use super::End;
use crate::base::clock::Instant;
use crate::base::id::LabelsId;
use crate::http::server::h1::Connection;
use crate::net::relay;
use crate::net::tls::Identity;
use crate::snapshot::resources::Resources;
use crate::telemetry::access_log::Record;
use crate::telemetry::labels::OVERFLOW;
use crate::telemetry::value::{HttpVersion, MethodLabel, Reason, Refusal};

/// What became of a connection so far.
pub(super) struct Story {
    started: Instant,
    /// Of what was found so far.
    pub(super) labels: LabelsId,
    pub(super) is_logged: bool,
    /// The name that the client asked for in TLS.
    pub(super) name: Box<str>,
    pub(super) endpoint: Box<str>,
    pub(super) retries: u32,
}

impl Story {
    pub(super) fn begin(started: Instant) -> Self {
        Self {
            started,
            labels: LabelsId(OVERFLOW),
            is_logged: false,
            name: Box::default(),
            endpoint: Box::default(),
            retries: 0,
        }
    }

    /// The one place that records a connection.
    pub(super) fn finish(&self, resources: &Resources, connection: &Connection, end: End) {
        let now = connection.now();
        let duration = now.nanos_since(self.started);
        let shard = &resources.shard;
        let reason = end.reason();
        // As agentgateway has it: the duration of a connection, and no request.
        shard
            .exchange(self.labels, MethodLabel::None, 0, reason)
            .record_tunnel(duration, connection.sent_bytes.get());
        if let End::Failed(failure) = end {
            if let Some(timeout) = failure.timeout() {
                shard.timed_out(timeout);
            }
            if let Some(limit) = failure.limit() {
                shard.limit_hit(limit);
            }
        }
        if !self.is_logged {
            return;
        }
        let identity = connection.identity();
        let record = Record {
            unix_micros: resources.unix_micros(now),
            duration_nanos: duration,
            labels: self.labels,
            reason,
            source: connection.peer.address,
            endpoint: self.endpoint.as_bytes(),
            method: b"",
            host: self.name.as_bytes(),
            path: b"",
            version: HttpVersion::None,
            status: 0,
            trace_id: b"",
            request_id: b"",
            error: end.error().as_bytes(),
            received_bytes: connection.received_bytes.get(),
            sent_bytes: connection.sent_bytes.get(),
            identity: identity.and_then(Identity::spiffe_id).unwrap_or_default().as_bytes(),
            subject: identity.map_or(&[], |identity| identity.subject.as_bytes()),
            upstream_status: 0,
            upstream_nanos: 0,
            retries: self.retries,
            gen_ai: None,
            fields: b"",
        };
        resources.log.record(&record, shard);
    }
}

impl End {
    const fn reason(self) -> Reason {
        match self {
            Self::Relayed(relay::End::Idle) => Reason::Timeout,
            Self::Relayed(_) => Reason::Upstream,
            Self::Failed(failure) => failure.row().reason,
            Self::Refused(Refusal::UnknownName) => Reason::NotFound,
            Self::Refused(Refusal::HelloSlow) => Reason::Timeout,
            Self::Refused(_) | Self::Gone => Reason::InvalidRequest,
        }
    }

    const fn error(self) -> &'static str {
        match self {
            Self::Relayed(relay::End::Closed) => "",
            Self::Relayed(relay::End::Broken) => "connection reset",
            Self::Relayed(relay::End::Idle) => "idle timeout",
            Self::Failed(failure) => failure.row().text,
            Self::Refused(refusal) => refusal.text(),
            Self::Gone => "client closed the connection",
        }
    }
}
