//! More of something than any client needs: ENHANCE_YOUR_CALM.

use super::*;

matrix! {
    rapid_reset,
    six_ways_to_have_streams_reset,
    too_many_continuations,
    too_many_frames,
    a_flood_that_never_reads,
}

/// CVE-2023-44487: streams that are opened and reset at once. The origin is not flooded either.
fn rapid_reset(cell: Cell) {
    let siege = Siege::lay(cell);
    for path in ["/", "/never"] {
        siege.ends(&format!("rapid reset of {path}"), ENHANCE_YOUR_CALM, FLOODS, |client| {
            for _ in 0..2_000 {
                let id = client.open(&asked("GET", path), true);
                client.reset(id, CANCEL);
            }
        });
    }
    let never = siege.origin.seen().iter().filter(|seen| seen.target == "/never").count();
    assert!(never <= 100, "{never} of 2000 requests came to the origin");
    wait::until("none of them is left there", || siege.origin.open() < 50);
}

/// CVE-2025-8671, MadeYouReset: a valid request, then something that makes the server reset it.
fn six_ways_to_have_streams_reset(cell: Cell) {
    type Trick = (&'static str, fn(&mut H2, u32));
    let siege = Siege::lay(cell);
    let tricks: [Trick; 5] = [
        ("an increment of zero", |client, id| client.open_window(id, 0)),
        ("a window that overflows", |client, id| client.open_window(id, 0x7FFF_FFFF)),
        ("HEADERS on a half-closed stream", |client, id| client.head(id, &[("x", "y")], true)),
        ("DATA on a half-closed stream", |client, id| client.frame(DATA, 0, id, [b'x'; 100])),
        ("PRIORITY of a wrong length", |client, id| client.frame(PRIORITY, 0, id, [0; 4])),
    ];
    for (name, trick) in tricks {
        siege.ends(name, ENHANCE_YOUR_CALM, FLOODS, |client| {
            for _ in 0..400 {
                let id = client.open(&asked("GET", "/never"), true);
                trick(client, id);
            }
        });
    }
    // The sixth: nobody honest does it once.
    siege.ends("a stream that depends on itself", PROTOCOL_ERROR, BREACHES, |client| {
        let id = client.open(&asked("GET", "/never"), true);
        client.frame(PRIORITY, 0, id, [&id.to_be_bytes()[..], &[0]].concat());
    });
}

/// CVE-2024-27316 and its family: a head that never ends, in many frames or in large ones.
fn too_many_continuations(cell: Cell) {
    let siege = Siege::lay(cell);
    for (name, bytes) in [("empty", 0), ("small", 10), ("large", 16_384)] {
        let attack = format!("CONTINUATION frames, {name}");
        siege.ends(&attack, ENHANCE_YOUR_CALM, BREACHES, |client| {
            let id = client.next_stream();
            client.frame(HEADERS, END_STREAM, id, block(&asked("GET", "/")));
            let field = block(&[("x-f", &"y".repeat(bytes))]);
            for _ in 0..50 {
                client.frame(CONTINUATION, 0, id, &field[..bytes.min(field.len())]);
            }
        });
    }
}

fn too_many_frames(cell: Cell) {
    type Flood = (&'static str, usize, fn(&mut H2));
    let siege = Siege::lay(cell);
    let floods: [Flood; 9] = [
        ("SETTINGS", 200, |client| client.frame(SETTINGS, 0, 0, [])),
        ("SETTINGS that change windows", 200, |client| {
            client.settings(&[(INITIAL_WINDOW, 10)]);
            client.settings(&[(INITIAL_WINDOW, 0x7FFF_FFFF)]);
        }),
        ("acknowledged SETTINGS", 3_000, |client| client.frame(SETTINGS, ACK, 0, [])),
        ("PING", 1_000, |client| client.frame(PING, 0, 0, [0; 8])),
        ("acknowledged PING", 3_000, |client| client.frame(PING, ACK, 0, [0; 8])),
        ("PRIORITY", 2_000, |client| client.frame(PRIORITY, 0, 9, [0, 0, 0, 1, 5])),
        ("WINDOW_UPDATE", 3_000, |client| client.open_window(0, 1)),
        ("frames of an unknown type", 2_000, |client| client.frame(0xBA, 0, 0, [1, 2, 3])),
        ("empty DATA", 500, |client| client.frame(DATA, 0, 1, [])),
    ];
    for (name, count, flood) in floods {
        siege.ends(name, ENHANCE_YOUR_CALM, FLOODS, |client| {
            let id = client.open(&asked("POST", "/"), false);
            assert_eq!(id, 1);
            (0..count).for_each(|_| flood(client));
        });
    }
}

/// It asks for answers and does not take them.
fn a_flood_that_never_reads(cell: Cell) {
    let siege = Siege::lay(cell);
    let mut clients: Vec<_> = (0..4).map(|_| siege.client()).collect();
    for round in 0..20 {
        for client in &mut clients {
            for _ in 0..50 {
                let id = client.open(&asked("GET", "/big"), true);
                client.frame(PING, 0, 0, [round; 8]);
                client.open_window(id, 70_000);
            }
        }
    }
    siege.others_are_served("answers that nobody takes");
    drop(clients);
    // 400 streams, each of which may hold what a lane and its buffers do; an allocator keeps it.
    siege.lift_within("answers that nobody takes", 400 * STREAM_KIB_MAX);
}

const STREAM_KIB_MAX: usize = 256;
