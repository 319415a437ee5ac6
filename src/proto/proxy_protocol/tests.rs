use super::*;
use crate::limits::{PROXY_V1_BYTES_MAX, PROXY_V2_BYTES_MAX};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const REST: &[u8] = b"GET / HTTP/1.1\r\n";

fn parsed(input: &[u8]) -> Result<Option<(Origin, usize)>, ProxyError> {
    parse(input, Accepted::All).map(|parsed| match parsed {
        Parsed::Complete(header) => Some((header.origin, header.len)),
        Parsed::Partial => None,
    })
}

/// The outcome, and the same for every shorter input: partial until the header is there, or until
/// the byte that makes it wrong.
fn check(header: &[u8], expected: Result<Origin, ProxyError>) {
    let shown = header.escape_ascii();
    let whole = [header, REST].concat();
    let outcome = parsed(&whole);
    assert_eq!(outcome, expected.map(|origin| Some((origin, header.len()))), "{shown}");
    let mut wrong_from = None;
    for cut in 0..header.len() {
        match parsed(&whole[..cut]) {
            Ok(None) => assert_eq!(wrong_from, None, "{shown} at {cut}"),
            early => {
                wrong_from.get_or_insert(cut);
                assert_eq!(early, outcome, "{shown} at {cut}");
                assert!(early.is_err(), "complete before its end: {shown} at {cut}");
            }
        }
    }
}

