use super::super::tests::hex;
use super::*;

fn encoded(encoder: &mut Encoder, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.begin(&mut out);
    for (name, value) in fields {
        encoder.field(name.as_bytes(), value.as_bytes(), Indexing::ByName, &mut out);
    }
    out
}

/// The length of a field that is sent three times.
fn lengths(name: &str, value: &str) -> [usize; 3] {
    let mut encoder = Encoder::new();
    [(); 3].map(|()| encoded(&mut encoder, &[(name, value)]).len())
}

#[test]
fn what_repeats_costs_a_byte() {
    for (name, value, cost) in [
        (":method", "GET", [1, 1, 1]),
        (":status", "200", [1, 1, 1]),
        (":path", "/", [1, 1, 1]),
        ("accept-encoding", "gzip, deflate", [1, 1, 1]),
        (":status", "418", [5, 1, 1]),
        ("server", "ringway", [8, 1, 1]),
        ("Server", "ringway", [8, 1, 1]),
        ("content-type", "text/plain", [9, 1, 1]),
        // What may be another the next time has to come twice.
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT", [32, 24, 1]),
        ("content-length", "1024", [7, 6, 1]),
        // So does a name that nobody knows.
        ("x-custom", "abc", [14, 12, 1]),
        ("X-Custom", "abc", [14, 12, 1]),
    ] {
        assert_eq!(lengths(name, value), cost, "{name}: {value}");
    }
}

#[test]
fn what_differs_or_is_secret_stays_out_of_the_table() {
    for (name, value, first) in [
        (":path", "/a/b?c=d", 0x04),
        ("etag", "\"abc\"", 0x0f),
        ("location", "/elsewhere", 0x0f),
        ("x-request-id", "6f1c", 0x00),
        ("authorization", "Bearer abcdefghijklmnopqrstuvwxyz", 0x1f),
        ("proxy-authorization", "Basic YTpi", 0x1f),
        ("cookie", "a=b", 0x1f),
        ("cookie", "session=0123456789abcdef0123456789", 0x0f),
        ("set-cookie", "a=b", 0x1f),
        ("Set-Cookie", "session=0123456789abcdef0123456789", 0x0f),
    ] {
        let mut encoder = Encoder::new();
        for _ in 0..3 {
            let out = encoded(&mut encoder, &[(name, value)]);
            assert_eq!(out[0], first, "{name}: {value}");
        }
        assert_eq!(encoder.table.len(), 0, "{name}");
    }
}

#[test]
fn the_caller_may_know_better() {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.field(b"x-secret", b"12345", Indexing::Never, &mut out);
    assert_eq!(out[0], 0x10);
    out.clear();
    encoder.field(b"date", b"today", Indexing::Add, &mut out);
    encoder.field(b"date", b"today", Indexing::Add, &mut out);
    assert_eq!((out[0], out[out.len() - 1]), (0x61, 0xbe));
}

#[test]
fn names_in_the_table_are_referred_to() {
    let mut encoder = Encoder::new();
    encoded(&mut encoder, &[("x-custom", "a"), ("x-custom", "a")]);
    assert_eq!(encoded(&mut encoder, &[("x-custom", "b")]), hex("0f2f0162"));
}

#[test]
fn size_updates_tell_the_lowest_and_the_last() {
    let check = |sizes: &[usize], expected: &str| {
        let mut encoder = Encoder::new();
        sizes.iter().for_each(|&size| encoder.set_table_max(size));
        assert_eq!(encoded(&mut encoder, &[]), hex(expected), "{sizes:?}");
        assert_eq!(encoded(&mut encoder, &[]), hex(""), "it is told once");
    };
    check(&[], "");
    check(&[4096], "");
    // More than is used anyway is no change.
    check(&[65_536], "");
    check(&[100], "3f45");
    check(&[0], "20");
    check(&[0, 4096], "203fe11f");
    check(&[100, 200], "3f453fa901");
    check(&[200, 100], "3f45");
    check(&[100, 0, 300, 200], "203fa901");
    check(&[0, 1 << 30], "203fe11f");
}

#[test]
fn without_a_table_nothing_is_added() {
    let mut encoder = Encoder::new();
    encoder.set_table_max(0);
    encoded(&mut encoder, &[]);
    for _ in 0..3 {
        assert_eq!(encoded(&mut encoder, &[("server", "x")]), hex("0f270178"));
    }
}

#[test]
fn values_that_never_repeat_drive_nothing_out() {
    let mut encoder = Encoder::new();
    let steady = [("server", "ringway"), ("content-type", "text/plain"), ("x-steady", "1")];
    encoded(&mut encoder, &steady);
    encoded(&mut encoder, &steady);
    for round in 0..5000 {
        encoded(&mut encoder, &[("x-trace", &format!("{round:032x}")), (":path", "/x")]);
    }
    assert_eq!(encoded(&mut encoder, &steady).len(), 3);
    // Nor does one that is too large for its place.
    let large = "v".repeat(INDEXED_BYTES_MAX);
    encoded(&mut encoder, &[("server", &large), ("server", &large)]);
    assert_eq!(encoded(&mut encoder, &steady).len(), 3);
}
