use super::*;

#[test]
fn a_reply_says_how_long_it_is_once() {
    const DATE: &[u8] = b"Date: now\r\n";
    let cases: &[(u16, &str, &str, bool, &str)] = &[
        (
            200,
            "A: b\r\n",
            "hi",
            false,
            "200 OK\r\nDate: now\r\nA: b\r\nContent-Length: 2\r\n|\r\nhi",
        ),
        (200, "", "hi", true, "200 OK\r\nDate: now\r\nContent-Length: 2\r\n|\r\n"),
        (
            200,
            "content-LENGTH: 2\r\n",
            "hi",
            false,
            "200 OK\r\nDate: now\r\ncontent-LENGTH: 2\r\n|\r\nhi",
        ),
        (
            200,
            "X-Content-Length: 9\r\n",
            "",
            false,
            "200 OK\r\nDate: now\r\nX-Content-Length: 9\r\nContent-Length: 0\r\n|\r\n",
        ),
        (204, "", "", false, "204 No Content\r\nDate: now\r\n|\r\n"),
        (304, "", "hi", false, "304 Not Modified\r\nDate: now\r\n|\r\n"),
    ];
    for (status, fields, body, to_head, expected) in cases {
        for connection in ["", "Connection: close\r\n"] {
            let reply = Reply { status: *status, fields: fields.as_bytes(), body: body.as_bytes() };
            let mut out = Buffer::with_capacity(1024);
            reply.encode(&mut out, DATE, connection.as_bytes(), *to_head);
            let expected = format!("HTTP/1.1 {}", expected.replace('|', connection));
            assert_eq!(String::from_utf8_lossy(out.filled()), expected);
        }
    }
}
