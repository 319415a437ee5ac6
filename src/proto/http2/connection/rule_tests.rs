//! Each rule of RFC 9113 sections 3 to 6 that a peer can break, and what breaking it costs: a row.

use super::tests::*;
use super::*;
use crate::proto::http2::frame::{END_HEADERS, END_STREAM, PADDED, PRIORITY};

#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    /// GOAWAY with this code, for this reason.
    Dies(ErrorCode, Reason),
    /// The connection goes on, and these streams were reset.
    Resets(Vec<(u32, ErrorCode)>),
}
use Answer::Dies;

fn fine() -> Answer {
    Answer::Resets(Vec::new())
}

fn resets_one(code: ErrorCode) -> Answer {
    Answer::Resets(vec![(1, code)])
}

/// What comes of `input` in one piece, which must be what comes of every split.
fn answer(role: Role, input: &[u8]) -> Answer {
    let whole = answer_to(role, &[input]);
    let step = (input.len() / 500).max(1);
    for cut in (0..=input.len()).step_by(step) {
        let split = answer_to(role, &[&input[..cut], &input[cut..]]);
        assert_eq!(split, whole, "split at {cut}");
    }
    whole
}

fn answer_to(role: Role, pieces: &[&[u8]]) -> Answer {
    let mut connection = Connection::new(role, &Settings::default(), NOW);
    if role == Role::Client {
        connection.open(b"first", true).expect("there is room");
        connection.open(b"second", false).expect("there is room");
    }
    let (_, outcome) = feed(&mut connection, pieces);
    let frames = written(&mut connection);
    match outcome {
        Ok(()) => {
            assert!(frames.iter().all(|(kind, ..)| *kind != 7), "no GOAWAY without an error");
            Answer::Resets(resets(&frames))
        }
        Err(error) => {
            let (kind, _, _, payload) = frames.last().expect("GOAWAY was queued");
            assert_eq!((*kind, &payload[4..]), (7, &error.code.0.to_be_bytes()[..]));
            assert_eq!(connection.failure(), Some(error));
            assert_eq!(connection.advance(&head(99, true), NOW).err(), Some(error));
            Dies(error.code, error.reason)
        }
    }
}

fn check(role: Role, rows: Vec<(&str, Vec<Vec<u8>>, Answer)>) {
    for (name, frames, expected) in rows {
        let input = [vec![hello(role)], frames].concat().concat();
        assert_eq!(answer(role, &input), expected, "{name}");
    }
}

fn protocol(reason: Reason) -> Answer {
    Dies(ErrorCode::PROTOCOL_ERROR, reason)
}

fn frame_size() -> Answer {
    Dies(ErrorCode::FRAME_SIZE_ERROR, Reason::FrameSize)
}

fn closed() -> Answer {
    Dies(ErrorCode::STREAM_CLOSED, Reason::ClosedStream)
}

#[test]
fn the_preface_is_the_rfcs() {
    for (input, expected) in [
        (hello(Role::Server), fine()),
        (b"GET / HTTP/1.1\r\n".to_vec(), protocol(Reason::Preface)),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX".to_vec(), protocol(Reason::Preface)),
        ([&PREFACE[..], &raw(6, 0, 0, &[0; 8])].concat(), protocol(Reason::NoSettings)),
        ([&PREFACE[..], &raw(4, 1, 0, b"")].concat(), protocol(Reason::NoSettings)),
    ] {
        assert_eq!(answer(Role::Server, &input), expected, "{}", input.escape_ascii());
    }
    assert_eq!(answer(Role::Client, &head(1, true)), protocol(Reason::NoSettings));
}

