use super::wire::{HOST, PATH, Texts, decode, encode};
use super::*;
use crate::base::id::WorkerId;
use crate::limits::{LOG_PATH_BYTES_MAX, LOG_TEXT_BYTES_MAX};

pub(super) const RECORD: Record<'static> = Record {
    unix_micros: 1_795_201_620_123_456,
    duration_nanos: 2_345_678,
    labels: LabelsId(0),
    reason: Reason::Upstream,
    source: None,
    endpoint: b"10.0.0.1:9000",
    method: b"GET",
    host: b"example.com",
    path: b"/a?b=c",
    version: HttpVersion::Http11,
    status: 200,
    trace_id: b"",
    request_id: b"",
    error: b"",
    received_bytes: 0,
    sent_bytes: 1024,
    identity: b"",
    subject: b"",
    upstream_status: 200,
    upstream_nanos: 1_234_567,
    retries: 0,
    gen_ai: None,
    fields: b"",
};

pub(super) fn encoded(record: &Record<'_>) -> Vec<u8> {
    let texts = Texts::of(record);
    let mut bytes = vec![0xEE; texts.record_bytes()];
    encode(record, &texts, &mut bytes);
    bytes
}

#[test]
fn a_record_comes_back_as_it_was() {
    let busy = Record {
        unix_micros: u64::MAX,
        duration_nanos: u64::MAX - 1,
        labels: LabelsId(u32::MAX),
        reason: Reason::UpstreamFailure,
        source: Some("[2001:db8::1]:65535".parse().unwrap()),
        endpoint: b"unix:/run/x",
        method: b"M-SEARCH",
        host: b"",
        path: b"\xff\x00",
        version: HttpVersion::None,
        status: 999,
        trace_id: b"0af7651916cd43dd8448eb211c80319c",
        request_id: b"id",
        error: b"upstream call failed",
        received_bytes: 1,
        sent_bytes: 2,
        identity: b"spiffe://a/b",
        subject: b"O=c,CN=d",
        upstream_status: 3,
        upstream_nanos: 4,
        retries: 5,
        gen_ai: Some(GenAiPart {
            operation: b"chat",
            provider: b"openai",
            request_model: b"gpt-6",
            response_model: b"",
            input: Some(0),
            output: Some(7),
            cache_read: None,
            cache_written: Some(u64::MAX - 1),
            reasoning: Some(3),
            first_token_nanos: Some(5),
            each_token_nanos: None,
            cost_nanos: Some(6),
            prompt: b"[{\"role\":\"user\"}]",
            completion: b"said",
        }),
        fields: b"\x01a\x01\x001",
    };
    let ipv4 = Record { source: Some("192.0.2.1:80".parse().unwrap()), ..RECORD };
    for record in [RECORD, busy, ipv4] {
        assert_eq!(decode(&encoded(&record)).unwrap().record, record);
    }
    // A mapped address is the IPv4 address that it means.
    let mapped = Record { source: Some("[::ffff:192.0.2.1]:80".parse().unwrap()), ..RECORD };
    assert_eq!(decode(&encoded(&mapped)).unwrap().record, ipv4);
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let bytes = encoded(&RECORD);
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).is_none(), "cut at {cut}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(decode(&longer).is_none());
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let long = vec![b'x'; 100_000];
    let record = Record { method: &long, host: &long, path: &long, error: &long, ..RECORD };
    let bytes = encoded(&record);
    let entry = decode(&bytes).unwrap();
    assert_eq!(entry.record.path.len(), LOG_PATH_BYTES_MAX);
    assert_eq!(entry.record.error.len(), LOG_TEXT_BYTES_MAX);
    assert_eq!(entry.cut_bytes[HOST], u16::MAX);
    let just_over = Record { path: &long[..LOG_PATH_BYTES_MAX + 1], ..RECORD };
    assert_eq!(decode(&encoded(&just_over)).unwrap().cut_bytes[PATH], 1);
    let just_fits = Record { path: &long[..LOG_PATH_BYTES_MAX], ..RECORD };
    assert_eq!(decode(&encoded(&just_fits)).unwrap().cut_bytes[PATH], 0);
}

#[test]
fn a_full_ring_drops_and_counts() {
    let shard = Shard::new(WorkerId(0));
    let (recorder, mut ring) = recorder_of(1024);
    for _ in 0..100 {
        recorder.record(&RECORD, &shard);
    }
    let kept = ring.drain(|bytes| assert!(decode(bytes).is_some()));
    assert!(kept > 0);
    assert_eq!(shard.counter(Counter::AccessRecordsDropped), 100 - kept as u64);
}

/// Run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn recording_takes_nanoseconds() {
    let shard = Shard::new(WorkerId(0));
    let (recorder, mut ring) = recorder();
    let record = Record { source: Some("192.0.2.1:80".parse().unwrap()), ..RECORD };
    let (mut spent, mut records) = (std::time::Duration::ZERO, 0);
    while records < 1_000_000 {
        let start = std::time::Instant::now();
        for _ in 0..1000 {
            recorder.record(std::hint::black_box(&record), &shard);
        }
        spent += start.elapsed();
        records += ring.drain(|_| ()) as u32;
    }
    assert_eq!(shard.counter(Counter::AccessRecordsDropped), 0);
    println!("{:?} a record", spent / records);
}
