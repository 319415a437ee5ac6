use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

fn exchange(request: &[u8]) -> (String, Value, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let origin = Origin::default();
        let address = origin.address().unwrap();
        assert_eq!(origin.address().unwrap(), address, "it is started once");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let local = stream.local_addr().unwrap().to_string();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), serde_json::from_str(body).unwrap_or_default(), local)
    })
}

#[test]
fn it_answers_with_what_it_received() {
    let request = b"PUT /a/b?c=%20 HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nX-Two: 2\r\nx-two: \xff\r\n\
        Connection: close\r\nContent-Length: 5\r\n\r\nhello";
    let (head, received, local) = exchange(request);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let expected = json!({
        "method": "PUT",
        "path": "/a/b?c=%20",
        "version": "HTTP/1.1",
        "headers": {
            "host": "x", "x-one": "1", "x-two": ["2", "\u{fffd}"], "connection": "close",
            "content-length": "5",
        },
        "body": { "bytes": 5, "text": "hello" },
        "remote": local,
    });
    assert_eq!(received, expected);
}

#[test]
fn a_long_body_is_counted_and_shown_in_part() {
    let length = 3 * ORIGIN_TEXT_BYTES_MAX;
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.resize(request.len() + length, b'a');
    let (_, received, _) = exchange(&request);
    assert_eq!(received["body"]["bytes"], length);
    assert_eq!(received["body"]["text"].as_str().unwrap().len(), ORIGIN_TEXT_BYTES_MAX);
}