#[test]
fn frames_have_their_size() {
    check(
        Role::Server,
        vec![
            ("as large as allowed", vec![head(1, false), body(1, &[0; 16_384], true)], fine()),
            ("larger", vec![head(1, false), body(1, &[0; 16_385], true)], frame_size()),
            ("PING of 7", vec![raw(6, 0, 0, &[0; 7])], frame_size()),
            ("PING of 9", vec![raw(6, 0, 0, &[0; 9])], frame_size()),
            ("RST_STREAM of 3", vec![head(1, true), raw(3, 0, 1, &[0; 3])], frame_size()),
            ("WINDOW_UPDATE of 5", vec![raw(8, 0, 0, &[0; 5])], frame_size()),
            ("SETTINGS of 7", vec![raw(4, 0, 0, &[0; 7])], frame_size()),
            ("SETTINGS ack of 6", vec![raw(4, 1, 0, &[0; 6])], frame_size()),
            ("GOAWAY of 7", vec![raw(7, 0, 0, &[0; 7])], frame_size()),
            (
                "PRIORITY of 4",
                vec![head(1, false), raw(2, 0, 1, &[0; 4])],
                resets_one(ErrorCode::FRAME_SIZE_ERROR),
            ),
            ("PRIORITY of 4, idle", vec![raw(2, 0, 1, &[0; 4])], frame_size()),
            ("HEADERS without its priority", vec![raw(1, PRIORITY, 1, &[0; 4])], frame_size()),
            ("DATA without padding length", vec![head(1, false), raw(0, PADDED, 1, b"")], {
                frame_size()
            }),
            ("unknown of any size", vec![raw(77, 255, 9, &[1; 300])], fine()),
        ],
    );
}

#[test]
fn padding_fits() {
    let over = raw(0, PADDED, 1, b"\x05abcd");
    let full = raw(0, PADDED, 1, b"\x04abcd");
    let head_over = raw(1, PADDED | END_HEADERS, 1, b"\x05abcd");
    let priority_over = raw(1, PADDED | PRIORITY | END_HEADERS, 1, b"\x02\0\0\0\0\0a");
    check(
        Role::Server,
        vec![
            ("all padding", vec![head(1, false), full], fine()),
            ("more than all", vec![head(1, false), over], protocol(Reason::Padding)),
            ("in HEADERS", vec![head_over], protocol(Reason::Padding)),
            ("with priority", vec![priority_over], protocol(Reason::Padding)),
        ],
    );
}

#[test]
fn ids_are_odd_rising_and_used() {
    let id = || protocol(Reason::StreamId);
    check(
        Role::Server,
        vec![
            ("HEADERS on 0", vec![head(0, true)], id()),
            ("HEADERS on even", vec![head(2, true)], id()),
            ("HEADERS on one that was skipped", vec![head(5, true), head(3, true)], id()),
            ("DATA on 0", vec![body(0, b"", true)], id()),
            ("DATA on idle", vec![body(1, b"x", true)], id()),
            ("RST_STREAM on 0", vec![reset(0, 8)], id()),
            ("RST_STREAM on idle", vec![reset(1, 8)], id()),
            ("WINDOW_UPDATE on idle", vec![window_update(1, 1)], id()),
            ("PRIORITY on 0", vec![raw(2, 0, 0, &[0; 5])], id()),
            ("PRIORITY on idle", vec![raw(2, 0, 1, &[0; 5])], fine()),
            ("SETTINGS on 1", vec![raw(4, 0, 1, b"")], id()),
            ("PING on 1", vec![raw(6, 0, 1, &[0; 8])], id()),
            ("GOAWAY on 1", vec![raw(7, 0, 1, &[0; 8])], id()),
            ("the top bit is ignored", vec![head(0x8000_0001, true)], fine()),
            ("the last id", vec![head(0x7fff_ffff, true)], fine()),
        ],
    );
    check(
        Role::Client,
        vec![
            ("HEADERS on idle", vec![head(5, true)], id()),
            ("HEADERS on the server's", vec![head(2, true)], id()),
            ("DATA on idle", vec![body(5, b"", true)], id()),
            ("RST_STREAM on idle", vec![reset(5, 0)], id()),
        ],
    );
}

