//! Breaches of the protocol that end a connection or a stream.

use super::*;

matrix! {
    breaches_that_end_the_connection,
    breaches_that_end_a_stream,
    header_tables,
    many_references_to_one_field,
}

type Breach = (&'static str, u32, fn(&mut H2));
/// One that says which stream it was about.
type StreamBreach = (&'static str, u32, fn(&mut H2) -> u32);

fn breaches_that_end_the_connection(cell: Cell) {
    let siege = Siege::lay(cell);
    for (name, code, breach) in [&IDS[..], &FRAMES[..]].concat() {
        siege.ends(name, code, BREACHES, breach);
    }
}

/// A stream that is over, on both sides.
fn done(client: &mut H2) -> u32 {
    let id = client.open(&asked("GET", "/"), true);
    assert_eq!(client.reply(id).body(), "calm");
    id
}

const IDS: [Breach; 8] = [
    ("an even id", PROTOCOL_ERROR, |client| client.head(2, &asked("GET", "/"), true)),
    ("id 0", PROTOCOL_ERROR, |client| client.head(0, &asked("GET", "/"), true)),
    ("an id that was skipped", PROTOCOL_ERROR, |client| {
        client.head(5, &asked("GET", "/"), true);
        client.head(3, &asked("GET", "/"), true);
    }),
    ("an id that was used", STREAM_CLOSED, |client| {
        let id = done(client);
        client.head(id, &asked("GET", "/"), true);
    }),
    ("DATA on an idle stream", PROTOCOL_ERROR, |client| client.frame(DATA, 0, 1, b"x")),
    ("RST_STREAM on an idle stream", PROTOCOL_ERROR, |client| client.reset(7, CANCEL)),
    ("WINDOW_UPDATE on an idle stream", PROTOCOL_ERROR, |client| client.open_window(7, 1)),
    ("DATA on stream 0", PROTOCOL_ERROR, |client| client.frame(DATA, 0, 0, b"x")),
];

const FRAMES: [Breach; 12] = [
    ("a window that overflows", FLOW_CONTROL_ERROR, |client| client.open_window(0, 0x7FFF_FFFF)),
    ("an increment of zero", PROTOCOL_ERROR, |client| client.open_window(0, 0)),
    ("all windows overflow", FLOW_CONTROL_ERROR, |client| {
        let id = client.open(&asked("GET", "/never"), true);
        client.open_window(id, 0x7FFF_0000);
        client.settings(&[(INITIAL_WINDOW, 0x7FFF_FFFF)]);
    }),
    ("a window above the most", FLOW_CONTROL_ERROR, |client| {
        client.settings(&[(INITIAL_WINDOW, 0x8000_0000)]);
    }),
    ("SETTINGS of a wrong length", FRAME_SIZE_ERROR, |client| client.frame(SETTINGS, 0, 0, [0; 5])),
    ("SETTINGS on a stream", PROTOCOL_ERROR, |client| client.frame(SETTINGS, 0, 1, [])),
    ("a frame that is too long", FRAME_SIZE_ERROR, |client| {
        client.open(&asked("POST", "/"), false);
        client.frame(DATA, 0, 1, [0; 16_385]);
    }),
    ("PING of a wrong length", FRAME_SIZE_ERROR, |client| client.frame(PING, 0, 0, [0; 7])),
    ("a client that pushes", PROTOCOL_ERROR, |client| {
        client.frame(PUSH_PROMISE, END_HEADERS, 1, [0, 0, 0, 2]);
    }),
    ("CONTINUATION of nothing", PROTOCOL_ERROR, |client| {
        client.frame(CONTINUATION, END_HEADERS, 1, []);
    }),
    ("a frame inside of a head", PROTOCOL_ERROR, |client| {
        client.frame(HEADERS, 0, 1, block(&asked("GET", "/")));
        client.frame(PING, 0, 0, [0; 8]);
    }),
    ("padding beyond the frame", PROTOCOL_ERROR, |client| {
        client.open(&asked("POST", "/"), false);
        client.frame(DATA, 8, 1, [200, 1, 2]);
    }),
];

/// The connection goes on, and what was done on it counts.
fn breaches_that_end_a_stream(cell: Cell) {
    let siege = Siege::lay(cell);
    let mut client = siege.client();
    let breaches: [StreamBreach; 5] = [
        ("a window that overflows", FLOW_CONTROL_ERROR, |client| {
            let id = client.open(&asked("GET", "/never"), true);
            client.open_window(id, 0x7FFF_FFFF);
            id
        }),
        ("an increment of zero", PROTOCOL_ERROR, |client| {
            let id = client.open(&asked("GET", "/never"), true);
            client.open_window(id, 0);
            id
        }),
        ("DATA behind the end", STREAM_CLOSED, |client| {
            let id = client.open(&asked("GET", "/never"), true);
            client.frame(DATA, 0, id, b"x");
            id
        }),
        ("trailers that end nothing", PROTOCOL_ERROR, |client| {
            let id = client.open(&asked("POST", "/never"), false);
            client.head(id, &[("x", "y")], false);
            id
        }),
        ("trailers with a pseudo-header field", PROTOCOL_ERROR, |client| {
            let id = client.open(&asked("POST", "/never"), false);
            client.head(id, &[(":path", "/")], true);
            id
        }),
    ];
    for (name, code, breach) in breaches {
        let before = siege.count("ringway_http2_streams_reset_total");
        let id = breach(&mut client);
        assert_eq!(client.reply(id).reset, Some(code), "{name}");
        siege.proxy.await_metric("ringway_http2_streams_reset_total", &[], before + 1.0);
        siege.others_are_served(name);
    }
    // Frames that were under way when a stream ended change nothing.
    let id = done(&mut client);
    client.open_window(id, 100);
    client.reset(id, CANCEL);
    client.frame(PRIORITY, 0, id, [0, 0, 0, 0, 1]);
    done(&mut client);
    client.frame(DATA, 0, id, b"x");
    client.until("a reset", |client| client.stream(id).reset == Some(STREAM_CLOSED));
    done(&mut client);
    assert!(client.goaways.is_empty());
    drop(client);
    siege.lift("breaches on streams");
}

fn header_tables(cell: Cell) {
    let siege = Siege::lay(cell);
    // Size updates are `001` and the size in five bits: RFC 7541 section 6.3.
    let games: [(&str, &[u8]); 6] = [
        ("a table above what is allowed", &[0x3F, 0xE2, 0x1F]),
        ("a size that overflows", &[0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        ("three sizes", &[0x20, 0x21, 0x20, 0x82]),
        ("a size behind a field", &[0x82, 0x20]),
        ("an index beyond the tables", &[0xC0]),
        ("index 0", &[0x80]),
    ];
    for (name, block) in games {
        siege.ends(name, COMPRESSION_ERROR, BREACHES, |client| {
            client.frame(HEADERS, END_HEADERS | END_STREAM, 1, block);
        });
    }
    // What is allowed: our encoder follows, and so does the client's decoder.
    let mut client = siege.client();
    for size in [0, 4_096, 64, 0xFFFF_FFFF, 0] {
        client.settings(&[(HEADER_TABLE_SIZE, size)]);
        for _ in 0..2 {
            done(&mut client);
        }
    }
    drop(client);
    siege.lift("table sizes");
}

/// CVE-2016-1544: a field of 4 KiB in the table, and 16 000 references of a byte each.
fn many_references_to_one_field(cell: Cell) {
    let siege = Siege::lay(cell);
    let mut client = siege.client();
    let before = siege.count("ringway_limit_hits_total");
    let value = "v".repeat(4_000);
    let mut bomb = block(&asked("GET", "/"));
    let field = block(&[("x", &value)]);
    // The same literal, but one that enters the table.
    bomb.push(0x40);
    bomb.extend(&field[1..]);
    let id = client.next_stream();
    client.frame(HEADERS, END_HEADERS | END_STREAM, id, &bomb);
    assert_eq!(client.reply(id).body(), "calm");
    let references: Vec<u8> = [block(&asked("GET", "/")), vec![0x80 | 62; 16_000]].concat();
    for _ in 0..40 {
        let id = client.next_stream();
        client.frame(HEADERS, END_HEADERS | END_STREAM, id, &references);
        let reply = client.reply(id);
        assert_eq!((reply.status(), reply.ended), (431, true));
    }
    siege.others_are_served("an HPACK bomb");
    siege.proxy.await_metric("ringway_limit_hits_total", &[], before + 40.0);
    // The table is as it was on both sides.
    done(&mut client);
    assert_eq!(siege.origin.last().head.field("x"), None);
    drop(client);
    siege.lift("an HPACK bomb");
}
