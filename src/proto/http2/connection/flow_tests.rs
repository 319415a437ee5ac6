//! Windows both ways: nothing lost, nothing above what was allowed, nobody starved.

use super::tests::*;
use super::*;
use crate::limits::{H2_OUT_BYTES_MAX, H2_QUANTUM_BYTES, KIB};
use crate::proto::http2::frame::{PADDED, u32_at};

fn fixed_windows() -> Settings {
    Settings {
        window_bytes_max: 0,
        connection_window_bytes: 65_536,
        connection_window_bytes_max: 0,
        ..Settings::default()
    }
}

/// A server with an open upload of each of these streams.
fn uploads(settings: &Settings, ids: &[u32]) -> Connection {
    let mut server = started(Role::Server, settings);
    let heads: Vec<u8> = ids.iter().flat_map(|&id| head(id, false)).collect();
    assert_eq!(feed(&mut server, &[&heads]).1, Ok(()));
    server
}

/// What was announced for a stream or the connection.
fn announced(frames: &[Frame], stream: u32) -> usize {
    let updates = frames.iter().filter(|(kind, _, id, _)| *kind == 8 && *id == stream);
    updates.map(|(.., payload)| u32_at(payload, 0) as usize).sum()
}

fn body_bytes(frames: &[Frame], stream: u32) -> usize {
    let bodies = frames.iter().filter(|(kind, _, id, _)| *kind == 0 && *id == stream);
    bodies.map(|(.., payload)| payload.len()).sum()
}

fn answering(server: &mut Connection, id: u32) -> StreamKey {
    let stream = key(server, id);
    assert!(server.send_head(stream, b"answer", false));
    stream
}

#[test]
fn windows_open_by_what_is_consumed() {
    let mut server = uploads(&fixed_windows(), &[1]);
    let stream = key(&server, 1);
    let piece = body(1, &[0; 16_384], false);
    for _ in 0..4 {
        assert_eq!(feed_at(&mut server, &[&piece], NOW, false).1, Ok(()));
    }
    assert!(written(&mut server).is_empty(), "nothing was consumed");
    server.release(stream, 32_767);
    assert!(written(&mut server).is_empty(), "less than half a window");
    server.release(stream, 1);
    let frames = written(&mut server);
    assert_eq!((announced(&frames, 1), announced(&frames, 0)), (32_768, 32_768));
    assert_eq!(feed_at(&mut server, &[&piece, &piece], NOW, false).1, Ok(()));
    let (_, outcome) = feed_at(&mut server, &[&body(1, b"x", false)], NOW, false);
    let over = ConnectionError::flow_control();
    assert_eq!(outcome, Err(over), "both windows are used up; the connection's counts");
}

#[test]
fn a_stream_over_its_window_is_reset() {
    let settings = Settings { window_bytes_max: 0, ..Settings::default() };
    let mut server = uploads(&settings, &[1, 3]);
    let piece = body(1, &[0; 16_384], false);
    feed_at(&mut server, &[&piece, &piece, &piece, &piece], NOW, false).1.expect("allowed");
    let (seen, outcome) =
        feed_at(&mut server, &[&body(1, b"x", false), &body(3, b"y", true)], NOW, false);
    assert_eq!(outcome, Ok(()));
    let code = ErrorCode::FLOW_CONTROL_ERROR;
    assert_eq!(seen, [Seen::Reset(1, code, false), Seen::Body(3, b"y".to_vec(), true)]);
    assert_eq!(resets(&written(&mut server)), [(1, code)]);
}

#[test]
fn windows_grow_while_the_peer_uses_them_up() {
    let mut server = uploads(&Settings::default(), &[1]);
    let mut window = 65_536;
    for _ in 0..200 {
        let piece = body(1, &vec![0; window.min(16_384)], false);
        window -= window.min(16_384);
        assert_eq!(feed(&mut server, &[&piece]).1, Ok(()));
        window += announced(&written(&mut server), 1);
    }
    let stream = key(&server, 1);
    let size = server.streams.peek(stream).map(|stream| stream.window_in.size());
    assert!(size == Some(65_536), "consumed at once in small steps: {size:?}");

    for _ in 0..20 {
        while window > 0 {
            let size = window.min(16_384);
            let piece = body(1, &vec![0; size], false);
            assert_eq!(feed_at(&mut server, &[&piece], NOW, false).1, Ok(()));
            window -= size;
        }
        let held = server.streams.peek(stream).expect("live").held as usize;
        server.release(stream, held);
        window += announced(&written(&mut server), 1);
    }
    let size = server.streams.peek(stream).map(|stream| stream.window_in.size());
    assert_eq!(size, Some(1 << 20), "used up and consumed at once, turn after turn");
    assert!(server.window_in.size() <= 4 << 20);
}

