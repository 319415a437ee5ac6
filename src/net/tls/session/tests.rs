use rustls::unbuffered::ConnectionState;

use super::super::tests::{End, client, joined, make, only, record_lengths, server};
use super::super::{ClientSettings, client_config};
use super::*;

#[test]
fn heads_of_records() {
    let cases: [(&[u8], Record); 14] = [
        (b"", Record::Partial(5)),
        (b"\x16", Record::Partial(4)),
        (b"\x16\x03\x01\x00", Record::Partial(1)),
        (b"\x16\x03\x01\x00\x02", Record::Partial(2)),
        (b"\x16\x03\x01\x00\x02a", Record::Partial(1)),
        (b"\x16\x03\x01\x00\x02ab", Record::Whole(7)),
        (b"\x16\x03\x01\x00\x02abc", Record::Whole(7)),
        (b"\x17\x03\x03\x00\x00", Record::Whole(5)),
        (b"\x17\x03\x03\x48\x00", Record::Partial(18432)),
        (b"\x17\x03\x03\x48\x01", Record::Garbage),
        (b"\x13", Record::Garbage),
        (b"\x19", Record::Garbage),
        (b"\x16\x04", Record::Garbage),
        (b"GET", Record::Garbage),
    ];
    for (input, expected) in cases {
        assert_eq!(framing::next(input), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn room_for_plaintext_is_asked_for_exactly() {
    use Version::{Tls12, Tls13};
    let cases = [
        (5 + 17 + 1, Tls13, 1),
        (5 + 16 + 1, Tls12, 1),
        (5 + 17 + 16384, Tls13, 16384),
        (5 + 17 + 16384 + 255, Tls13, 16384),
        (5 + 1, Tls13, 0),
    ];
    for (wire_bytes, version, expected) in cases {
        assert_eq!(framing::plain_bytes_max(wire_bytes, version), expected, "{wire_bytes}");
    }
}

/// Makes the client take new keys, and ask the server to do so too.
fn renew_keys(end: &mut End) {
    let Connection::Client(connection) = &mut end.session.connection else { panic!("a client") };
    let status = connection.process_tls_records(&mut []);
    let Ok(ConnectionState::WriteTraffic(traffic)) = status.state else { panic!("no session") };
    traffic.refresh_traffic_keys().unwrap();
}

#[test]
fn keys_change_in_the_middle() {
    let settings = ClientSettings { parameters: only(Version::Tls13), ..client() };
    let (mut client, mut server) = joined(&make(&server()), &client_config(&settings).unwrap());
    for round in 0..20_u8 {
        renew_keys(&mut client);
        let wire = client.sealed(&[round; 100]);
        wire.chunks(7).for_each(|piece| assert_eq!(server.feed(piece), Ok(Step::NeedRead)));
        assert_eq!(server.heard, [round; 100]);
        server.heard.clear();
        let wire = server.sealed(b"back");
        assert_eq!(record_lengths(&wire).len(), 2, "the answer to the change goes before it");
        client.feed(&wire).unwrap();
        assert_eq!(client.heard, b"back");
        client.heard.clear();
    }
}

#[test]
fn the_answer_to_a_key_change_finds_room() {
    let settings = ClientSettings { parameters: only(Version::Tls13), ..client() };
    let (mut client, mut server) = joined(&make(&server()), &client_config(&settings).unwrap());
    renew_keys(&mut client);
    let wire = client.sealed(b"hello");
    server.feed(&wire).unwrap();
    let text = [7; 4096];
    let (mut sealed, mut turns) = (0, 0);
    while sealed < text.len() {
        let mut out = Buffer::with_capacity(1000);
        sealed += server.session.seal(&text[sealed..], &mut out).unwrap();
        assert!(!out.is_empty(), "no turn is for nothing");
        client.feed(out.filled()).unwrap();
        turns += 1;
    }
    assert!(client.heard == text && turns <= 6, "{turns}");
}

#[test]
fn key_changes_without_end_are_refused() {
    let settings = ClientSettings { parameters: only(Version::Tls13), ..client() };
    let (mut client, mut server) = joined(&make(&server()), &client_config(&settings).unwrap());
    let mut changes = 0;
    let failure = loop {
        renew_keys(&mut client);
        assert_eq!(client.advance(), Ok(Step::NeedRead));
        let wire = client.sent();
        match server.feed(&wire) {
            Ok(_) => changes += 1,
            Err(failure) => break failure,
        }
        assert!(changes < 1000, "a flood");
        assert!(server.out.len() < 100 * (changes + 1), "answers do not pile up beyond a flood");
    };
    assert_eq!(failure, TlsError::Record(RecordFailure::Unexpected));
}

#[test]
fn a_session_is_small_in_a_stream() {
    assert!(size_of::<Session>() <= 80, "{}", size_of::<Session>());
}
