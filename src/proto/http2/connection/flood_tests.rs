//! Floods: each ends with GOAWAY(ENHANCE_YOUR_CALM) for its own reason, within its budget and a
//! bounded memory; what a well-behaved peer does in the same place does not.

use std::time::Duration;

use super::tests::*;
use super::*;
use crate::limits::{H2_BLOCK_BYTES_MAX, H2_CONTINUATIONS_MAX, KIB};
use crate::proto::http2::frame::{END_HEADERS, PADDED};

/// Repeats what `attack` sends, `n` counting up, until the connection ends. Says after how many
/// rounds, why, and how many streams the driver was given at most.
fn flood(
    server: &mut Connection,
    every: Duration,
    mut attack: impl FnMut(u32) -> Vec<u8>,
) -> Option<(u32, ConnectionError, usize)> {
    let mut now = NOW;
    let mut live_most = 0;
    for n in 0..50_000 {
        now = now.plus(every);
        let (_, outcome) = feed_at(server, &[&attack(n)], now, true);
        live_most = live_most.max(server.live());
        if let Err(error) = outcome {
            return Some((n, error, live_most));
        }
        let room = server.out.capacity() + server.block.capacity();
        assert!(room <= 256 * KIB, "{room} bytes are held");
        written(server);
        // The driver finds out that the stream was reset, and its work ends.
        let reset: Vec<_> = server.streams.each().map(|(key, stream)| (key, *stream)).collect();
        reset.iter().filter(|(_, s)| s.reset != Reset::No).for_each(|(key, _)| server.ended(*key));
    }
    None
}

fn check(name: &str, kind: Flood, rounds_max: u32, attack: impl FnMut(u32) -> Vec<u8>) {
    let mut server = started(Role::Server, &Settings::default());
    feed(&mut server, &[&head(1, false)]).1.expect("allowed");
    let (rounds, error, live) =
        flood(&mut server, Duration::ZERO, attack).unwrap_or_else(|| panic!("{name}: absorbed"));
    assert_eq!(error, kind.into(), "{name}");
    assert!(rounds <= rounds_max, "{name}: {rounds} rounds");
    assert!(live <= 100, "{name}: {live} streams at once");
}

#[test]
fn floods_end_within_their_budgets() {
    let id = |n| n * 2 + 3;
    check("rapid reset", Flood::Reset, 256, |n| [head(id(n), true), reset(id(n), 8)].concat());
    check("PING", Flood::Ping, 130, |_| raw(6, 0, 0, &[0; 8]));
    check("SETTINGS", Flood::Settings, 32, |_| settings(&[]));
    check("long SETTINGS", Flood::Settings, 0, |_| settings(&[(9, 0); 65]));
    check("empty DATA", Flood::EmptyBody, 65, |_| body(1, b"", false));
    check("padded empty DATA", Flood::EmptyBody, 65, |_| raw(0, PADDED, 1, &[3, 0, 0, 0]));
    check("DATA of a byte", Flood::SmallBody, 16_700, |_| body(1, b"x", false));
    check("PRIORITY", Flood::Ignored, 270, |_| raw(2, 0, 9, &[0; 5]));
    check("unknown frames", Flood::Ignored, 270, |_| raw(99, 0, 0, b"x"));
    check("WINDOW_UPDATE", Flood::WindowUpdate, 520, |_| window_update(0, 1));
    check("WINDOW_UPDATE, stream", Flood::WindowUpdate, 520, |_| window_update(1, 1));
    check("GOAWAY", Flood::Stray, 1100, |_| raw(7, 0, 0, &[0; 8]));
    check("SETTINGS acks", Flood::Stray, 1100, |_| raw(4, 1, 0, b""));
    check("PING acks", Flood::Stray, 1100, |_| raw(6, 1, 0, &[0; 8]));
    check("RST_STREAM", Flood::Stray, 1100, |_| reset(1, 8));
    check("streams above the limit", Flood::Refused, 650, |n| head(id(n), true));
}

