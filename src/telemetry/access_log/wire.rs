//! A record as it lies in the ring: a fixed part, then the texts one after the other. Both ends are
//! this process, so the layout may change at will.

mod gen_ai;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::base::id::LabelsId;
use crate::limits::{LOG_FIELDS_BYTES_MAX, LOG_PATH_BYTES_MAX, LOG_TEXT_BYTES_MAX};
use crate::telemetry::access_log::Record;
use crate::telemetry::value::{HttpVersion, Reason};

/// The texts of a record, cut to their limits.
pub(super) struct Texts<'a> {
    kept: [&'a [u8]; TEXTS],
    cut_bytes: [u16; TEXTS],
    gen_ai_bytes: usize,
    fields: &'a [u8],
}

/// A record out of the ring, and how much was cut from each of its texts.
pub(super) struct Entry<'a> {
    pub(super) record: Record<'a>,
    /// By the places `METHOD` to `SUBJECT`.
    pub(super) cut_bytes: [u16; TEXTS],
}

impl<'a> Texts<'a> {
    #[inline]
    pub(super) fn of(record: &Record<'a>) -> Self {
        let Record { method, host, path, endpoint, trace_id, request_id, error, .. } = *record;
        let Record { identity, subject, .. } = *record;
        let mut texts = Self {
            kept: [method, host, path, endpoint, trace_id, request_id, error, identity, subject],
            cut_bytes: [0; TEXTS],
            gen_ai_bytes: gen_ai::bytes(record.gen_ai.as_ref()),
            fields: if record.fields.len() > LOG_FIELDS_BYTES_MAX { b"" } else { record.fields },
        };
        for (place, text) in texts.kept.iter_mut().enumerate() {
            let bytes_max = if place == PATH { LOG_PATH_BYTES_MAX } else { LOG_TEXT_BYTES_MAX };
            if text.len() > bytes_max {
                let cut = text.len() - bytes_max;
                texts.cut_bytes[place] = u16::try_from(cut).unwrap_or(u16::MAX);
                *text = &text[..bytes_max];
            }
        }
        texts
    }

    #[inline]
    pub(super) fn record_bytes(&self) -> usize {
        let texts = self.kept.iter().map(|text| text.len()).sum::<usize>();
        FIXED_BYTES + texts + self.gen_ai_bytes + self.fields.len()
    }
}

/// Writes a record over all of `out`, which has `texts.record_bytes()`.
#[inline]
pub(super) fn encode(record: &Record<'_>, texts: &Texts<'_>, out: &mut [u8]) {
    debug_assert_eq!(out.len(), texts.record_bytes(), "a record fills its room");
    let (ip, port, family) = match record.source {
        None => (Ipv6Addr::UNSPECIFIED, 0, NO_SOURCE),
        Some(address) => match address.ip().to_canonical() {
            IpAddr::V4(ip) => (ip.to_ipv6_mapped(), address.port(), IPV4),
            IpAddr::V6(ip) => (ip, address.port(), IPV6),
        },
    };
    let mut out = Cursor(out);
    out.put(record.unix_micros.to_ne_bytes());
    out.put(record.duration_nanos.to_ne_bytes());
    out.put(record.upstream_nanos.to_ne_bytes());
    out.put(record.received_bytes.to_ne_bytes());
    out.put(record.sent_bytes.to_ne_bytes());
    out.put(ip.octets());
    out.put(record.labels.0.to_ne_bytes());
    out.put(record.retries.to_ne_bytes());
    out.put(port.to_ne_bytes());
    out.put(record.status.to_ne_bytes());
    out.put(record.upstream_status.to_ne_bytes());
    let has_gen_ai = u8::from(record.gen_ai.is_some());
    out.put([family, record.reason as u8, record.version as u8, has_gen_ai]);
    for (text, cut) in texts.kept.iter().zip(texts.cut_bytes) {
        // Both limits are below 64 KiB.
        out.put((text.len() as u16).to_ne_bytes());
        out.put(cut.to_ne_bytes());
    }
    for text in texts.kept {
        out.put_text(text);
    }
    if let Some(part) = &record.gen_ai {
        gen_ai::encode(part, &mut out);
    }
    out.put((texts.fields.len() as u16).to_ne_bytes());
    out.put_text(texts.fields);
}

