use super::super::tests::{begun, fields, lines, written};
use super::*;

const GET: &str = ":method=GET\n:authority=a.example\n:scheme=https\n:path=/x?y=z\n";
const LINE: &str = "GET /x?y=z HTTP/1.1\nhost: a.example\n";
const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";

/// Whether a list has a body behind it or not, it is refused like that, and nothing is written.
fn refused(list: &str, malformed: Malformed) {
    for end_stream in [true, false] {
        let mut out = begun();
        let shape = request_text(&fields(list), end_stream, Some(KEY), &mut out);
        assert_eq!((shape, written(&out)), (Err(malformed), String::new()), "{list}");
    }
}

fn accepted(list: &str, end_stream: bool, shape: RequestShape, text: &str) {
    let mut out = begun();
    let found = request_text(&fields(list), end_stream, Some(KEY), &mut out);
    assert_eq!((found, written(&out)), (Ok(shape), text.to_owned()), "{list}");
}

/// A GET with these fields besides, which are written as these lines.
fn accepted_fields(besides: &str, text: &str) {
    let shape = RequestShape { method: Method::Get, kind: RequestKind::Plain, body: Body::None };
    accepted(&format!("{GET}{besides}"), true, shape, &format!("{LINE}{text}\n"));
}

#[test]
fn pseudo_fields_are_there_once_first_and_known() {
    accepted_fields("", "");
    refused("", Malformed::MissingPseudo);
    refused("accept=*/*\n", Malformed::MissingPseudo);
    for line in GET.split_inclusive('\n') {
        let without = GET.replace(line, "");
        let name = line.split_once('=').unwrap().0;
        match name {
            ":authority" => refused(&without, Malformed::NoHost),
            _ => refused(&without, Malformed::MissingPseudo),
        }
        refused(&format!("{GET}{line}"), Malformed::RepeatedPseudo);
        refused(
            &format!("{without}accept=*/*\n{line}"),
            match name {
                ":authority" => Malformed::NoHost,
                _ => Malformed::MissingPseudo,
            },
        );
        refused(&format!("{GET}accept=*/*\n{line}"), Malformed::MisplacedPseudo);
    }
    refused(&format!("{GET}:status=200\n"), Malformed::UnknownPseudo);
    refused(&format!("{GET}:x=200\n"), Malformed::UnknownPseudo);
    refused(&format!("{GET}accept=*/*\n:x=200\n"), Malformed::MisplacedPseudo);
    refused(&format!(":Method=GET\n{GET}"), Malformed::UnknownPseudo);
}

#[test]
fn methods_and_schemes() {
    let with = |line: &str, new: &str| GET.replace(line, new);
    for method in ["", "G T", "GET /\r␊", "G:T", "\u{e9}"] {
        refused(&with("GET", method), Malformed::BadMethod);
    }
    for (name, method) in [("HEAD", Method::Head), ("get", Method::Other), ("X-Y", Method::Other)] {
        let shape = RequestShape { method, kind: RequestKind::Plain, body: Body::None };
        let text = format!("{}\n", LINE.replace("GET", name));
        accepted(&with("GET", name), true, shape, &text);
    }
    for scheme in ["", "ftp", "http ", "https://"] {
        refused(&with("https", scheme), Malformed::BadScheme);
    }
}

#[test]
fn paths() {
    for path in [
        "",
        "*",
        "x",
        "?x",
        "http://a/",
        "/a b",
        "/a\tb",
        "/a\r␊Host: b",
        "/a#b",
        "/a?b#c",
        "/\u{e9}",
        "/\0",
        "/a\x7f",
        "/a?b c",
        "/a HTTP/1.1\r␊Host: b\r␊\r␊",
    ] {
        refused(&GET.replace("/x?y=z", path), Malformed::BadPath);
    }
    let shape =
        RequestShape { method: Method::Options, kind: RequestKind::Plain, body: Body::None };
    let options = GET.replace("GET", "OPTIONS");
    accepted(
        &options.replace("/x?y=z", "*"),
        true,
        shape,
        "OPTIONS * HTTP/1.1\nhost: a.example\n\n",
    );
    refused(&options.replace("/x?y=z", "**"), Malformed::BadPath);
    let shape = RequestShape { method: Method::Get, ..shape };
    for path in ["/", "/?", "/?a?b", "//a", "/%0d%0a", "/a;b=c,d:e@f!$&'()*+"] {
        let text = format!("GET {path} HTTP/1.1\nhost: a.example\n\n");
        accepted(&GET.replace("/x?y=z", path), true, shape, &text);
    }
}