/// A peer with small windows opens them for every few KiB that it gets.
#[test]
fn a_bulk_sender_may_be_let_on_step_by_step() {
    for (step, endless) in [(KIB as u32, true), (100, false)] {
        let mut server = started(Role::Server, &Settings::default());
        feed(&mut server, &[&head(1, true)]).1.expect("allowed");
        let stream = key(&server, 1);
        assert!(server.send_head(stream, b"answer", false));
        while server.send_body(stream, &[0; 4096], false) > 0 {}
        let mut left_off = None;
        for _ in 0..5_000 {
            let both = [window_update(0, step), window_update(1, step)].concat();
            left_off = feed(&mut server, &[&both]).1.err();
            if left_off.is_some() {
                break;
            }
            let taken = server.send_body(stream, &[0; 4096], false);
            assert_eq!(taken, step as usize);
            written(&mut server);
        }
        assert_eq!(left_off.is_none(), endless, "{step}: {left_off:?}");
    }
}

/// MadeYouReset, CVE-2025-8671: what has us reset a stream whose work goes on.
#[test]
fn made_you_reset_ends_within_its_budget() {
    let id = |n| n * 2 + 3;
    let begun = |n, attack: Vec<u8>| [head(id(n), true), attack].concat();
    let kind = Flood::Fault;
    check("window of 0", kind, 64, |n| begun(n, window_update(id(n), 0)));
    check("window overflow", kind, 64, |n| begun(n, window_update(id(n), 0x7fff_ffff)));
    check("DATA after the end", kind, 64, |n| begun(n, body(id(n), b"x", true)));
    check("HEADERS after the end", kind, 64, |n| begun(n, head(id(n), true)));
    check("PRIORITY length", kind, 64, |n| begun(n, raw(2, 0, id(n), &[0; 4])));
    check("trailers that do not end", kind, 64, |n| {
        [head(id(n), false), head(id(n), false)].concat()
    });

    let mut server = started(Role::Server, &Settings::default());
    let own = [head(1, true), raw(2, 0, 1, &[0, 0, 0, 1, 0])].concat();
    let (_, outcome) = feed(&mut server, &[&own]);
    assert_eq!(outcome, Err(ConnectionError::protocol(Reason::Priority)), "at the first");
}

#[test]
fn a_driver_that_finds_faults_spends_the_same_budget() {
    let mut server = started(Role::Server, &Settings::default());
    for n in 0..64 {
        let id = n * 2 + 1;
        feed(&mut server, &[&head(id, true)]).1.expect("within the budget");
        let stream = key(&server, id);
        server.reset(stream, ErrorCode::PROTOCOL_ERROR);
        server.ended(stream);
    }
    feed(&mut server, &[&head(129, true)]).1.expect("within the budget");
    server.reset(key(&server, 129), ErrorCode::PROTOCOL_ERROR);
    assert_eq!(server.failure(), Some(Flood::Fault.into()));
    let (_, outcome) = feed(&mut server, &[&head(131, true)]);
    assert_eq!(outcome, Err(Flood::Fault.into()));
}

/// The origin sees no more at once than was allowed, also while the client resets.
#[test]
fn a_reset_stream_counts_until_its_work_ends() {
    let mut server = started(Role::Server, &Settings::default());
    for n in 0..100 {
        feed(&mut server, &[&head(n * 2 + 1, true), &reset(n * 2 + 1, 8)]).1.expect("allowed");
    }
    assert_eq!(server.live(), 100);
    let (seen, _) = feed(&mut server, &[&head(201, true)]);
    assert_eq!(seen, [Seen::Discarded(b"block".to_vec())]);
    assert_eq!(resets(&written(&mut server)), [(201, ErrorCode::REFUSED_STREAM)]);
    server.ended(key(&server, 7));
    let (seen, _) = feed(&mut server, &[&head(203, true)]);
    assert_eq!(seen, [Seen::Head(203, HeadKind::Message, b"block".to_vec(), true)]);
}