/// Reads what `encode` wrote. `None` means that the bytes are none of ours.
pub(super) fn decode(bytes: &[u8]) -> Option<Entry<'_>> {
    let mut input = bytes;
    let unix_micros = u64::from_ne_bytes(take(&mut input)?);
    let duration_nanos = u64::from_ne_bytes(take(&mut input)?);
    let upstream_nanos = u64::from_ne_bytes(take(&mut input)?);
    let received_bytes = u64::from_ne_bytes(take(&mut input)?);
    let sent_bytes = u64::from_ne_bytes(take(&mut input)?);
    let ip = Ipv6Addr::from(take::<16>(&mut input)?);
    let labels = LabelsId(u32::from_ne_bytes(take(&mut input)?));
    let retries = u32::from_ne_bytes(take(&mut input)?);
    let port = u16::from_ne_bytes(take(&mut input)?);
    let status = u16::from_ne_bytes(take(&mut input)?);
    let upstream_status = u16::from_ne_bytes(take(&mut input)?);
    let [family, reason, version, has_gen_ai] = take(&mut input)?;
    let source = match family {
        NO_SOURCE => None,
        IPV4 => Some(SocketAddr::new(ip.to_canonical(), port)),
        _ => Some(SocketAddr::new(IpAddr::V6(ip), port)),
    };
    let mut lengths = [(0, 0); TEXTS];
    for length in &mut lengths {
        let kept = u16::from_ne_bytes(take(&mut input)?);
        *length = (usize::from(kept), u16::from_ne_bytes(take(&mut input)?));
    }
    let mut texts: [&[u8]; TEXTS] = [&[]; TEXTS];
    for (text, (kept, _)) in texts.iter_mut().zip(lengths) {
        (*text, input) = input.split_at_checked(kept)?;
    }
    let gen_ai = match has_gen_ai {
        0 => None,
        _ => Some(gen_ai::decode(&mut input)?),
    };
    let len = u16::from_ne_bytes(take(&mut input)?);
    let (fields, input) = input.split_at_checked(usize::from(len))?;
    let [method, host, path, endpoint, trace_id, request_id, error, identity, subject] = texts;
    let record = Record {
        unix_micros,
        duration_nanos,
        labels,
        reason: Reason::from_index(usize::from(reason))?,
        source,
        endpoint,
        method,
        host,
        path,
        version: HttpVersion::from_index(usize::from(version))?,
        status,
        trace_id,
        request_id,
        error,
        received_bytes,
        sent_bytes,
        identity,
        subject,
        upstream_status,
        upstream_nanos,
        retries,
        gen_ai,
        fields,
    };
    let cut_bytes = lengths.map(|(_, cut)| cut);
    input.is_empty().then_some(Entry { record, cut_bytes })
}

/// What is left to be written.
struct Cursor<'a>(&'a mut [u8]);

impl Cursor<'_> {
    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.put_text(&bytes);
    }

    #[inline]
    fn put_text(&mut self, bytes: &[u8]) {
        let (now, later) = std::mem::take(&mut self.0).split_at_mut(bytes.len());
        now.copy_from_slice(bytes);
        self.0 = later;
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}

const TEXTS: usize = 9;
pub(super) const METHOD: usize = 0;
pub(super) const HOST: usize = 1;
pub(super) const PATH: usize = 2;
pub(super) const ENDPOINT: usize = 3;
pub(super) const TRACE_ID: usize = 4;
pub(super) const REQUEST_ID: usize = 5;
pub(super) const ERROR: usize = 6;
pub(super) const IDENTITY: usize = 7;
pub(super) const SUBJECT: usize = 8;
/// Five numbers of 8 bytes, an address, two of 4, three of 2, four bytes, two lengths a text, one of
/// the fields.
const FIXED_BYTES: usize = 5 * 8 + 16 + 2 * 4 + 3 * 2 + 4 + TEXTS * 4 + 2;
const NO_SOURCE: u8 = 0;
const IPV4: u8 = 4;
const IPV6: u8 = 6;
const _: () = assert!(LOG_FIELDS_BYTES_MAX < 65536);
const _: () = assert!(LOG_PATH_BYTES_MAX < 65536 && LOG_TEXT_BYTES_MAX < 65536);