#[test]
fn a_slow_consumer_does_not_grow_the_window() {
    let mut server = uploads(&Settings::default(), &[1]);
    let stream = key(&server, 1);
    let mut window = 65_536;
    for _ in 0..100 {
        while window > 0 {
            let size = window.min(16_384);
            let piece = body(1, &vec![0; size], false);
            assert_eq!(feed_at(&mut server, &[&piece], NOW, false).1, Ok(()));
            window -= size;
        }
        server.release(stream, 8 * KIB);
        window += announced(&written(&mut server), 1);
    }
    assert_eq!(server.streams.peek(stream).expect("live").window_in.size(), 65_536);
}

#[test]
fn padding_and_unwanted_bodies_cost_no_window() {
    let padded = [&[255_u8][..], &[0; 256]].concat();
    let padded = |id| raw(0, PADDED, id, &padded);
    let mut server = uploads(&fixed_windows(), &[1, 3, 5, 7]);
    server.reset(key(&server, 3), ErrorCode::CANCEL);
    server.reset(key(&server, 5), ErrorCode::CANCEL);
    server.ended(key(&server, 5));
    let mut back = 0;
    for round in 0..800 {
        let id = [1, 3, 5, 7][round % 4];
        let (_, outcome) = feed(&mut server, &[&padded(id)]);
        assert_eq!(outcome, Ok(()), "round {round}");
        back += announced(&written(&mut server), 0);
    }
    let sent = 800 * 257;
    assert!(sent - back <= 32 * KIB, "{back} of {sent} came back");
}

#[test]
fn a_body_cut_short_by_a_reset_gives_all_back() {
    for (ended, mid_frame) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut server = uploads(&fixed_windows(), &[1]);
        let frame = body(1, &[0; 16_384], false);
        let (front, back) = frame.split_at(if mid_frame { 5_000 } else { frame.len() });
        feed_at(&mut server, &[&frame, front], NOW, false).1.expect("allowed");
        let stream = key(&server, 1);
        server.reset(stream, ErrorCode::CANCEL);
        if ended {
            server.ended(stream);
        }
        let (seen, outcome) = feed(&mut server, &[back]);
        assert_eq!((seen, outcome), (vec![], Ok(())));
        server.ended(stream);
        assert_eq!(announced(&written(&mut server), 0), 32_768, "{ended} {mid_frame}");
    }
}

#[test]
fn a_smaller_window_holds_once_it_is_acknowledged() {
    let settings = Settings { window_bytes: 20_000, window_bytes_max: 0, ..Settings::default() };
    let mut server = Connection::new(Role::Server, &settings, NOW);
    let piece = body(1, &[0; 15_000], false);
    let input = [hello(Role::Server), head(1, false), piece.clone(), piece].concat();
    assert_eq!(feed_at(&mut server, &[&input], NOW, false).1, Ok(()), "it may not know yet");
    let ack = raw(SETTINGS, 1, 0, b"");
    let empty = body(1, b"", false);
    assert_eq!(feed_at(&mut server, &[&ack, &empty], NOW, false).1, Ok(()));
    let (seen, _) = feed_at(&mut server, &[&body(1, b"x", false)], NOW, false);
    assert_eq!(seen, [Seen::Reset(1, ErrorCode::FLOW_CONTROL_ERROR, false)]);
}

#[test]
fn settings_change_the_windows_of_open_streams() {
    let mut server = uploads(&Settings::default(), &[1]);
    let stream = answering(&mut server, 1);
    assert_eq!(server.send_body(stream, &[1; 40_000], false), 40_000);
    feed(&mut server, &[&settings(&[(4, 10_000)])]).1.expect("allowed");
    assert_eq!(server.send_body(stream, &[1; 10], false), 0, "the window is at -30,000");
    feed(&mut server, &[&window_update(1, 30_000)]).1.expect("allowed");
    assert_eq!((server.next_ready(), server.send_capacity(stream)), (None, 0));
    feed(&mut server, &[&window_update(1, 4)]).1.expect("allowed");
    assert_eq!(server.next_ready(), Some(stream));
    assert_eq!(server.send_body(stream, &[1; 10], false), 4);
    feed(&mut server, &[&settings(&[(4, 10_003), (4, 10_005)])]).1.expect("allowed");
    assert_eq!(server.next_ready(), Some(stream), "told by SETTINGS as well");
    assert_eq!(server.send_body(stream, &[1; 5], true), 5);
    assert_eq!(body_bytes(&written(&mut server), 1), 40_009);
}