#[test]
fn hosts() {
    let nobody = GET.replace(":authority=a.example\n", "");
    let shape = RequestShape { method: Method::Get, kind: RequestKind::Plain, body: Body::None };
    // `host` goes first whether it came so or not.
    let text = format!("{LINE}accept: */*\n\n");
    accepted(&format!("{nobody}accept=*/*\nhost=a.example\n"), true, shape, &text);
    accepted_fields("host=a.example\n", "");
    accepted_fields("host=A.EXAMPLE\n", "");
    refused(&format!("{GET}host=b.example\n"), Malformed::HostDiffers);
    refused(&format!("{GET}host=a.example:443\n"), Malformed::HostDiffers);
    refused(&format!("{GET}host=\n"), Malformed::HostDiffers);
    refused(&format!("{GET}host=a.example\nhost=a.example\n"), Malformed::TwoHosts);
    refused(&format!("{nobody}host=a\nhost=b\n"), Malformed::TwoHosts);
    refused(&format!("{nobody}host=\n"), Malformed::BadAuthority);
    for authority in ["", "u@a", "u:p@a", "a b", "a/b", "a,b", "a:b", "a:1:2", "[::1", "a\r␊b: c"]
    {
        refused(&GET.replace("a.example", authority), Malformed::BadAuthority);
    }
}

#[test]
fn names_and_values() {
    accepted_fields("x-y=a b\tc\nz~!#$%&'*+-.^_`|09=\n", "x-y: a b\tc\nz~!#$%&'*+-.^_`|09: \n");
    accepted_fields("x=a:b; c=\"d\"\n", "x: a:b; c=\"d\"\n");
    let refused_field = |name: &str, value: &str, malformed| {
        let mut list = fields(GET);
        list.push(name.as_bytes(), value.as_bytes());
        let mut out = begun();
        let shape = request_text(&list, true, Some(KEY), &mut out);
        assert_eq!((shape, written(&out)), (Err(malformed), String::new()), "{name}: {value}");
    };
    for name in [
        "",
        "X",
        "content-Type",
        "a b",
        "a:",
        "a:b",
        "a\r",
        "a\nb",
        "a\0",
        "a\x7f",
        "\u{e9}",
        "a(b",
        "transfer-encoding ",
        " host",
        "a\tb",
        "a/b",
        "a\"",
        "a,b",
    ] {
        refused_field(name, "x", Malformed::BadName);
    }
    for value in [
        " a",
        "a ",
        "\ta",
        "a\t",
        "a\rb",
        "a\nb",
        "a\r\nb: c",
        "a\0b",
        "a\x01",
        "a\x1f",
        "a\x7f",
        " ",
        "\t",
    ] {
        refused_field("x", value, Malformed::BadValue);
    }
    let mut list = fields(GET);
    list.push(b"x", &[0x80, 0xff]);
    assert!(request_text(&list, true, None, &mut begun()).is_ok(), "obs-text passes");
}

#[test]
fn connection_specific_fields() {
    for line in [
        "connection=close",
        "connection=",
        "proxy-connection=keep-alive",
        "keep-alive=timeout=5",
        "transfer-encoding=chunked",
        "upgrade=h2c",
        "http2-settings=AAMAAABk",
        "te=gzip",
        "te=",
        "te=trailers, gzip",
    ] {
        refused(&format!("{GET}{line}\n"), Malformed::ConnectionSpecific);
    }
    accepted_fields("te=trailers\nx=y\n", "x: y\nte: trailers\n");
    accepted_fields("te=Trailers\nte=trailers\n", "te: trailers\n");
}

#[test]
fn cookie_crumbs_are_joined() {
    accepted_fields("cookie=a=b\n", "cookie: a=b\n");
    accepted_fields(
        "x=1\ncookie=a=b\ny=2\ncookie=c=d; e=f\ncookie=g=h\nz=3\n",
        "x: 1\ncookie: a=b; c=d; e=f; g=h\ny: 2\nz: 3\n",
    );
    refused(&format!("{GET}cookie=a\ncookie=b \n"), Malformed::BadValue);
}

