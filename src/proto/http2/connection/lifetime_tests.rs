//! Drains, signs of life, and what a client may open.

use std::time::Duration;

use super::tests::*;
use super::*;
use crate::proto::http2::frame::{END_HEADERS, STREAM_ID_MAX};

fn go_away(last: u32, code: ErrorCode) -> Frame {
    (7, 0, 0, [last.to_be_bytes(), code.0.to_be_bytes()].concat())
}

fn later(ms: u64) -> Instant {
    NOW.plus(Duration::from_millis(ms))
}

/// A server with one stream that is told to drain: what it wrote.
fn draining() -> (Connection, Vec<Frame>) {
    let mut server = started(Role::Server, &Settings::default());
    feed(&mut server, &[&head(1, false)]).1.expect("allowed");
    server.drain_begin(NOW);
    server.drain_begin(NOW);
    let frames = written(&mut server);
    assert_eq!(frames.len(), 2, "told once");
    assert_eq!(frames[0], go_away(STREAM_ID_MAX, ErrorCode::NO_ERROR));
    assert_eq!((frames[1].0, frames[1].1), (6, 0));
    (server, frames)
}

#[test]
fn a_drain_lets_in_what_is_under_way() {
    for answered in [true, false] {
        let (mut server, frames) = draining();
        assert_eq!(server.next_deadline(), Some(later(1000)));
        let (seen, _) = feed(&mut server, &[&head(3, true)]);
        assert!(matches!(seen[..], [Seen::Head(3, ..)]), "it was under way");
        if answered {
            feed(&mut server, &[&raw(6, 1, 0, &frames[1].3)]).1.expect("allowed");
        } else {
            server.tick(later(999)).expect("not yet");
            assert!(written(&mut server).is_empty());
            server.tick(later(1000)).expect("no error");
        }
        assert_eq!(written(&mut server), [go_away(3, ErrorCode::NO_ERROR)]);

        let late = [head(5, false), body(5, &[0; 100], true), window_update(5, 1)].concat();
        let (seen, outcome) = feed(&mut server, &[&late]);
        assert_eq!((seen, outcome), (vec![Seen::Discarded(b"block".to_vec())], Ok(())));
        assert!(written(&mut server).is_empty(), "the client knows by GOAWAY");

        let (seen, _) = feed(&mut server, &[&body(1, b"goes on", true)]);
        assert_eq!(seen, [Seen::Body(1, b"goes on".to_vec(), true)]);
        for id in [1, 3] {
            assert!(!server.is_drained());
            let stream = key(&server, id);
            server.send_head(stream, b"answer", true);
            server.ended(stream);
        }
        assert!(server.is_drained());
    }
}

#[test]
fn a_goaway_tells_which_requests_to_try_elsewhere() {
    let mut client = started(Role::Client, &Settings::default());
    let streams: Vec<_> = (0..5).map(|_| client.open(b"ask", false).expect("room")).collect();
    client.send_body(streams[4], b"begun", false);
    feed(&mut client, &[&head(3, true)]).1.expect("allowed");
    client.reset(streams[3], ErrorCode::CANCEL);
    let away = raw(7, 0, 0, b"\0\0\0\x03\0\0\0\0");
    let (seen, outcome) = feed(&mut client, &[&away]);
    assert_eq!(outcome, Ok(()));
    let gone = ErrorCode::NO_ERROR;
    assert_eq!(seen, [Seen::GoAway(3, gone), Seen::Unprocessed(5), Seen::Unprocessed(9)]);
    assert_eq!(client.open(b"ask", true), Err(Refused::Draining));
    assert!(client.can_send(streams[0]) && !client.can_send(streams[2]));
    let (seen, _) = feed(&mut client, &[&head(1, true)]);
    assert!(matches!(seen[..], [Seen::Head(1, ..)]));
    assert!(!client.is_drained());
    streams.iter().for_each(|&stream| client.ended(stream));
    assert!(client.is_drained());
}

