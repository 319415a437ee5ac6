//! What the other test files share: a peer made of raw frames, and the plainest exchanges.

use super::*;
use crate::proto::http2::frame::{END_HEADERS, END_STREAM, u32_at};

pub(super) const SETTINGS: u8 = 4;
pub(super) const NOW: Instant = Instant::from_nanos(1_000_000_000);

/// An event that owns its bytes. Pieces of one body are one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    Head(u32, HeadKind, Vec<u8>, bool),
    Discarded(Vec<u8>),
    Body(u32, Vec<u8>, bool),
    Reset(u32, ErrorCode, bool),
    Unprocessed(u32),
    GoAway(u32, ErrorCode),
    Settings(PeerSettings),
    SettingsTaken,
}

pub(super) fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub(super) fn head(stream: u32, end: bool) -> Vec<u8> {
    raw(1, END_HEADERS | (u8::from(end) * END_STREAM), stream, b"block")
}

pub(super) fn body(stream: u32, bytes: &[u8], end: bool) -> Vec<u8> {
    raw(0, u8::from(end) * END_STREAM, stream, bytes)
}

pub(super) fn reset(stream: u32, code: u32) -> Vec<u8> {
    raw(3, 0, stream, &code.to_be_bytes())
}

pub(super) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    raw(8, 0, stream, &increment.to_be_bytes())
}

pub(super) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let values = values.iter().flat_map(|(id, value)| {
        id.to_be_bytes().into_iter().chain(value.to_be_bytes()).collect::<Vec<_>>()
    });
    raw(SETTINGS, 0, 0, &values.collect::<Vec<_>>())
}

/// How a connection starts, for an engine in this role.
pub(super) fn hello(role: Role) -> Vec<u8> {
    let preface = if role == Role::Server { &PREFACE[..] } else { &[] };
    [preface, &settings(&[])].concat()
}

/// An engine whose greetings are over.
pub(super) fn started(role: Role, settings: &Settings) -> Connection {
    let mut connection = Connection::new(role, settings, NOW);
    let input = [hello(role), raw(SETTINGS, 1, 0, b"")].concat();
    let (seen, outcome) = feed(&mut connection, &[&input]);
    assert_eq!((seen.len(), outcome), (2, Ok(())));
    written(&mut connection);
    connection
}

/// Feeds the pieces as a driver does, and gives back every body at once.
pub(super) fn feed(
    connection: &mut Connection,
    pieces: &[&[u8]],
) -> (Vec<Seen>, Result<(), ConnectionError>) {
    feed_at(connection, pieces, NOW, true)
}

pub(super) fn feed_at(
    connection: &mut Connection,
    pieces: &[&[u8]],
    now: Instant,
    release: bool,
) -> (Vec<Seen>, Result<(), ConnectionError>) {
    let mut seen = Vec::new();
    let mut pending = Vec::new();
    for piece in pieces {
        pending.extend_from_slice(piece);
        loop {
            let advanced = match connection.advance(&pending, now) {
                Ok(advanced) => advanced,
                Err(error) => return (seen, Err(error)),
            };
            let Advanced { consumed, event } = advanced;
            let more = event.is_some();
            let consumable = event.and_then(|event| note(&mut seen, event));
            if let Some((stream, bytes)) = consumable.filter(|_| release) {
                connection.release(stream, bytes);
            }
            pending.drain(..consumed);
            if !more {
                break;
            }
        }
        assert!(pending.len() <= crate::limits::H2_INPUT_BYTES_KEPT_MAX, "{}", pending.len());
    }
    (seen, Ok(()))
}