#[test]
fn bodies() {
    let post = GET.replace("GET", "POST");
    let line = LINE.replace("GET", "POST");
    let check = |lengths: &str, end_stream: bool, expected: Result<(Body, &str), Malformed>| {
        let list = format!("{post}{lengths}");
        let mut out = begun();
        let shape = request_text(&fields(&list), end_stream, None, &mut out);
        assert_eq!(shape.map(|shape| shape.body), expected.map(|(body, _)| body), "{list}");
        let text = expected.map_or(String::new(), |(_, text)| format!("{line}{text}\n"));
        assert_eq!(written(&out), text, "{list}");
    };
    check("", true, Ok((Body::None, "")));
    check("", false, Ok((Body::Chunked, "Transfer-Encoding: chunked\n")));
    check("content-length=5\n", false, Ok((Body::Length(5), "Content-Length: 5\n")));
    check("content-length=005\n", false, Ok((Body::Length(5), "Content-Length: 5\n")));
    check("content-length=0\n", false, Ok((Body::Length(0), "Content-Length: 0\n")));
    check("content-length=0\n", true, Ok((Body::None, "Content-Length: 0\n")));
    check("content-length=5\n", true, Err(Malformed::LengthDiffers));
    let equal = "content-length=5\ncontent-length=5\n";
    check(equal, false, Ok((Body::Length(5), "Content-Length: 5\n")));
    check("content-length=5\ncontent-length=6\n", false, Err(Malformed::TwoLengths));
    for length in ["", "x", "5,5", "5, 5", "+5", "-5", "0x5", "5 5", "9223372036854775808"] {
        check(&format!("content-length={length}\n"), false, Err(Malformed::BadContentLength));
    }
    let most = "9223372036854775807";
    let text = format!("Content-Length: {most}\n");
    check(&format!("content-length={most}\n"), false, Ok((Body::Length(i64::MAX as u64), &text)));
}

#[test]
fn connect_has_an_authority_and_nothing_else() {
    let shape =
        RequestShape { method: Method::Connect, kind: RequestKind::Connect, body: Body::Tunnel };
    let connect = ":method=CONNECT\n:authority=a.example:443\n";
    let line = "CONNECT a.example:443 HTTP/1.1\nhost: a.example:443\n";
    for end_stream in [true, false] {
        accepted(connect, end_stream, shape, &format!("{line}\n"));
        let list = format!("{connect}user-agent=x\ncontent-length=0\n");
        accepted(&list, end_stream, shape, &format!("{line}user-agent: x\n\n"));
    }
    refused(&format!("{connect}:path=/\n"), Malformed::SuperfluousPseudo);
    refused(&format!("{connect}:scheme=https\n"), Malformed::SuperfluousPseudo);
    refused(&format!("{connect}content-length=5\n"), Malformed::LengthDiffers);
    refused(":method=CONNECT\n", Malformed::MissingPseudo);
    refused(":method=CONNECT\nhost=a:1\n", Malformed::MissingPseudo);
    for authority in ["", "a.example", "a.example:", "a.example:x", "a:65536", ":443", "/"] {
        let list = format!(":method=CONNECT\n:authority={authority}\n");
        refused(&list, Malformed::BadAuthority);
    }
}

#[test]
fn extended_connect_opens_a_websocket() {
    let list = ":method=CONNECT\n:authority=a\n:scheme=https\n:path=/chat\n:protocol=websocket\n\
                sec-websocket-version=13\nsec-websocket-key=own\norigin=b\n";
    let text = "GET /chat HTTP/1.1\nhost: a\nsec-websocket-version: 13\norigin: b\n\
                Connection: Upgrade\nUpgrade: websocket\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n";
    let shape =
        RequestShape { method: Method::Get, kind: RequestKind::WebSocket, body: Body::Tunnel };
    accepted(list, false, shape, text);
    accepted(&list.replace("websocket\n", "WebSocket\n"), false, shape, text);
    // Without the setting there is no such pseudo-header field.
    let outcome = request_text(&fields(list), false, None, &mut begun());
    assert_eq!(outcome, Err(Malformed::UnknownPseudo));
    let unknown = RequestShape {
        method: Method::Connect,
        kind: RequestKind::UnknownProtocol,
        body: Body::None,
    };
    accepted(&list.replace("=websocket\n", "=connect-udp\n"), false, unknown, "");
    refused(&list.replace("=websocket\n", "=\n"), Malformed::BadValue);
    refused(&list.replace("CONNECT", "GET"), Malformed::SuperfluousPseudo);
    refused(&list.replace(":path=/chat\n", ""), Malformed::MissingPseudo);
    refused(&list.replace(":scheme=https\n", ""), Malformed::MissingPseudo);
    refused(&list.replace(":authority=a\n", ""), Malformed::NoHost);
    refused(&format!("{list}content-length=5\n"), Malformed::LengthDiffers);
    refused(&format!("{list}upgrade=websocket\n"), Malformed::ConnectionSpecific);
}

