use super::super::tests::{
    CONNECT, HEAD, PLAIN, WEBSOCKET, begun, fields, lines, response, written,
};
use super::*;

const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Written<'a> = Result<(ResponseShape, &'a str), Malformed>;

fn check(list: &str, end_stream: bool, asked: &RequestShape, expected: Written<'_>) {
    let mut out = begun();
    let shape = response_text(&fields(list), end_stream, asked, ACCEPT, &mut out);
    let text = expected.map_or(String::new(), |(_, text)| format!("{text}\n"));
    assert_eq!((shape, written(&out)), (expected.map(|(shape, _)| shape), text), "{list}");
}

fn refused(list: &str, malformed: Malformed) {
    check(list, false, &PLAIN, Err(malformed));
    check(list, true, &PLAIN, Err(malformed));
}

#[test]
fn the_status_is_the_only_pseudo_field() {
    let text = "HTTP/1.1 200 OK\nserver: x\nContent-Length: 0\n";
    check(":status=200\nserver=x\n", true, &PLAIN, Ok((response(200), text)));
    let text = "HTTP/1.1 599 \nContent-Length: 0\n";
    check(":status=599\n", true, &PLAIN, Ok((response(599), text)));
    let text = "HTTP/1.1 999 \nContent-Length: 0\n";
    check(":status=999\n", true, &PLAIN, Ok((response(999), text)));
    refused("", Malformed::MissingPseudo);
    refused("server=x\n", Malformed::MissingPseudo);
    refused("server=x\n:status=200\n", Malformed::MissingPseudo);
    refused(":status=200\n:status=200\n", Malformed::RepeatedPseudo);
    refused(":status=200\n:path=/\n", Malformed::UnknownPseudo);
    refused(":path=/\n:status=200\n", Malformed::UnknownPseudo);
    refused(":status=200\nserver=x\n:status=200\n", Malformed::MisplacedPseudo);
    for status in ["", "2", "20", "2000", "099", "000", "2x0", "+20", "20 ", " 20", "101"] {
        refused(&format!(":status={status}\n"), Malformed::BadStatus);
    }
}

#[test]
fn fields_have_the_rules_of_every_message() {
    for (line, malformed) in [
        ("Server=x", Malformed::BadName),
        ("a b=x", Malformed::BadName),
        ("server=x ", Malformed::BadValue),
        ("server=a\rb", Malformed::BadValue),
        ("connection=close", Malformed::ConnectionSpecific),
        ("transfer-encoding=chunked", Malformed::ConnectionSpecific),
        ("upgrade=h2c", Malformed::ConnectionSpecific),
        ("te=trailers", Malformed::ConnectionSpecific),
        ("content-length=x", Malformed::BadContentLength),
        ("content-length=5\ncontent-length=6", Malformed::TwoLengths),
    ] {
        refused(&format!(":status=200\n{line}\n"), malformed);
    }
    let list = ":status=200\nset-cookie=a\nset-cookie=b\ncontent-length=5\ncontent-length=5\n";
    let text = "HTTP/1.1 200 OK\nset-cookie: a\nset-cookie: b\nContent-Length: 5\n";
    let shape = ResponseShape { body: Body::Length(5), ..response(200) };
    check(list, false, &PLAIN, Ok((shape, text)));
}

#[test]
fn bodies() {
    let with = |status: u16, body: Body| ResponseShape { body, ..response(status) };
    let chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n";
    check(":status=200\n", false, &PLAIN, Ok((with(200, Body::Chunked), chunked)));
    let empty = "HTTP/1.1 200 OK\nContent-Length: 0\n";
    check(":status=200\n", true, &PLAIN, Ok((with(200, Body::None), empty)));
    let zero = ":status=200\ncontent-length=0\n";
    check(zero, true, &PLAIN, Ok((with(200, Body::None), empty)));
    check(zero, false, &PLAIN, Ok((with(200, Body::Length(0)), empty)));
    check(":status=200\ncontent-length=5\n", true, &PLAIN, Err(Malformed::LengthDiffers));
    for end_stream in [true, false] {
        // The length that a body would have is no word about this one.
        let head = "HTTP/1.1 200 OK\nContent-Length: 5\n";
        let list = ":status=200\ncontent-length=5\n";
        check(list, end_stream, &HEAD, Ok((with(200, Body::None), head)));
        let text = "HTTP/1.1 200 OK\n";
        check(":status=200\n", end_stream, &HEAD, Ok((with(200, Body::None), text)));
        let text = "HTTP/1.1 304 Not Modified\nContent-Length: 5\n";
        let list = ":status=304\ncontent-length=5\n";
        check(list, end_stream, &PLAIN, Ok((with(304, Body::None), text)));
        let text = "HTTP/1.1 204 No Content\n";
        let list = ":status=204\ncontent-length=0\n";
        check(list, end_stream, &PLAIN, Ok((with(204, Body::None), text)));
    }
}

#[test]
fn interim_responses_do_not_end_anything() {
    let shape = ResponseShape { interim: true, ..response(103) };
    let text = "HTTP/1.1 103 Early Hints\nlink: x\n";
    check(":status=103\nlink=x\n", false, &PLAIN, Ok((shape, text)));
    check(":status=103\nlink=x\n", true, &PLAIN, Err(Malformed::InterimEnds));
    let shape = ResponseShape { interim: true, ..response(100) };
    check(":status=100\n", false, &CONNECT, Ok((shape, "HTTP/1.1 100 Continue\n")));
}