fn client(source: &str, destination: &str) -> Origin {
    Origin::Client { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

fn two(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &length, body].concat()
}

#[test]
fn version_1() {
    let v6 = "PROXY TCP6 2001:db8::1 ::1 65535 0\r\n";
    let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(PROXY_V1_BYTES_MAX - 16));
    assert_eq!(longest.len(), PROXY_V1_BYTES_MAX);
    let cases: [(&[u8], Result<Origin, ProxyError>); 27] = [
        (
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
            Ok(client("192.0.2.1:56324", "198.51.100.2:443")),
        ),
        (v6.as_bytes(), Ok(client("[2001:db8::1]:65535", "[::1]:0"))),
        (b"PROXY UNKNOWN\r\n", Ok(Origin::Unknown)),
        (b"PROXY UNKNOWN ffff::1 whatever it is\r\n", Ok(Origin::Unknown)),
        (longest.as_bytes(), Ok(Origin::Unknown)),
        (b"PROXY UNKNOWNS\r\n", Err(ProxyError::BadFamily)),
        (b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", Err(ProxyError::BadFamily)),
        (b"PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", Err(ProxyError::BadFamily)),
        (b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", Err(ProxyError::BadFamily)),
        (b"PROXY \r\n", Err(ProxyError::BadFamily)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", Err(ProxyError::BadLine)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", Err(ProxyError::BadLine)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", Err(ProxyError::BadLine)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", Err(ProxyError::BadLine)),
        (b"PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n", Err(ProxyError::BadLine)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", Err(ProxyError::BadLine)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1\0 2\r\n", Err(ProxyError::BadLine)),
        (b"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", Err(ProxyError::BadAddress)),
        (b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", Err(ProxyError::BadAddress)),
        (b"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", Err(ProxyError::BadAddress)),
        (b"PROXY TCP4 ::1 ::1 1 2\r\n", Err(ProxyError::BadAddress)),
        (b"PROXY TCP6 1.2.3.4 ::1 1 2\r\n", Err(ProxyError::BadAddress)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", Err(ProxyError::BadPort)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", Err(ProxyError::BadPort)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n", Err(ProxyError::BadPort)),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", Err(ProxyError::BadPort)),
        (b"GET / HTTP/1.1\r\n", Err(ProxyError::NotProxy)),
    ];
    for (header, expected) in cases {
        check(header, expected);
    }
    let endless = [b"PROXY UNKNOWN ", &[b'f'; PROXY_V1_BYTES_MAX][..]].concat();
    assert_eq!(parsed(&endless), Err(ProxyError::Oversized));
    assert_eq!(parsed(&endless[..PROXY_V1_BYTES_MAX - 1]), Ok(None));
}

#[test]
fn version_2() {
    let v4 = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 4, 1, 0xbb];
    let mut v6 = [0; 36];
    v6[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
    (v6[15], v6[31], v6[35]) = (1, 1, 80);
    let from_v6 = client("[2001:db8::1]:0", "[::1]:80");
    let from_v4 = client("192.0.2.1:56324", "198.51.100.2:443");
    let with = |extension: &[u8]| [&v4, extension].concat();
    let long = PROXY_V2_BYTES_MAX - 16 - 12 - 3;
    let full = with(&[&[4, (long >> 8) as u8, long as u8], &vec![7; long][..]].concat());
    let cases: Vec<(Vec<u8>, Result<Origin, ProxyError>)> = vec![
        (two(0x21, 0x11, &v4), Ok(from_v4)),
        (two(0x21, 0x21, &v6), Ok(from_v6)),
        (two(0x21, 0x31, &[7; 216]), Ok(Origin::Unknown)),
        (two(0x21, 0x00, b""), Ok(Origin::Unknown)),
        (two(0x21, 0x00, b"skipped"), Ok(Origin::Unknown)),
        (two(0x20, 0x00, b""), Ok(Origin::Local)),
        (two(0x20, 0x11, &v4), Ok(Origin::Local)),
        (two(0x20, 0x11, b"skipped"), Ok(Origin::Local)),
        (two(0x21, 0x11, &with(&[4, 0, 0])), Ok(from_v4)),
        (two(0x21, 0x11, &with(&[4, 0, 1, 9, 5, 0, 4, 1, 2, 3, 4])), Ok(from_v4)),
        // A checksum is of the whole header, with zeros where it stands itself.
        (two(0x21, 0x11, &with(&[4, 0, 1, 9, 3, 0, 4, 241, 150, 15, 118])), Ok(from_v4)),
        (
            two(0x21, 0x11, &with(&[4, 0, 1, 8, 3, 0, 4, 241, 150, 15, 118])),
            Err(ProxyError::BadChecksum),
        ),
        (two(0x21, 0x11, &with(&[3, 0, 4, 0, 0, 0, 0])), Err(ProxyError::BadChecksum)),
        (two(0x21, 0x11, &with(&[3, 0, 3, 0, 0, 0])), Err(ProxyError::BadLength)),
        (two(0x20, 0x11, &with(&[3, 0, 4, 0, 0, 0, 0])), Ok(Origin::Local)),
        (two(0x21, 0x11, &full), Ok(from_v4)),
        (two(0x21, 0x11, &with(&[4, 0])), Err(ProxyError::BadLength)),
        (two(0x21, 0x11, &with(&[4, 0, 2, 1])), Err(ProxyError::BadLength)),
        (two(0x21, 0x11, &v4[..11]), Err(ProxyError::BadLength)),
        (two(0x21, 0x21, &v4), Err(ProxyError::BadLength)),
        (two(0x21, 0x31, &v6), Err(ProxyError::BadLength)),
        (two(0x21, 0x11, &[&full[..], &[0]].concat()), Err(ProxyError::Oversized)),
        (two(0x22, 0x11, &v4), Err(ProxyError::BadCommand)),
        (two(0x11, 0x11, &v4), Err(ProxyError::BadCommand)),
        (two(0x31, 0x11, &v4), Err(ProxyError::BadCommand)),
        (two(0x21, 0x12, &v4), Err(ProxyError::BadFamily)),
        (two(0x21, 0x10, &v4), Err(ProxyError::BadFamily)),
        (two(0x21, 0x41, &v4), Err(ProxyError::BadFamily)),
        (two(0x21, 0x01, &v4), Err(ProxyError::BadFamily)),
        (two(0x20, 0x45, &v4), Err(ProxyError::BadFamily)),
        (b"\r\n\r\n\0\r\nQUIX\n\x21\x11\0\0".to_vec(), Err(ProxyError::NotProxy)),
    ];
    for (header, expected) in cases {
        check(&header, expected);
    }
}

#[test]
fn only_the_versions_that_are_taken() {
    let (one, two) = (&b"PROXY UNKNOWN\r\n"[..], &two(0x20, 0, b"")[..]);
    let is_taken = |input, accepted| parse(input, accepted).is_ok();
    let all = [Accepted::V1, Accepted::V2, Accepted::All];
    assert_eq!(all.map(|accepted| is_taken(one, accepted)), [true, false, true]);
    assert_eq!(all.map(|accepted| is_taken(two, accepted)), [false, true, true]);
    // The first byte tells them apart.
    assert_eq!(all.map(|accepted| is_taken(b"P", accepted)), [true, false, true]);
    assert_eq!(all.map(|accepted| is_taken(b"\r", accepted)), [false, true, true]);
    assert_eq!(all.map(|accepted| is_taken(b"", accepted)), [true; 3]);
}

#[test]
fn what_is_written_is_read_back() {
    let cases = [
        ("192.0.2.1:1", "198.51.100.2:65535", "192.0.2.1:1", "198.51.100.2:65535"),
        ("[2001:db8::1]:1", "[::1]:2", "[2001:db8::1]:1", "[::1]:2"),
        ("[::ffff:192.0.2.1]:1", "192.0.2.2:2", "192.0.2.1:1", "192.0.2.2:2"),
        ("[2001:db8::1]:1", "192.0.2.2:2", "[2001:db8::1]:1", "[::ffff:192.0.2.2]:2"),
        (
            "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
            "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
            "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
            "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
        ),
    ];
    for (source, destination, source_read, destination_read) in cases {
        for version in [Version::V1, Version::V2] {
            let mut out = Buffer::with_capacity(256);
            encode(version, source.parse().unwrap(), destination.parse().unwrap(), &mut out);
            let origin = client(source_read, destination_read);
            let header = Header { version, origin, len: out.len() };
            assert_eq!(parse(out.filled(), Accepted::All), Ok(Parsed::Complete(header)));
        }
    }
    for (version, origin) in [(Version::V1, Origin::Unknown), (Version::V2, Origin::Local)] {
        let mut out = Buffer::with_capacity(256);
        encode_local(version, &mut out);
        let header = Header { version, origin, len: out.len() };
        assert_eq!(parse(out.filled(), Accepted::All), Ok(Parsed::Complete(header)));
    }
}
