//! The record of one exchange, and the line it becomes. On the worker it is borrowed, and copied
//! once, as bytes, into the worker's log ring; the log writer's thread makes the line. The line is
//! agentgateway's, key for key, with a few keys of ours. Refuses to grow: long texts are cut, with
//! a mark; a full ring drops the record and the shard counts that.

pub mod fields;
pub mod line;
mod wire;

use std::cell::RefCell;
use std::net::SocketAddr;

use crate::base::id::LabelsId;
use crate::base::ring::{Consumer, Producer, ring};
use crate::limits::LOG_RING_BYTES;
use crate::telemetry::shard::Shard;
use crate::telemetry::value::{Counter, HttpVersion, Reason};

/// All that is logged of one exchange. What is empty, zero or `None` is left out of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When the exchange ended, since the epoch.
    pub unix_micros: u64,
    pub duration_nanos: u64,
    /// Gateway, listener, route, rule and protocol.
    pub labels: LabelsId,
    pub reason: Reason,
    pub source: Option<SocketAddr>,
    /// The address of the upstream endpoint.
    pub endpoint: &'a [u8],
    pub method: &'a [u8],
    pub host: &'a [u8],
    pub path: &'a [u8],
    pub version: HttpVersion,
    pub status: u16,
    pub trace_id: &'a [u8],
    pub request_id: &'a [u8],
    /// What went wrong, in words of ours.
    pub error: &'a [u8],
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// Who the client is by its certificate: its SPIFFE id, and whom the certificate names.
    pub identity: &'a [u8],
    pub subject: &'a [u8],
    /// What the upstream answered, and how long it took to the head of its answer.
    pub upstream_status: u16,
    pub upstream_nanos: u64,
    pub retries: u32,
    /// Of a request for a model.
    pub gen_ai: Option<GenAiPart<'a>>,
    /// What the configuration asks for besides: `fields`.
    pub fields: &'a [u8],
}

/// Who was asked for what, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenAiPart<'a> {
    pub operation: &'a [u8],
    pub provider: &'a [u8],
    pub request_model: &'a [u8],
    pub response_model: &'a [u8],
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_written: Option<u64>,
    pub reasoning: Option<u64>,
    pub first_token_nanos: Option<u64>,
    pub each_token_nanos: Option<u64>,
    /// In 10^-9 dollars.
    pub cost_nanos: Option<u64>,
    /// What was asked and what was answered, where the configuration wants that in the log.
    pub prompt: &'a [u8],
    pub completion: &'a [u8],
}

/// One worker's end of the access log.
pub struct Recorder {
    ring: RefCell<Producer>,
}

/// A worker's end and the log writer's.
pub fn recorder() -> (Recorder, Consumer) {
    recorder_of(LOG_RING_BYTES)
}

/// The same, with a ring of `bytes`, a power of two.
pub fn recorder_of(bytes: usize) -> (Recorder, Consumer) {
    let (producer, consumer) = ring(bytes);
    (Recorder { ring: RefCell::new(producer) }, consumer)
}

impl Recorder {
    /// Puts the record into the ring, or counts it as dropped.
    #[inline]
    pub fn record(&self, record: &Record<'_>, shard: &Shard) {
        let texts = wire::Texts::of(record);
        let pushed = self
            .ring
            .borrow_mut()
            .push(texts.record_bytes(), |bytes| wire::encode(record, &texts, bytes));
        if !pushed {
            shard.add(Counter::AccessRecordsDropped, 1);
        }
    }
}

#[cfg(test)]
mod tests;
