use super::*;
use crate::net::runtime::Driver;
use crate::net::tests::on;
use crate::proto::http1::{HeadLimits, Parsed};
use crate::proxy::coding;
use crate::proxy::tests::{Scene, text};

/// Encodes the response `head` to a request of HTTP/1.`minor`.
fn encoded(scene: &mut Scene, minor: u8, closing: bool, head: &str) -> String {
    scene.ask(&format!("GET / HTTP/1.{minor}\nHost: a\n\n"));
    scene.connection.closing.set(closing);
    let bytes = head.replace('\n', "\r\n").into_bytes();
    let mut exchange = std::mem::take(&mut scene.exchange);
    let parsed = exchange.response.parse(&bytes, &HeadLimits::default());
    assert_eq!(parsed, Ok(Parsed::Complete), "{head}");
    let length = exchange.response.body_length(exchange.request.method);
    let told = told(length, minor == 1);
    let routed = scene.routed();
    let mut out = Buffer::with_capacity(1024);
    let chosen = coding::choose(&routed, &mut exchange, &bytes, length);
    let (treatment, through) = chosen.expect("no model is asked");
    let told = if matches!(through, coding::Through::Coder(_)) { Told::Chunked } else { told };
    let shape = Shape { length, told, http2: false, treatment, gathered: None };
    encode(&mut out, &routed, &exchange, &bytes, shape);
    text(&out)
}

const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\n";

#[test]
fn a_head_passes_but_for_what_belongs_to_one_hop() {
    const LENGTH: &str = "Content-Length: 2\n";
    on(Driver::Epoll, async |rig| {
        let mut scene = Scene::simple(&rig, "", "", "127.0.0.1:9");
        for (minor, closing, status, fields, expected) in [
            (1, false, "200 OK", format!("{DATE}{LENGTH}"), format!("{DATE}{LENGTH}")),
            (1, false, "299 Own Words", format!("{DATE}{LENGTH}"), format!("{DATE}{LENGTH}")),
            (
                1,
                true,
                "200 OK",
                format!("{DATE}Connection: X-Mine\nX-Mine: 1\nKeep-Alive: 5\nX: y\n{LENGTH}"),
                format!("{DATE}X: y\n{LENGTH}Connection: close\n"),
            ),
            (
                0,
                true,
                "200 OK",
                format!("{DATE}{LENGTH}"),
                format!("{DATE}{LENGTH}Connection: close\n"),
            ),
            (
                0,
                false,
                "200 OK",
                format!("{DATE}{LENGTH}"),
                format!("{DATE}{LENGTH}Connection: keep-alive\n"),
            ),
            // Chunks stay, or are taken off for who does not know them.
            (
                1,
                false,
                "200 OK",
                format!("{DATE}Transfer-Encoding: chunked\n"),
                format!("{DATE}Transfer-Encoding: chunked\n"),
            ),
            (
                0,
                true,
                "200 OK",
                format!("{DATE}Transfer-Encoding: chunked\n"),
                format!("{DATE}Connection: close\n"),
            ),
            // A body that ends by close is told as chunks.
            (1, false, "200 OK", DATE.to_owned(), format!("{DATE}Transfer-Encoding: chunked\n")),
            (0, true, "200 OK", DATE.to_owned(), format!("{DATE}Connection: close\n")),
            (1, false, "204 No Content", DATE.to_owned(), DATE.to_owned()),
            (1, false, "304 Not Modified", format!("{DATE}{LENGTH}"), format!("{DATE}{LENGTH}")),
        ] {
            let head = format!("HTTP/1.1 {status}\n{fields}\n");
            let got = encoded(&mut scene, minor, closing, &head);
            assert_eq!(got, format!("HTTP/1.1 {status}\n{expected}\n"), "1.{minor} {head}");
        }
    });
}

#[test]
fn a_date_is_added_where_there_is_none() {
    on(Driver::Epoll, async |rig| {
        let mut scene = Scene::simple(&rig, "", "", "127.0.0.1:9");
        let got = encoded(&mut scene, 1, false, "HTTP/1.1 204 No Content\n\n");
        let dates: Vec<_> = got.lines().filter(|line| line.starts_with("Date: ")).collect();
        assert_eq!(dates.len(), 1, "{got}");
        assert!(dates[0].ends_with(" GMT") && dates[0].len() == 35, "{got}");
    });
}

#[test]
fn edits_and_via_are_made() {
    const EDITS: &str =
        "responseHeaderModifier: {set: {X-Set: new}, add: {X-Add: more}, remove: [Server]}";
    on(Driver::Epoll, async |rig| {
        let mut scene = Scene::simple(&rig, "via: true", EDITS, "127.0.0.1:9");
        let head = format!("HTTP/1.0 204 No Content\n{DATE}server: x\nx-set: old\nX-Add: one\n\n");
        assert_eq!(
            encoded(&mut scene, 1, false, &head),
            format!(
                "HTTP/1.1 204 No Content\n{DATE}X-Add: one\nX-Add: more\nX-Set: new\n\
                 Via: 1.0 ringway\n\n"
            )
        );
    });
}

#[test]
fn interim_responses_pass_and_a_switch_says_to_what() {
    for (head, expected) in [
        ("HTTP/1.1 100 Continue\n\n", "HTTP/1.1 100 Continue\n\n"),
        (
            "HTTP/1.1 103 Early Hints\nLink: </a>\nConnection: x\nX: 1\n\n",
            "HTTP/1.1 103 Early Hints\nLink: </a>\n\n",
        ),
        (
            "HTTP/1.1 101 Switching\nConnection: Upgrade\nUpgrade: websocket\nA: b\n\n",
            "HTTP/1.1 101 Switching\nA: b\nConnection: upgrade\nUpgrade: websocket\n\n",
        ),
    ] {
        let bytes = head.replace('\n', "\r\n").into_bytes();
        let mut exchange = Exchange::default();
        let parsed = exchange.response.parse(&bytes, &HeadLimits::default());
        assert_eq!(parsed, Ok(Parsed::Complete), "{head}");
        let mut out = Buffer::with_capacity(1024);
        encode_interim(&mut out, &exchange, &bytes);
        assert_eq!(text(&out), expected);
    }
}

#[test]
fn the_end_of_a_body_is_told_as_the_client_can_hear_it() {
    use BodyLength as L;
    for (length, to_1_1, to_1_0) in [
        (L::None, Told::AsItCame, Told::AsItCame),
        (L::Fixed(3), Told::AsItCame, Told::AsItCame),
        (L::Chunked, Told::AsItCame, Told::ByClose),
        (L::UntilClose, Told::Chunked, Told::ByClose),
    ] {
        assert_eq!((told(length, true), told(length, false)), (to_1_1, to_1_0), "{length:?}");
    }
}
