//! Requests that would be another one, or two, as HTTP/1.1: nothing of them reaches the origin.

use super::*;

matrix! {
    nothing_malformed_reaches_the_origin,
    trailers_smuggle_nothing,
}

type Fields = Vec<Field<'static>>;

fn with(fields: &[Field<'static>]) -> Fields {
    [&asked("GET", "/")[..], fields].concat()
}

/// An honest request with one pseudo-header field changed.
fn where_is(name: &str, value: &'static str) -> Fields {
    let change = |(n, v)| if n == name { (n, value) } else { (n, v) };
    asked("GET", "/").into_iter().map(change).collect()
}

fn without(name: &str) -> Fields {
    asked("GET", "/").into_iter().filter(|field| field.0 != name).collect()
}

fn bad_fields() -> Vec<Fields> {
    let fields = [
        ("X-Upper", "1"),
        ("x-uppeR", "1"),
        ("connection", "close"),
        ("connection", "x-hop"),
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("upgrade", "h2c"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("te", "gzip"),
        ("te", "trailers, deflate"),
        ("x", "a\r\nx-injected: 1"),
        ("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x", " a"),
        ("x", "a\t"),
        ("x: a\r\ny", "1"),
        ("x:y", "1"),
        ("x y", "1"),
        ("x\n", "1"),
        ("", "1"),
        ("transfer-encoding:chunked", "1"),
        ("host", "other"),
        ("content-length", "5"),
        ("content-length", "+0"),
        ("content-length", "0, 0"),
        ("content-length", "-1"),
        ("content-length", ""),
    ];
    fields.map(|field| with(&[field])).to_vec()
}

fn bad_pseudo_fields() -> Vec<Fields> {
    let twice = with(&[(":path", "/")]);
    let mut late = without(":path");
    late.extend([("x", "1"), (":path", "/")]);
    let mut cases = vec![
        without(":method"),
        without(":scheme"),
        without(":path"),
        without(":authority"),
        twice,
        late,
        with(&[(":status", "200")]),
        with(&[(":unknown", "1")]),
        with(&[("host", "test"), ("host", "test")]),
        with(&[("content-length", "0"), ("content-length", "1")]),
    ];
    let values = [
        (":method", "GE T"),
        (":method", ""),
        (":method", "GET /smuggled HTTP/1.1\r\nx:"),
        (":path", ""),
        (":path", "x"),
        (":path", "*"),
        (":path", "/a b"),
        (":path", "/ HTTP/1.1\r\nHost: test\r\n\r\nGET /smuggled"),
        (":path", "/a\tb"),
        (":path", "/#fragment"),
        (":path", "http://other/"),
        (":scheme", "file"),
        (":scheme", "http\r\n"),
        (":authority", ""),
        (":authority", "a b"),
        (":authority", "user@test"),
        (":authority", "test\r\nx-injected: 1"),
        (":authority", "test/path"),
    ];
    cases.extend(values.map(|(name, value)| where_is(name, value)));
    cases
}

fn nothing_malformed_reaches_the_origin(cell: Cell) {
    let siege = Siege::lay(cell);
    for cases in [bad_fields(), bad_pseudo_fields()] {
        let mut client = siege.client();
        let (before, seen) = (siege.count(MALFORMED), siege.origin.seen().len());
        for fields in &cases {
            let id = client.open(fields, true);
            let reply = client.reply(id);
            assert_eq!(reply.reset, Some(PROTOCOL_ERROR), "{fields:?}: {reply:?}");
            assert!(reply.fields.is_empty(), "{fields:?}: {reply:?}");
        }
        assert_eq!(siege.origin.seen().len(), seen, "nothing has come");
        siege.proxy.await_metric(MALFORMED, &[], before + cases.len() as f64);
        siege.others_are_served("malformed requests");
        assert_eq!(client.get("/").body(), "calm", "the connection is none the worse");
        drop(client);
    }
    let seen = siege.origin.seen();
    assert!(seen.iter().all(|request| request.target != "/smuggled"));
    assert!(seen.iter().all(|request| request.head.field("x-injected").is_none()));
    siege.lift("malformed requests");
}

/// The request has begun by then: the origin must not take it for a whole one.
fn trailers_smuggle_nothing(cell: Cell) {
    let siege = Siege::lay(cell);
    let mut client = siege.client();
    let seen = siege.origin.seen().len();
    let trailers = [
        ("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"),
        ("x\r\n\r\nget", "1"),
        ("X", "1"),
        (":path", "/"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
    ];
    for trailer in trailers {
        let id = client.open(&asked("POST", "/"), false);
        client.frame(DATA, 0, id, b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n");
        client.head(id, &[trailer], true);
        assert_eq!(client.reply(id).reset, Some(PROTOCOL_ERROR), "{trailer:?}");
    }
    assert_eq!(siege.origin.seen().len(), seen, "no whole request has come");
    // The same body is harmless: it is a body.
    assert_eq!(client.post("/", b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n").body(), "calm");
    assert_eq!(siege.origin.seen().len(), seen + 1);
    drop(client);
    siege.lift("malformed trailers");
}