#[test]
fn streams_go_through_their_states() {
    let gone = ErrorCode::STREAM_CLOSED;
    let half = || head(1, true);
    check(
        Role::Server,
        vec![
            ("DATA after the end", vec![half(), body(1, b"x", false)], resets_one(gone)),
            ("DATA after that", vec![half(), body(1, b"x", true), body(1, b"", true)], {
                resets_one(gone)
            }),
            ("HEADERS after the end", vec![half(), head(1, true)], resets_one(gone)),
            ("WINDOW_UPDATE after the end", vec![half(), window_update(1, 1)], fine()),
            ("PRIORITY after the end", vec![half(), raw(2, 0, 1, &[0; 5])], fine()),
            ("RST_STREAM after the end", vec![half(), reset(1, 8)], fine()),
            ("RST_STREAM twice", vec![half(), reset(1, 8), reset(1, 8)], fine()),
            ("DATA after RST_STREAM", vec![head(1, false), reset(1, 8), body(1, b"", true)], {
                resets_one(gone)
            }),
            ("HEADERS after RST_STREAM", vec![head(1, false), reset(1, 8), head(1, true)], {
                closed()
            }),
            ("WINDOW_UPDATE after RST_STREAM", vec![half(), reset(1, 8), window_update(1, 1)], {
                fine()
            }),
            ("trailers", vec![head(1, false), body(1, b"x", false), head(1, true)], fine()),
            ("trailers that do not end it", vec![head(1, false), head(1, false)], {
                resets_one(ErrorCode::PROTOCOL_ERROR)
            }),
            ("PUSH_PROMISE", vec![raw(5, END_HEADERS, 1, &[0; 8])], protocol(Reason::Push)),
            ("depends on itself", vec![raw(2, 0, 1, &[0, 0, 0, 1, 0])], {
                protocol(Reason::Priority)
            }),
            ("HEADERS do", vec![raw(1, PRIORITY | END_HEADERS, 1, &[128, 0, 0, 1, 0])], {
                protocol(Reason::Priority)
            }),
        ],
    );
    check(
        Role::Client,
        vec![
            ("DATA before a head", vec![body(1, b"x", true)], {
                resets_one(ErrorCode::PROTOCOL_ERROR)
            }),
            ("an empty answer", vec![head(1, true)], fine()),
            ("HEADERS after it", vec![head(1, true), head(1, true)], closed()),
            ("DATA after it", vec![head(1, true), body(1, b"", true)], resets_one(gone)),
            ("HEADERS after half of it", vec![head(3, true), head(3, true)], {
                Answer::Resets(vec![(3, gone)])
            }),
            ("PUSH_PROMISE", vec![raw(5, END_HEADERS, 1, &[0; 8])], protocol(Reason::Push)),
        ],
    );
}

