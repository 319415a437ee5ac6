use super::*;

const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH:  1024 \r\n\r\nbody";

#[test]
fn a_head_is_read_at_every_cut() {
    let head_bytes = PLAIN.len() - b"body".len();
    for cut in 0..PLAIN.len() {
        let expected = (cut >= head_bytes).then_some(Head {
            head_bytes,
            status: 200,
            body_bytes: 1024,
            is_chunked: false,
        });
        assert_eq!(parse(&PLAIN[..cut]), Ok(expected), "cut at {cut}");
    }
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let cases: [(&[u8], Malformed); 6] = [
        (b"HTTP/1.0 200 OK\r\n\r\n", Malformed::StatusLine),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", Malformed::StatusLine),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Malformed::Field),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1k\r\n\r\n", Malformed::Length),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Malformed::NoLength),
        (&[b'a'; HEAD_BYTES_MAX + 1], Malformed::TooLong),
    ];
    for (input, expected) in cases {
        assert_eq!(parse(input), Err(expected), "{:?}", String::from_utf8_lossy(input));
    }
}