/// Adds an event to those seen; says what of a body it was.
fn note(seen: &mut Vec<Seen>, event: Event<'_>) -> Option<(StreamKey, usize)> {
    seen.push(match event {
        Event::Head { stream, kind, block, end } => {
            Seen::Head(stream.id, kind, block.to_vec(), end)
        }
        Event::Discarded { block } => Seen::Discarded(block.to_vec()),
        Event::Body { stream, bytes, end } => {
            if let Some(Seen::Body(id, before, ended @ false)) = seen.last_mut()
                && *id == stream.id
            {
                before.extend_from_slice(bytes);
                *ended = end;
            } else {
                seen.push(Seen::Body(stream.id, bytes.to_vec(), end));
            }
            return Some((stream, bytes.len()));
        }
        Event::Reset { stream, code, by_peer } => Seen::Reset(stream.id, code, by_peer),
        Event::Unprocessed { stream } => Seen::Unprocessed(stream.id),
        Event::GoAway { last, code } => Seen::GoAway(last, code),
        Event::Settings(peer) => Seen::Settings(peer),
        Event::SettingsTaken => Seen::SettingsTaken,
    });
    None
}

/// A frame that was written: type, flags, stream, payload.
pub(super) type Frame = (u8, u8, u32, Vec<u8>);

pub(super) fn written(connection: &mut Connection) -> Vec<Frame> {
    let mut out = Vec::new();
    connection.swap_out(&mut out);
    frames(&out)
}

pub(super) fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut rest = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = u32_at(rest, 0) as usize >> 8;
        let (frame, others) = rest.split_at(FRAME_HEAD_BYTES + length);
        let payload = frame[FRAME_HEAD_BYTES..].to_vec();
        found.push((frame[3], frame[4], u32_at(frame, 5), payload));
        rest = others;
    }
    found
}

pub(super) fn resets(frames: &[Frame]) -> Vec<(u32, ErrorCode)> {
    let resets = frames.iter().filter(|(kind, ..)| *kind == 3);
    resets.map(|(_, _, stream, payload)| (*stream, ErrorCode(u32_at(payload, 0)))).collect()
}

pub(super) fn key(connection: &Connection, id: u32) -> StreamKey {
    connection.streams.find(id).expect("the stream is live")
}

#[test]
fn a_server_answers_a_request() {
    let mut server = Connection::new(Role::Server, &Settings::default(), NOW);
    let greeting = written(&mut server);
    assert_eq!((greeting[0].0, greeting[0].2), (SETTINGS, 0));
    let window = (1 << 20) - 65_535_u32;
    assert_eq!(greeting[1], (8, 0, 0, window.to_be_bytes().to_vec()));

    let input = [hello(Role::Server), head(1, false), body(1, b"hello", true)].concat();
    let (seen, outcome) = feed(&mut server, &[&input]);
    assert_eq!(outcome, Ok(()));
    assert_eq!(seen[1], Seen::Head(1, HeadKind::Message, b"block".to_vec(), false));
    assert_eq!(seen[2], Seen::Body(1, b"hello".to_vec(), true));
    assert_eq!(seen.len(), 3);

    let stream = key(&server, 1);
    assert!(server.send_head(stream, b"answer", false));
    assert_eq!(server.send_body(stream, b"world", true), 5);
    server.ended(stream);
    assert_eq!(server.live(), 0);
    assert!(!server.can_send(stream));
    let expected = vec![
        (SETTINGS, 1, 0, vec![]),
        (1, END_HEADERS, 1, b"answer".to_vec()),
        (0, END_STREAM, 1, b"world".to_vec()),
    ];
    assert_eq!(written(&mut server), expected);
}

#[test]
fn a_client_asks_and_is_answered() {
    let mut client = Connection::new(Role::Client, &Settings::default(), NOW);
    assert!(client.out().starts_with(PREFACE));
    let stream = client.open(b"ask", true).expect("a fresh connection has room");
    assert_eq!(stream.id, 1);
    let interim = head(1, false);
    let (seen, outcome) = feed(&mut client, &[&[hello(Role::Client), interim].concat()]);
    assert_eq!((seen.len(), outcome), (2, Ok(())));
    let (seen, _) = feed(&mut client, &[&head(1, false)]);
    assert_eq!(seen, [Seen::Head(1, HeadKind::Message, b"block".to_vec(), false)]);
    client.head_is_final(stream);
    let (seen, _) = feed(&mut client, &[&body(1, b"x", false), &head(1, true)]);
    let trailers = Seen::Head(1, HeadKind::Trailers, b"block".to_vec(), true);
    assert_eq!(seen, [Seen::Body(1, b"x".to_vec(), false), trailers]);
    client.ended(stream);
    assert_eq!(client.live(), 0);
    assert!(resets(&written(&mut client)).is_empty());
}

