//! Records: every split, their sizes, their room, and what is wrong with them.

use super::*;
use crate::base::random::Random;
use crate::limits::{
    BUFFER_HEADROOM_BYTES, KIB, MIB, TLS_HANDSHAKE_BYTES_MAX, TLS_OVERHEAD_BYTES_MAX,
    TLS_SMALL_RECORD_BYTES, TLS_SMALL_RECORDS_BYTES,
};

fn pair(version: Version) -> (End, End) {
    let client = client_config(&ClientSettings { parameters: only(version), ..client() }).unwrap();
    joined(&make(&server()), &client)
}

fn below(random: &Random, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn any_split_shakes_hands_and_carries_the_same() {
    let text = pattern(40 * KIB);
    let config = make(&server());
    for version in [Version::Tls12, Version::Tls13] {
        let settings = ClientSettings { parameters: only(version), ..client() };
        let client_config = client_config(&settings).unwrap();
        for cut in [1, 2, 3, 5, 7, 64, 1000, 16 * KIB, usize::MAX] {
            let mut client = End::client(&client_config, "example.com");
            let mut server = End::server(&config);
            join(&mut client, &mut server, cut).unwrap();
            assert_eq!((client.established, server.established), (1, 1), "cut {cut}");
            let wire = client.sealed(&text);
            wire.chunks(cut).for_each(|piece| assert_eq!(server.feed(piece), Ok(Step::NeedRead)));
            assert!(server.heard == text, "{version:?} cut {cut}");
        }
    }
}

#[test]
fn a_mebibyte_both_ways_in_random_cuts() {
    let text = pattern(MIB);
    for (version, seed) in [(Version::Tls12, 1), (Version::Tls13, 2)] {
        let random = Random::seeded(seed);
        let (mut client, mut server) = pair(version);
        let (up, down) = (client.sealed(&text), server.sealed(&text));
        for (wire, end) in [(up, &mut server), (down, &mut client)] {
            let mut rest = &wire[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(1 + below(&random, rest.len().min(30_000)));
                end.feed(piece).unwrap();
                rest = after;
            }
            assert!(end.heard == text, "{version:?}");
        }
    }
}

#[test]
fn first_records_are_small_and_later_ones_full() {
    let overhead = |version| if version == Version::Tls13 { 17 } else { 24 };
    for version in [Version::Tls12, Version::Tls13] {
        let (mut client, _) = pair(version);
        let wire = client.sealed(&pattern(TLS_SMALL_RECORDS_BYTES + 40 * KIB));
        let small = TLS_SMALL_RECORDS_BYTES / TLS_SMALL_RECORD_BYTES;
        let mut expected = vec![TLS_SMALL_RECORD_BYTES; small];
        expected.extend([16 * KIB, 16 * KIB, 8 * KIB]);
        let lengths = record_lengths(&wire);
        let plain: Vec<_> = lengths.iter().map(|length| length - overhead(version)).collect();
        // An output buffer of 20 KiB cuts no record: what does not fit goes with the next.
        assert_eq!(plain, expected, "{version:?}");
        client.session.rest();
        assert_eq!(record_lengths(&client.sealed(&pattern(5000)))[0], 4096 + overhead(version));
        // A small write is one record.
        assert_eq!(record_lengths(&client.sealed(b"x")).len(), 1);
    }
}

#[test]
fn records_are_cut_to_the_room_there_is() {
    let (mut client, mut server) = pair(Version::Tls13);
    let text = pattern(4096);
    let mut out = Buffer::with_capacity(1000);
    let count = client.session.seal(&text, &mut out).unwrap();
    assert_eq!(count, 1000 - TLS_OVERHEAD_BYTES_MAX);
    assert_eq!(client.session.seal(&text, &mut out), Ok(0), "no room, no record");
    assert_eq!(out.capacity(), Buffer::with_capacity(1000).capacity(), "it did not grow");
    server.feed(out.filled()).unwrap();
    assert_eq!(server.heard, text[..count]);
    let mut tiny = Buffer::with_capacity(100);
    assert_eq!(client.session.seal(&text, &mut tiny), Ok(0), "not in crumbs");
}

#[test]
fn a_record_without_room_stays_as_it_came() {
    let (mut client, mut server) = pair(Version::Tls13);
    let text = pattern(3 * 4096);
    let wire = client.sealed(&text);
    server.input.put(&wire);
    let (before, mut out) = (server.input.len(), Buffer::with_capacity(100));
    let step = server.session.advance(&mut server.input, &mut out, None);
    assert_eq!((step, server.input.len()), (Ok(Step::NeedRoom), before));
    let mut plain = Buffer::with_capacity(2 * 4096);
    let step = server.session.advance(&mut server.input, &mut out, Some(&mut plain));
    assert_eq!((step, plain.filled()), (Ok(Step::Plain(2 * 4096)), &text[..2 * 4096]));
    let step = server.session.advance(&mut server.input, &mut out, Some(&mut plain));
    assert_eq!(step, Ok(Step::NeedRoom), "the third waits");
    plain.clear();
    let step = server.session.advance(&mut server.input, &mut out, Some(&mut plain));
    assert_eq!((step, plain.filled()), (Ok(Step::Plain(4096)), &text[2 * 4096..]));
    assert!(server.input.is_empty());
}

#[test]
fn an_input_buffer_that_is_too_small_grows_to_one_record() {
    let (mut client, mut server) = pair(Version::Tls13);
    client.sealed(&pattern(TLS_SMALL_RECORDS_BYTES)).chunks(9000).for_each(|piece| {
        server.feed(piece).unwrap();
    });
    let wire = client.sealed(&pattern(16 * KIB));
    assert_eq!(record_lengths(&wire).len(), 1);
    server.input = Buffer::with_capacity(1024);
    wire.chunks(1000).for_each(|piece| {
        assert!(server.input.spare() > 0, "whoever is told to read has room for it");
        server.feed(piece).unwrap();
    });
    assert_eq!(server.heard.len(), TLS_SMALL_RECORDS_BYTES + 16 * KIB);
}

#[test]
fn close_notify_ends_one_direction() {
    for version in [Version::Tls12, Version::Tls13] {
        let (mut client, mut server) = pair(version);
        let mut wire = client.sealed(b"the last");
        client.session.close(&mut client.out);
        client.session.close(&mut client.out);
        wire.extend(client.sent());
        wire.extend(b"whatever comes behind it");
        assert_eq!(client.session.seal(b"more", &mut client.out), Ok(0), "nothing after it");
        for piece in wire.chunks(9) {
            server.feed(piece).unwrap();
        }
        assert_eq!(server.heard, b"the last");
        assert_eq!((server.advance(), server.session.peer_closed()), (Ok(Step::PeerClosed), true));
        assert_eq!((server.session.ended(), server.input.len()), (Ok(()), 0));
        let wire = server.sealed(b"the answer");
        client.feed(&wire).unwrap();
        assert_eq!(client.heard, b"the answer", "the other direction goes on");
        let ended = client.session.ended();
        assert_eq!(ended, Err(TlsError::Record(RecordFailure::Truncated)), "cut off");
    }
}

#[test]
fn what_is_not_tls_is_refused_at_once() {
    let config = make(&server());
    let not_tls = Err(TlsError::Handshake(HandshakeFailure::NotTls));
    let malformed = Err(TlsError::Handshake(HandshakeFailure::Malformed));
    let cases: [(&[u8], Result<Step, TlsError>); 8] = [
        (b"GET / HTTP/1.1\r\n", not_tls),
        (b"\x80\x2e\x01\x00\x02", not_tls), // SSL 2
        (b"\x16\x02", not_tls),
        (b"\x16\x03\x01\xff\xff", not_tls),
        (b"\x16\x03\x01\x00\x00", not_tls),
        (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", malformed),
        (b"\x17\x03\x03\x00\x03abc", malformed),
        (b"\x14\x03\x03\x00\x01\x01", malformed),
    ];
    for (bytes, expected) in cases {
        assert_eq!(End::server(&config).feed(bytes), expected, "{}", bytes.escape_ascii());
    }
    let mut half = End::server(&config);
    assert_eq!(half.feed(b"\x16\x03\x01\x00\x50\x01\x00"), Ok(Step::NeedRead));
    let closed = Err(TlsError::Handshake(HandshakeFailure::Closed));
    assert_eq!(half.session.ended(), closed);
}

#[test]
fn a_client_of_tls_1_1_is_told_so() {
    let mut hello = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x02".to_vec();
    hello.extend([7; 32]);
    hello.extend(b"\x00\x00\x02\xc0\x0a\x01\x00");
    let mut server = End::server(&make(&server()));
    let failure = TlsError::Handshake(HandshakeFailure::NoSharedVersion);
    assert_eq!(server.feed(&hello), Err(failure));
    assert!(!server.out.is_empty(), "an alert");
}

#[test]
fn a_handshake_without_end_is_refused() {
    let mut server = End::server(&make(&server()));
    // One hello that says it has 60,000 bytes, in records of one byte.
    let mut result = server.feed(b"\x16\x03\x01\x00\x04\x01\x00\xea\x60");
    let mut bytes = 9;
    while result == Ok(Step::NeedRead) && bytes < 2 * TLS_HANDSHAKE_BYTES_MAX {
        result = server.feed(b"\x16\x03\x01\x00\x01\x00");
        bytes += 6;
    }
    assert_eq!(result, Err(TlsError::Handshake(HandshakeFailure::Oversized)));
    let capacity = server.input.capacity() - BUFFER_HEADROOM_BYTES;
    assert!(capacity <= 2 * TLS_HANDSHAKE_BYTES_MAX, "{capacity}");
}

#[test]
fn a_certificate_larger_than_the_buffers_is_shown() {
    let names: Vec<_> = (0..1200).map(|at| format!("number-{at}.example.com")).collect();
    let names: Vec<_> = ["example.com"].into_iter().chain(names.iter().map(|n| &**n)).collect();
    let default = Some(OURS.issue(&names).load());
    let config = make(&ServerSettings { default, ..server() });
    for cut in [100, 4096, usize::MAX] {
        // Settings of its own: a resumed session shows no certificate.
        let client_config = client_config(&client()).unwrap();
        let (mut client, mut server) =
            (End::client(&client_config, "example.com"), End::server(&config));
        let handshake = join(&mut client, &mut server, cut);
        assert_eq!((handshake, client.established), (Ok(()), 1), "cut {cut}");
        assert!(
            server.out.capacity() > TLS_READ_BYTES + BUFFER_HEADROOM_BYTES,
            "{} {cut}",
            server.out.capacity()
        );
    }
}

#[test]
fn garbage_in_a_session_breaks_it_with_an_alert() {
    for version in [Version::Tls12, Version::Tls13] {
        let (mut client, mut server) = pair(version);
        let mut wire = client.sealed(b"hello");
        *wire.last_mut().unwrap() ^= 1;
        let bad = Err(TlsError::Record(RecordFailure::BadRecord));
        assert_eq!(server.feed(&wire), bad);
        let alert = server.sent();
        assert_eq!(record_lengths(&alert).len(), 1, "bad_record_mac");
        let heard = Err(TlsError::Record(RecordFailure::Alert(20)));
        assert_eq!(client.feed(&alert), heard);
        assert!(server.session.seal(b"more", &mut server.out).is_err());
        assert!(server.advance().is_err(), "and stays broken");
    }
}

#[test]
fn what_came_before_the_garbage_is_delivered_first() {
    let (mut client, mut server) = pair(Version::Tls13);
    server.input.put(&client.sealed(b"good"));
    server.input.put(b"bad");
    let (mut plain, mut out) = (Buffer::with_capacity(100), Buffer::with_capacity(100));
    let mut advance = || server.session.advance(&mut server.input, &mut out, Some(&mut plain));
    assert_eq!(advance(), Ok(Step::Plain(4)));
    assert_eq!(advance(), Err(TlsError::Record(RecordFailure::BadRecord)));
    assert_eq!(plain.filled(), b"good");
}

#[test]
fn random_bytes_never_panic() {
    let config = make(&server());
    for seed in 0..2000 {
        let random = Random::seeded(seed);
        let (mut client, mut server) = if seed % 2 == 0 {
            let client = client_config(&client()).unwrap();
            (End::client(&client, "example.com"), End::server(&config))
        } else {
            pair(if seed % 4 == 1 { Version::Tls12 } else { Version::Tls13 })
        };
        let _ = client.advance();
        let mut wire = client.sent();
        if seed % 2 == 1 {
            wire = client.sealed(&pattern(300));
        }
        for _ in 0..1 + random.below(4) {
            let at = below(&random, wire.len());
            wire[at] = random.below(256) as u8;
        }
        let _ = server.feed(&wire);
        let _ = server.session.seal(b"answer", &mut server.out);
        server.session.close(&mut server.out);
        let _ = client.feed(&server.sent());
        if seed == 200 {
            break;
        }
    }
}