fn encoded(head: &str, extended: bool) -> (Result<RequestShape, BadHead>, String) {
    let mut out = Vec::new();
    let head = head.replace('\n', "\r\n");
    let mut encoder = Encoder::new();
    let shape = request_fields(head.as_bytes(), Scheme::Http, extended, &mut encoder, &mut out);
    (shape, lines(&out))
}

#[test]
fn text_becomes_fields() {
    let shape = |method, body| RequestShape { method, kind: RequestKind::Plain, body };
    for (head, expected, list) in [
        (
            "GET /a?b HTTP/1.1\nHost: h\nX-Y:  z \nEmpty:\n\nbody: no\n",
            shape(Method::Get, Body::None),
            ":method=GET\n:authority=h\n:scheme=http\n:path=/a?b\nx-y=z\nempty=\n",
        ),
        (
            "POST / HTTP/1.1\nX: y\nhost: h\nContent-Length: 12\n\n",
            shape(Method::Post, Body::Length(12)),
            ":method=POST\n:authority=h\n:scheme=http\n:path=/\nx=y\ncontent-length=12\n",
        ),
        (
            "PUT / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nConnection: x\nKeep-Alive: 5\n\
             Proxy-Connection: x\nUpgrade: h2c\nHTTP2-Settings: x\nTE: gzip, trailers\n\n",
            shape(Method::Put, Body::Chunked),
            ":method=PUT\n:authority=h\n:scheme=http\n:path=/\nte=trailers\n",
        ),
        (
            "OPTIONS * HTTP/1.1\nHost:\nTE: gzip\n\n",
            shape(Method::Options, Body::None),
            ":method=OPTIONS\n:scheme=http\n:path=*\n",
        ),
        (
            "CONNECT a:1 HTTP/1.1\nHost: a:1\nUser-Agent: x\nContent-Length: 5\n\n",
            RequestShape {
                method: Method::Connect,
                kind: RequestKind::Connect,
                body: Body::Tunnel,
            },
            ":method=CONNECT\n:authority=a:1\nuser-agent=x\n",
        ),
    ] {
        assert_eq!(encoded(head, true), (Ok(expected), list.to_owned()));
    }
}

#[test]
fn an_upgrade_becomes_an_extended_connect_where_it_can() {
    let head = "GET /chat HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade: websocket\n\
                Sec-WebSocket-Key: k\nSec-WebSocket-Version: 13\n\n";
    let (shape, list) = encoded(head, true);
    let kind = RequestKind::WebSocket;
    assert_eq!(shape, Ok(RequestShape { method: Method::Get, kind, body: Body::Tunnel }));
    assert_eq!(
        list,
        ":method=CONNECT\n:authority=h\n:scheme=http\n:path=/chat\n:protocol=websocket\n\
         sec-websocket-version=13\n"
    );
    let (shape, list) = encoded(head, false);
    assert_eq!(shape.map(|shape| shape.kind), Ok(RequestKind::Plain));
    assert!(list.starts_with(":method=GET\n") && !list.contains("upgrade"), "{list}");
}

#[test]
fn text_of_no_sense_is_refused_before_anything_is_encoded() {
    for head in [
        "",
        "\n",
        "GET\n\n",
        "GET /\n\n",
        "GET  HTTP/1.1\n\n",
        " / HTTP/1.1\n\n",
        "HTTP/1.1\n\n",
        "GET x HTTP/1.1\n\n",
        "GET /a b HTTP/1.1\n\n",
        "GET * HTTP/1.1\n\n",
        "GET / HTTP/2.0\n\n",
        "GET http://a/ HTTP/1.1\n\n",
    ] {
        assert_eq!(encoded(head, true), (Err(BadHead), String::new()), "{head}");
    }
    // Lines that are none are passed over.
    let (shape, list) = encoded("GET / HTTP/1.1\nHost: h\nno line\n: x\nd: e\n", false);
    assert!(shape.is_ok());
    assert_eq!(list, ":method=GET\n:authority=h\n:scheme=http\n:path=/\nd=e\n");
}
