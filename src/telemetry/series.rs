//! What is counted for one combination of labels. A worker writes its own, by plain adds; a series
//! lives as long as its shard.

use crate::base::id::LabelsId;
use crate::telemetry::histogram::{ConnectHistogram, ProcessingHistogram, RequestHistogram};
use crate::telemetry::table::Series;
use crate::telemetry::tally::{Level, Tally};
use crate::telemetry::value::{MethodLabel, Reason, StatusLabel};

/// Exchanges with the same labels, method, status and reason.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ExchangeSeries {
    key: Tally,
    requests: Tally,
    response_bytes: Tally,
    retries: Tally,
    duration: RequestHistogram,
}

impl ExchangeSeries {
    /// Counts a finished exchange.
    #[inline]
    pub fn record(&self, duration_nanos: u64, response_bytes: u64, retries: u32) {
        self.requests.add(1);
        self.record_tunnel(duration_nanos, response_bytes);
        if retries > 0 {
            self.retries.add(u64::from(retries));
        }
    }

    /// Counts a finished TCP connection, which has a duration but is not a request.
    #[inline]
    pub fn record_tunnel(&self, duration_nanos: u64, response_bytes: u64) {
        self.duration.observe(duration_nanos);
        self.response_bytes.add(response_bytes);
    }

    pub fn requests(&self) -> u64 {
        self.requests.value()
    }

    pub fn response_bytes(&self) -> u64 {
        self.response_bytes.value()
    }

    pub fn retries(&self) -> u64 {
        self.retries.value()
    }

    pub fn duration(&self) -> &RequestHistogram {
        &self.duration
    }

    pub(crate) fn labels(&self) -> ExchangeKey {
        ExchangeKey::unpack(self.key.value())
    }
}

impl Series for ExchangeSeries {
    fn key(&self) -> &Tally {
        &self.key
    }

    fn absorb(&self, other: &Self) {
        self.requests.add(other.requests.value());
        self.response_bytes.add(other.response_bytes.value());
        self.retries.add(other.retries.value());
        self.duration.absorb(&other.duration);
    }
}

/// What tells one `ExchangeSeries` from another, in 51 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExchangeKey {
    pub(crate) labels: LabelsId,
    pub(crate) method: MethodLabel,
    pub(crate) status: StatusLabel,
    pub(crate) reason: Reason,
}

impl ExchangeKey {
    #[inline]
    pub(crate) const fn pack(self) -> u64 {
        ((self.labels.0 as u64) << 19)
            | ((self.method as u64) << 15)
            | ((self.status.raw() as u64) << 5)
            | self.reason as u64
    }

    fn unpack(key: u64) -> Self {
        let method = MethodLabel::from_index((key >> 15) as usize & 0xF);
        let reason = Reason::from_index(key as usize & 0x1F);
        Self {
            labels: LabelsId((key >> 19) as u32),
            method: method.expect("a key is packed from a method"),
            status: StatusLabel::from_raw((key >> 5) as u16 & StatusLabel::MAX),
            reason: reason.expect("a key is packed from a reason"),
        }
    }
}

const _: () = assert!(MethodLabel::COUNT <= 16 && Reason::COUNT <= 32);

/// Our own part of the requests of one route and backend.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct RouteSeries {
    key: Tally,
    pub(crate) request_processing: ProcessingHistogram,
    pub(crate) response_processing: ProcessingHistogram,
}

impl RouteSeries {
    /// From the request's head to the call upstream.
    #[inline]
    pub fn observe_request(&self, nanos: u64) {
        self.request_processing.observe(nanos);
    }

    /// From the head of the answer upstream to ours downstream.
    #[inline]
    pub fn observe_response(&self, nanos: u64) {
        self.response_processing.observe(nanos);
    }
}

impl Series for RouteSeries {
    fn key(&self) -> &Tally {
        &self.key
    }

    fn absorb(&self, other: &Self) {
        self.request_processing.absorb(&other.request_processing);
        self.response_processing.absorb(&other.response_processing);
    }
}

/// Downstream connections of one listener.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ListenerSeries {
    key: Tally,
    pub connections: Tally,
    pub received_bytes: Tally,
    pub sent_bytes: Tally,
    pub active_connections: Level,
    /// TLS handshakes that were completed, and those among them that resumed a session.
    pub handshakes: ConnectHistogram,
    pub resumed: Tally,
}

impl ListenerSeries {
    pub fn opened(&self) {
        self.connections.add(1);
        self.active_connections.add(1);
    }

    pub fn closed(&self) {
        self.active_connections.add(-1);
    }
}

impl Series for ListenerSeries {
    fn key(&self) -> &Tally {
        &self.key
    }

    fn absorb(&self, other: &Self) {
        self.connections.add(other.connections.value());
        self.received_bytes.add(other.received_bytes.value());
        self.sent_bytes.add(other.sent_bytes.value());
        self.active_connections.add(other.active_connections.value());
        self.handshakes.absorb(&other.handshakes);
        self.resumed.add(other.resumed.value());
    }
}

/// One worker's pool of one backend.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ClusterSeries {
    key: Tally,
    pub idle_connections: Level,
    pub active_requests: Level,
    pub hits: Tally,
    pub misses: Tally,
    /// Streams of HTTP/2 that are open, and the connections for them.
    pub streams: Level,
    pub h2_connections: Level,
    /// Retries that the budget did not let happen.
    pub retries_refused: Tally,
}

impl Series for ClusterSeries {
    fn key(&self) -> &Tally {
        &self.key
    }

    fn absorb(&self, other: &Self) {
        self.idle_connections.add(other.idle_connections.value());
        self.active_requests.add(other.active_requests.value());
        self.hits.add(other.hits.value());
        self.misses.add(other.misses.value());
        self.streams.add(other.streams.value());
        self.h2_connections.add(other.h2_connections.value());
        self.retries_refused.add(other.retries_refused.value());
    }
}

/// What one worker sent to one endpoint, of clusters that have a choice.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct EndpointSeries {
    key: Tally,
    pub requests: Tally,
    pub failures: Tally,
    pub active_requests: Level,
}

impl Series for EndpointSeries {
    fn key(&self) -> &Tally {
        &self.key
    }

    fn absorb(&self, other: &Self) {
        self.requests.add(other.requests.value());
        self.failures.add(other.failures.value());
        self.active_requests.add(other.active_requests.value());
    }
}