#[test]
fn a_long_body_does_not_starve_short_ones() {
    let mut server = uploads(&Settings::default(), &[1, 3, 5]);
    feed(&mut server, &[&settings(&[(4, 1 << 30)])]).1.expect("allowed");
    let bulk = answering(&mut server, 1);
    let (small, other) = (answering(&mut server, 3), answering(&mut server, 5));
    assert_eq!(server.send_body(bulk, &[0; 100_000], false), 65_535);
    assert_eq!(server.send_body(small, &[0; 1000], true), 0);
    assert_eq!(server.send_body(other, &[0; 1000], true), 0);
    assert_eq!(server.next_ready(), None);
    feed(&mut server, &[&window_update(0, 20_000)]).1.expect("allowed");
    let mut order = Vec::new();
    while let Some(stream) = server.next_ready() {
        let length = if stream == bulk { 34_465 } else { 1000 };
        order.push((stream.id, server.send_body(stream, &vec![0; length], stream != bulk)));
    }
    assert_eq!(order, [(1, H2_QUANTUM_BYTES), (3, 1000), (5, 1000), (1, 1616)]);
}

#[test]
fn what_waits_to_be_written_is_bounded() {
    let mut server = uploads(&Settings::default(), &[1, 3]);
    feed(&mut server, &[&settings(&[(4, 1 << 30), (5, 1 << 20)]), &window_update(0, 1 << 30)])
        .1
        .expect("allowed");
    written(&mut server);
    let (first, second) = (answering(&mut server, 1), answering(&mut server, 3));
    let bulk = vec![0; 1 << 20];
    let taken = server.send_body(first, &bulk, true);
    assert!(taken < H2_OUT_BYTES_MAX && taken > H2_OUT_BYTES_MAX - KIB);
    assert!(server.send_body(second, &bulk, true) < KIB);
    assert_eq!(server.next_ready(), None);
    let frames = written(&mut server);
    assert!(frames.iter().all(|(.., payload)| payload.len() <= 64 * KIB));
    assert_eq!(server.next_ready(), Some(first));
}

#[test]
fn who_waits_and_is_reset_is_in_nobodys_way() {
    let mut server = uploads(&Settings::default(), &[1, 3, 5]);
    feed(&mut server, &[&settings(&[(4, 1 << 30)])]).1.expect("allowed");
    let streams = [1, 3, 5].map(|id| answering(&mut server, id));
    server.send_body(streams[0], &[0; 65_535], false);
    streams.iter().for_each(|&stream| assert_eq!(server.send_body(stream, b"x", true), 0));
    feed(&mut server, &[&reset(1, 8)]).1.expect("allowed");
    server.ended(streams[1]);
    feed(&mut server, &[&window_update(0, 9)]).1.expect("allowed");
    assert_eq!(server.next_ready(), Some(streams[2]));
    assert_eq!(server.next_ready(), None);
    assert_eq!(server.send_body(streams[0], b"x", true), 1, "thrown away: the driver was told");
}

#[test]
fn a_thousand_cancelled_uploads_leave_no_trace() {
    let mut server = started(Role::Server, &Settings::default());
    let mut allowed = 1 << 20;
    let mut now = NOW;
    let mut turn = |server: &mut Connection, input: &[u8], spent: usize| {
        now = now.plus(std::time::Duration::from_millis(40));
        let outcome = feed_at(server, &[input], now, true).1;
        assert_eq!(outcome, Ok(()));
        allowed = allowed + announced(&written(server), 0) - spent;
        allowed
    };
    for round in 0..1000_u32 {
        let id = round * 2 + 1;
        turn(&mut server, &[head(id, false), body(id, &[0; 9_000], false)].concat(), 9_000);
        let stream = key(&server, id);
        if round % 2 == 0 {
            server.reset(stream, ErrorCode::CANCEL);
            turn(&mut server, &body(id, &[0; 5_000], false), 5_000);
        } else {
            turn(&mut server, &reset(id, 8), 0);
        }
        server.ended(stream);
    }
    let id = 2001;
    turn(&mut server, &head(id, false), 0);
    let mut left = 10 << 20;
    while left > 0 {
        let size = turn(&mut server, &[], 0).min(16_384).min(left);
        assert!(size > 0, "{left} bytes are stuck");
        left -= size;
        turn(&mut server, &body(id, &vec![0; size], left == 0), size);
    }
    assert_eq!(server.streams.capacities().0, 4, "slots were reused");
}