#[test]
fn a_client_opens_what_both_sides_allow() {
    let mut client = Connection::new(Role::Client, &Settings::default(), NOW);
    let first = client.open(b"ask", true).expect("room");
    assert_eq!(first.id, 1);
    feed(&mut client, &[&settings(&[(3, 2)])]).1.expect("allowed");
    let second = client.open(b"ask", true).expect("room");
    assert_eq!(second.id, 3);
    assert_eq!(client.open(b"ask", true), Err(Refused::Full));
    client.ended(first);
    assert_eq!(resets(&written(&mut client)), [(1, ErrorCode::CANCEL)]);
    assert_eq!(client.check_vacancy(), Ok(()));
    client.drain_begin(NOW);
    assert_eq!(client.open(b"ask", true), Err(Refused::Draining));
    assert_eq!(written(&mut client), [go_away(0, ErrorCode::NO_ERROR)]);
    client.abort(ErrorCode::COMPRESSION_ERROR);
    assert_eq!(client.open(b"ask", true), Err(Refused::Failed));
    let error = client.failure().expect("it was given up");
    assert_eq!(error, ConnectionError::new(ErrorCode::COMPRESSION_ERROR, Reason::Compression));

    let mut client = started(Role::Client, &Settings::default());
    client.history.open(STREAM_ID_MAX - 2);
    assert_eq!(client.open(b"ask", true).map(|stream| stream.id), Ok(STREAM_ID_MAX));
    assert_eq!(client.open(b"ask", true), Err(Refused::IdsUsedUp));
}

#[test]
fn a_silent_peer_is_asked_for_a_sign_of_life() {
    let settings = Settings {
        keepalive_interval: Duration::from_secs(5),
        keepalive_timeout: Duration::from_secs(2),
        ..Settings::default()
    };
    let silent = || {
        let mut server = started(Role::Server, &settings);
        assert_eq!(server.next_deadline(), Some(later(5000)));
        server.tick(later(4999)).expect("not yet");
        assert!(written(&mut server).is_empty());
        server.tick(later(5000)).expect("alive, as far as we know");
        let frames = written(&mut server);
        assert!(matches!(frames[..], [(6, 0, 0, _)]));
        assert_eq!(server.next_deadline(), Some(later(7000)));
        (server, frames)
    };
    let (mut dead, _) = silent();
    let error = dead.tick(later(7000)).expect_err("no answer");
    assert_eq!(error, ConnectionError::new(ErrorCode::NO_ERROR, Reason::KeepaliveTimeout));
    assert_eq!(written(&mut dead), [go_away(0, ErrorCode::NO_ERROR)]);
    assert_eq!(dead.tick(later(7001)), Err(error));

    let (mut alive, frames) = silent();
    let answer = raw(6, 1, 0, &frames[0].3);
    feed_at(&mut alive, &[&answer], later(6000), true).1.expect("allowed");
    assert_eq!(alive.next_deadline(), Some(later(11_000)));

    let (mut busy, _) = silent();
    feed_at(&mut busy, &[&head(1, false)], later(6500), true).1.expect("allowed");
    busy.tick(later(8499)).expect("the answer stands behind other frames");
    busy.tick(later(8500)).expect_err("it never came");
}

#[test]
fn settings_are_acknowledged_in_time() {
    let mut server = Connection::new(Role::Server, &Settings::default(), NOW);
    feed(&mut server, &[&hello(Role::Server)]).1.expect("allowed");
    server.tick(later(9_999)).expect("not yet");
    let error = server.tick(later(10_000)).expect_err("no answer");
    let code = ErrorCode::SETTINGS_TIMEOUT;
    assert_eq!(error, ConnectionError::new(code, Reason::SettingsTimeout));
}

#[test]
fn work_that_ends_early_is_reset() {
    for (sends, expected) in
        [(false, vec![(1, ErrorCode::CANCEL)]), (true, vec![(1, ErrorCode::NO_ERROR)])]
    {
        let mut server = started(Role::Server, &Settings::default());
        feed(&mut server, &[&head(1, false)]).1.expect("allowed");
        let stream = key(&server, 1);
        if sends {
            server.send_head(stream, b"early", true);
        }
        server.ended(stream);
        server.ended(stream);
        assert_eq!(resets(&written(&mut server)), expected);
    }
}

#[test]
fn the_driver_is_told_what_the_peer_announces() {
    let mut server = started(Role::Server, &Settings::default());
    let input = settings(&[(1, 0), (1, 8192), (5, 32_768), (6, 77), (8, 1)]);
    let (seen, _) = feed(&mut server, &[&input]);
    let Seen::Settings(peer) = &seen[0] else { panic!("{seen:?}") };
    assert_eq!((peer.header_table_bytes, peer.header_table_bytes_min), (8192, 0));
    assert_eq!((peer.frame_bytes_max, peer.head_list_bytes_max), (32_768, 77));
    assert!(peer.connect_protocol);
    feed(&mut server, &[&head(1, true)]).1.expect("allowed");
    written(&mut server);
    server.send_head(key(&server, 1), &[0; 32_768], true);
    assert_eq!(written(&mut server)[0].1 & END_HEADERS, END_HEADERS, "in one frame");
}