#[test]
fn tunnels() {
    let tunnel = |status: u16| ResponseShape { body: Body::Tunnel, ..response(status) };
    let text = "HTTP/1.1 200 OK\n";
    check(":status=200\ncontent-length=5\n", false, &CONNECT, Ok((tunnel(200), text)));
    let opened = "HTTP/1.1 101 Switching Protocols\nsec-websocket-protocol: x\n\
                  Connection: upgrade\nUpgrade: websocket\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n";
    let list = ":status=200\nsec-websocket-protocol=x\nsec-websocket-accept=own\n";
    check(list, false, &WEBSOCKET, Ok((tunnel(101), opened)));
    for asked in [&CONNECT, &WEBSOCKET] {
        let text = "HTTP/1.1 403 Forbidden\nTransfer-Encoding: chunked\n";
        let shape = ResponseShape { body: Body::Chunked, ..response(403) };
        check(":status=403\n", false, asked, Ok((shape, text)));
    }
}

fn encoded(head: &str, asked: &RequestShape) -> (Result<ResponseShape, BadHead>, String) {
    let mut out = Vec::new();
    let head = head.replace('\n', "\r\n");
    let shape = response_fields(head.as_bytes(), asked, &mut Encoder::new(), &mut out);
    (shape, lines(&out))
}

#[test]
fn text_becomes_fields() {
    let with = |status: u16, body: Body| ResponseShape { body, ..response(status) };
    for (head, asked, shape, list) in [
        (
            "HTTP/1.1 200 OK\nServer: x\nContent-Length: 5\nSet-Cookie: a\nSet-Cookie: b\n\nbody:",
            PLAIN,
            with(200, Body::Length(5)),
            ":status=200\nserver=x\ncontent-length=5\nset-cookie=a\nset-cookie=b\n",
        ),
        (
            "HTTP/1.1 404 \nTransfer-Encoding: chunked\nConnection: close\nKeep-Alive: x\n\
             Proxy-Connection: y\nUpgrade: z\nTE: trailers\nX-Y: z\n\n",
            PLAIN,
            ResponseShape { closes: true, ..with(404, Body::Chunked) },
            ":status=404\nx-y=z\n",
        ),
        ("HTTP/1.0 500\n\n", PLAIN, with(500, Body::UntilClose), ":status=500\n"),
        (
            "HTTP/1.1 204 No Content\nContent-Length: 0\n\n",
            PLAIN,
            with(204, Body::None),
            ":status=204\n",
        ),
        (
            "HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n",
            PLAIN,
            with(304, Body::None),
            ":status=304\ncontent-length=5\n",
        ),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
            HEAD,
            with(200, Body::None),
            ":status=200\n",
        ),
        (
            "HTTP/1.1 200 OK\nContent-Length: 5\n\n",
            HEAD,
            with(200, Body::None),
            ":status=200\ncontent-length=5\n",
        ),
        (
            "HTTP/1.1 103 Early Hints\nLink: x\n\n",
            PLAIN,
            ResponseShape { interim: true, ..response(103) },
            ":status=103\nlink=x\n",
        ),
        (
            "HTTP/1.1 200 OK\nContent-Length: 5\nVia: x\n\n",
            CONNECT,
            with(200, Body::Tunnel),
            ":status=200\nvia=x\n",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\n\
             Sec-WebSocket-Accept: x\nSec-WebSocket-Protocol: y\n\n",
            WEBSOCKET,
            with(200, Body::Tunnel),
            ":status=200\nsec-websocket-protocol=y\n",
        ),
        (
            "HTTP/1.1 403 Forbidden\nContent-Length: 0\n\n",
            WEBSOCKET,
            with(403, Body::Length(0)),
            ":status=403\ncontent-length=0\n",
        ),
    ] {
        assert_eq!(encoded(head, &asked), (Ok(shape), list.to_owned()), "{head}");
    }
}

/// Servers send it, and clients of HTTP/1.1 get it.
#[test]
fn a_status_above_all_classes_passes() {
    let head = "HTTP/1.1 999 x\ncontent-length: 0\n\n";
    let shape = ResponseShape { body: Body::Length(0), ..response(999) };
    let list = ":status=999\ncontent-length=0\n".to_owned();
    assert_eq!(encoded(head, &PLAIN), (Ok(shape), list));
}

#[test]
fn text_of_no_sense_is_refused_before_anything_is_encoded() {
    for head in [
        "",
        "\n",
        "HTTP/1.1\n\n",
        "HTTP/1.1 20\n\n",
        "HTTP/1.1 2000 OK\n\n",
        "HTTP/1.1 099 x\n\n",
        "HTTP/2 200 OK\n\n",
        "GET / HTTP/1.1\n\n",
        "HTTP/1.\n\n",
        // Nobody asked for another protocol.
        "HTTP/1.1 101 Switching Protocols\n\n",
    ] {
        assert_eq!(encoded(head, &PLAIN), (Err(BadHead), String::new()), "{head}");
    }
    // An answer without the upgrade must not look like one with it.
    assert_eq!(encoded("HTTP/1.1 200 OK\n\n", &WEBSOCKET), (Err(BadHead), String::new()));
}