#[test]
fn blocks_are_bounded_before_they_are_decoded() {
    let too_large = ConnectionError::calm(Reason::BlockTooLarge);
    for fragment in [0, 1, 16_384] {
        let mut server = started(Role::Server, &Settings::default());
        feed(&mut server, &[&raw(1, 0, 1, b"begin")]).1.expect("allowed");
        let attack = raw(9, 0, 1, &vec![0; fragment]);
        let (rounds, error, _) =
            flood(&mut server, Duration::ZERO, |_| attack.clone()).expect("it ends");
        assert_eq!(error, too_large);
        assert!(rounds <= H2_CONTINUATIONS_MAX);
        assert!(server.block.capacity() <= 2 * H2_BLOCK_BYTES_MAX);
    }
    let mut server = started(Role::Server, &Settings::default());
    let full = |kind, flags| raw(kind, flags, 1, &[0; 16_384]);
    let block = [full(1, 0), full(9, 0), full(9, 0), full(9, END_HEADERS)].concat();
    let (seen, outcome) = feed(&mut server, &[&block]);
    assert_eq!((seen.len(), outcome), (1, Ok(())), "just what is allowed");
}

#[test]
fn a_peer_that_does_not_read_is_not_read() {
    let mut server = started(Role::Server, &Settings::default());
    let mut outcome = Ok(());
    let mut now = NOW;
    for _ in 0..10_000 {
        // Slow enough for the budget of pings.
        now = now.plus(Duration::from_millis(125));
        outcome = feed_at(&mut server, &[&raw(6, 0, 0, &[0; 8])], now, true).1;
        if outcome.is_err() {
            break;
        }
    }
    assert_eq!(outcome, Err(Flood::Unread.into()));
    assert!(server.out.capacity() <= 64 * KIB);

    let mut server = started(Role::Server, &Settings::default());
    feed(&mut server, &[&head(1, true)]).1.expect("allowed");
    server.send_head(key(&server, 1), &vec![0; 1 << 20], false);
    assert!(!server.takes_input());
    let advanced = server.advance(b"anything", NOW).expect("no error: it waits");
    assert_eq!((advanced.consumed, advanced.event), (0, None));
    written(&mut server);
    assert!(server.takes_input());
}

#[test]
fn those_who_behave_are_left_alone() {
    let calm =
        |name: &str, every_ms, settings: Settings, attack: &mut dyn FnMut(u32) -> Vec<u8>| {
            let mut server = started(Role::Server, &settings);
            feed(&mut server, &[&head(1, false)]).1.expect("allowed");
            let ended = flood(&mut server, Duration::from_millis(every_ms), attack);
            assert_eq!(ended, None, "{name}");
        };
    let id = |n| n * 2 + 3;
    let plain = Settings::default();
    calm("30 cancels a second", 33, plain, &mut |n| [head(id(n), true), reset(id(n), 8)].concat());
    calm("8 pings a second", 125, plain, &mut |_| raw(6, 0, 0, &[0; 8]));
    calm("small messages", 1, plain, &mut |_| body(1, b"message", false));
    calm("larger ones, at any speed", 0, plain, &mut |_| body(1, &[0; 64], false));

    let mut server = started(Role::Server, &plain);
    for n in 0..5_000 {
        let id = n * 2 + 1;
        let input = [head(id, true), window_update(0, 5), raw(2, 0, id, &[0; 5])].concat();
        let ping = if n % 2 == 0 { raw(6, 0, 0, &[0; 8]) } else { Vec::new() };
        assert_eq!(feed(&mut server, &[&input, &ping]).1, Ok(()), "request {n}");
        let stream = key(&server, id);
        server.send_head(stream, b"answer", false);
        server.send_body(stream, b"hello", true);
        server.ended(stream);
        let late = [window_update(id, 5), reset(id, 0)].concat();
        assert_eq!(feed(&mut server, &[&late]).1, Ok(()), "request {n}");
        written(&mut server);
    }
}