#[test]
fn closed_streams_that_are_gone() {
    let (head, body) = (|end| head(1, end), |end| body(1, b"x", end));
    for (frames, expected) in [
        (vec![body(true)], resets_one(ErrorCode::STREAM_CLOSED)),
        (vec![body(false), body(true)], resets_one(ErrorCode::STREAM_CLOSED)),
        (vec![head(true)], closed()),
        (vec![reset(1, 8), window_update(1, 9), window_update(1, 0)], fine()),
    ] {
        let mut server = started(Role::Server, &Settings::default());
        feed(&mut server, &[&head(true)]).1.expect("allowed");
        let stream = key(&server, 1);
        server.send_head(stream, b"answer", true);
        server.ended(stream);
        written(&mut server);
        let (_, outcome) = feed(&mut server, &[&frames.concat()]);
        let found = match outcome {
            Ok(()) => Answer::Resets(resets(&written(&mut server))),
            Err(error) => Dies(error.code, error.reason),
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn what_was_under_way_when_we_reset_is_thrown_away() {
    for ended in [false, true] {
        let mut server = started(Role::Server, &Settings::default());
        feed(&mut server, &[&head(1, false)]).1.expect("allowed");
        let stream = key(&server, 1);
        server.reset(stream, ErrorCode::CANCEL);
        if ended {
            server.ended(stream);
        }
        let input = [body(1, b"late", false), window_update(1, 0), head(1, true), reset(1, 8)];
        let (seen, outcome) = feed(&mut server, &[&input.concat()]);
        assert_eq!(outcome, Ok(()));
        assert_eq!(seen, [Seen::Discarded(b"block".to_vec())], "the table goes on");
        assert_eq!(resets(&written(&mut server)), [(1, ErrorCode::CANCEL)]);
    }
}

#[test]
fn blocks_are_not_interrupted() {
    let begun = || raw(1, END_STREAM, 1, b"be");
    let ends = |id| raw(9, END_HEADERS, id, b"gun");
    let interleaved = || protocol(Reason::Interleaved);
    check(
        Role::Server,
        vec![
            ("in two", vec![begun(), ends(1)], fine()),
            ("another stream", vec![begun(), ends(3)], interleaved()),
            ("PING in it", vec![begun(), raw(6, 0, 0, &[0; 8])], interleaved()),
            ("unknown in it", vec![begun(), raw(77, 0, 0, b"")], interleaved()),
            ("HEADERS in it", vec![begun(), head(1, true)], interleaved()),
            ("CONTINUATION alone", vec![ends(1)], interleaved()),
            ("CONTINUATION after the end", vec![head(1, true), ends(1)], interleaved()),
        ],
    );
}

#[test]
fn settings_have_their_values() {
    let bad = || protocol(Reason::Setting);
    let one = |id, value| vec![settings(&[(id, value)])];
    let too_wide = || Dies(ErrorCode::FLOW_CONTROL_ERROR, Reason::Setting);
    for role in [Role::Server, Role::Client] {
        let push = if role == Role::Server { fine() } else { bad() };
        check(
            role,
            vec![
                ("push 0", one(2, 0), fine()),
                ("push 1", one(2, 1), push),
                ("push 2", one(2, 2), bad()),
                ("widest window", one(4, 0x7fff_ffff), fine()),
                ("wider", one(4, 0x8000_0000), too_wide()),
                ("smallest frame", one(5, 16_384), fine()),
                ("smaller", one(5, 16_383), bad()),
                ("largest frame", one(5, 16_777_215), fine()),
                ("larger", one(5, 16_777_216), bad()),
                ("connect", one(8, 1), fine()),
                ("connect 2", one(8, 2), bad()),
                ("connect taken back", vec![settings(&[(8, 1)]), settings(&[(8, 0)])], bad()),
                ("no priorities 2", one(9, 2), bad()),
                ("unknown", one(0xfafa, 7), fine()),
            ],
        );
    }
}

#[test]
fn windows_have_bounds() {
    let over = || Dies(ErrorCode::FLOW_CONTROL_ERROR, Reason::Window);
    let widest = || settings(&[(4, 0x7fff_ffff)]);
    check(
        Role::Server,
        vec![
            ("nothing, connection", vec![window_update(0, 0)], protocol(Reason::Window)),
            ("nothing, stream", vec![head(1, true), window_update(1, 0)], {
                resets_one(ErrorCode::PROTOCOL_ERROR)
            }),
            ("to the brim", vec![window_update(0, 0x7fff_ffff - 65_535)], fine()),
            ("over it", vec![window_update(0, 0x7fff_ffff - 65_534)], over()),
            ("over it, stream", vec![head(1, true), window_update(1, 0x7fff_ffff)], {
                resets_one(ErrorCode::FLOW_CONTROL_ERROR)
            }),
            ("by settings", vec![head(1, true), window_update(1, 1), widest()], over()),
            ("the top bit is ignored", vec![window_update(0, 0x8000_0001)], fine()),
        ],
    );
}

#[test]
fn a_goaway_takes_nothing_back() {
    let away = |last: u8| raw(7, 0, 0, &[0, 0, 0, last, 0, 0, 0, 0]);
    check(
        Role::Client,
        vec![
            ("two steps", vec![away(9), away(3)], fine()),
            ("more again", vec![away(1), away(3)], protocol(Reason::GoAway)),
        ],
    );
}
