use super::*;

const POST: &[u8] =
    b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX-One: 1\r\n\r\nabc";

#[test]
fn a_head_is_whole_or_wanting() {
    let whole = parse(POST).unwrap().unwrap();
    for cut in 0..whole.bytes {
        assert_eq!(parse(&POST[..cut]), Ok(None), "{cut}");
    }
    let request = Request::new(POST, &whole);
    assert_eq!((request.method(), request.path(), request.query()), ("POST", "/a/b", "c=d"));
    assert_eq!(request.field("x-one"), Some("1"));
    assert_eq!(request.field("x-two"), None);
    assert_eq!((whole.body, whole.keep, whole.bytes), (Length::Known(3), true, POST.len() - 3));
}

#[test]
fn what_closes_and_what_is_wrong() {
    let head = |text: &str| parse(format!("GET / {text}\r\n\r\n").as_bytes());
    let keeps = |text| head(text).unwrap().unwrap().keep;
    assert!(!keeps("HTTP/1.1\r\nConnection: close") && !keeps("HTTP/1.0"));
    assert!(keeps("HTTP/1.0\r\nConnection: keep-alive") && keeps("HTTP/1.1"));
    assert_eq!(head("HTTP/1.1\r\nContent-Length: x"), Err(Malformed));
    assert_eq!(head("HTTP/7"), Err(Malformed));
}

#[test]
fn chunks_at_every_split() {
    let input = b"3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nNEXT";
    for cut in 0..input.len() - 4 {
        let (mut chunks, mut body) = (Chunks::default(), Vec::new());
        let (taken, over) = chunks.push(&input[..cut], |c| body.extend_from_slice(c)).unwrap();
        assert!(!over, "{cut}");
        let (rest, over) = chunks.push(&input[taken..], |c| body.extend_from_slice(c)).unwrap();
        assert!(over, "{cut}");
        assert_eq!(body, b"abc0123456789", "{cut}");
        assert_eq!(&input[taken + rest..], b"NEXT", "{cut}");
    }
    assert_eq!(Chunks::default().push(b"zz\r\n", |_| ()), Err(Malformed));
}