#[test]
fn a_large_block_is_split_at_the_frame_size() {
    let mut server = started(Role::Server, &Settings::default());
    feed(&mut server, &[&head(1, true)]).1.expect("allowed");
    let stream = key(&server, 1);
    server.send_head(stream, &[7; 40_000], true);
    let kinds: Vec<_> =
        written(&mut server).into_iter().map(|(k, f, _, p)| (k, f, p.len())).collect();
    assert_eq!(kinds, [(1, END_STREAM, 16_384), (9, 0, 16_384), (9, END_HEADERS, 7_232)]);
}

#[test]
fn every_split_gives_the_same_events() {
    let padded = raw(0, frame::PADDED, 1, b"\x03tail\0\0\0");
    let mut prioritised = vec![2, 0, 0, 0, 9, 16];
    prioritised.extend(b"frag\0\0");
    let flags = frame::PADDED | frame::PRIORITY;
    let input = [
        hello(Role::Server),
        raw(1, flags, 1, &prioritised),
        raw(9, 0, 1, b""),
        raw(9, END_HEADERS, 1, b"ment"),
        body(1, b"hello", false),
        padded,
        raw(0x10, 0, 0, b"unknown"),
        raw(6, 0, 0, b"12345678"),
        head(1, true),
        head(3, true),
        reset(3, 8),
        window_update(1, 5),
        raw(7, 0, 0, b"\0\0\0\0\0\0\0\0debug"),
    ]
    .concat();
    let run = |pieces: &[&[u8]]| {
        let mut server = Connection::new(Role::Server, &Settings::default(), NOW);
        let (seen, outcome) = feed(&mut server, pieces);
        assert_eq!(outcome, Ok(()));
        (seen, server.out().to_vec())
    };
    let whole = run(&[&input]);
    assert_eq!(whole.0[1], Seen::Head(1, HeadKind::Message, b"fragment".to_vec(), false));
    assert_eq!(whole.0[2], Seen::Body(1, b"hellotail".to_vec(), false));
    assert_eq!(whole.0.len(), 7);
    for cut in 0..=input.len() {
        assert_eq!(run(&[&input[..cut], &input[cut..]]), whole, "split at {cut}");
    }
    assert_eq!(run(&input.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
}

#[test]
fn a_warm_connection_takes_no_more_memory() {
    let mut server = started(Role::Server, &Settings::default());
    let mut spare = Vec::new();
    let held = |server: &Connection, spare: &Vec<u8>| {
        (server.out.capacity(), spare.capacity(), server.streams.capacities())
    };
    let mut warm = None;
    for n in 0..2_000 {
        let ids = [4 * n + 1, 4 * n + 3];
        let input = ids.map(|id| [head(id, false), body(id, &[1; 100], true)].concat()).concat();
        feed(&mut server, &[&input]).1.expect("allowed");
        for id in ids {
            let stream = key(&server, id);
            server.send_head(stream, b"answer", false);
            server.send_body(stream, &[2; 1000], true);
            server.ended(stream);
        }
        server.swap_out(&mut spare);
        let now = held(&server, &spare);
        match warm {
            Some(before) => assert_eq!(now, before, "exchange {n}"),
            // Both buffers were used by then, and windows were given back.
            None if n == 999 => warm = Some(now),
            None => {}
        }
    }
    assert_eq!(server.live(), 0);
}
