use super::*;

/// A ClientHello with these extensions, without record heads.
fn message(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([32]);
    body.extend([8; 32]);
    body.extend([0, 4, 0x13, 0x01, 0x0a, 0x0a, 1, 0]);
    let mut list = Vec::new();
    for (kind, bytes) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend((bytes.len() as u16).to_be_bytes());
        list.extend(bytes);
    }
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    handshake(1, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind, length[1], length[2], length[3]], body].concat()
}

/// In records of so many bytes.
fn records(message: &[u8], bytes: usize) -> Vec<u8> {
    let record = |piece: &[u8]| {
        let length = (piece.len() as u16).to_be_bytes();
        [&[22, 3, 1, length[0], length[1]], piece].concat()
    };
    message.chunks(bytes).flat_map(record).collect()
}

fn name(name: &str) -> (u16, Vec<u8>) {
    let len = name.len() as u16;
    let mut bytes = (len + 3).to_be_bytes().to_vec();
    bytes.push(0);
    bytes.extend(len.to_be_bytes());
    bytes.extend(name.bytes());
    (0, bytes)
}

fn protocols(names: &[&[u8]]) -> (u16, Vec<u8>) {
    let list: Vec<u8> = names.iter().flat_map(|n| [&[n.len() as u8], *n].concat()).collect();
    (16, [&(list.len() as u16).to_be_bytes(), &list[..]].concat())
}

/// What a hello says: its name, and its protocols.
type Said = (Option<String>, Vec<Vec<u8>>);
type Outcome = Result<Option<Said>, ClientHelloError>;

fn said(input: &[u8]) -> Outcome {
    parse(input).map(|parsed| match parsed {
        Parsed::Partial => None,
        Parsed::Complete(hello) => {
            assert!(hello.len <= input.len());
            let protocols = hello.protocols().map(<[u8]>::to_vec).collect();
            Some((hello.server_name().map(Into::into), protocols))
        }
    })
}

fn check(extensions: &[(u16, Vec<u8>)], expected: Result<(Option<&str>, &[&[u8]]), Error>) {
    let message = message(extensions);
    let expected = expected.map(|(name, protocols)| {
        Some((name.map(Into::into), protocols.iter().map(|name| name.to_vec()).collect()))
    });
    for bytes in [1, 2, 3, 50, 16 * 1024] {
        let wire = records(&message, bytes);
        assert_eq!(said(&wire), expected, "records of {bytes}: {}", wire.escape_ascii());
        for cut in 0..wire.len() {
            let early = said(&wire[..cut]);
            let fits = early == Ok(None) || (early.is_err() && early == expected);
            assert!(fits, "records of {bytes}, {cut} bytes of {}: {early:?}", wire.len());
        }
    }
}

use ClientHelloError as Error;

#[test]
fn names_and_protocols_at_every_split_and_in_records_of_any_size() {
    let grease = || (0x2a2a, vec![]);
    let h2: &[&[u8]] = &[b"h2", b"http/1.1"];
    let both = [grease(), name("Example.COM"), protocols(h2), (0x8a8a, vec![0])];
    check(&both, Ok((Some("example.com"), h2)));
    check(&[], Ok((None, &[])));
    check(&[name("a.example.com.")], Ok((Some("a.example.com"), &[])));
    check(&[name("under_score-1.test")], Ok((Some("under_score-1.test"), &[])));
    check(&[name("192.0.2.1")], Ok((None, &[])));
    check(&[name("::1")], Ok((None, &[])));
    check(&[protocols(&[b"\x0a\x0a", b"h2", b"\xfa\xfa"])], Ok((None, &[b"h2"])));
    let long = [b'p'; 60];
    check(&[protocols(&[b"h2", &long, &long, b"x"])], Ok((None, &[b"h2", &long])));
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", &label[..61]);
    check(&[name(&longest)], Ok((Some(&longest), &[])));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let bad = |bytes: &[u8]| (0, bytes.to_vec());
    check(&[name("a.test"), name("b.test")], Err(Error::TwoExtensions));
    check(&[(43, vec![]), (43, vec![])], Err(Error::TwoExtensions));
    for wrong in ["", "a..b", ".a", "a b", "a/b", "a\0b", "ä.test", "a.test:443", "*.test"] {
        check(&[name(wrong)], Err(Error::BadName));
    }
    check(&[name(&"a".repeat(64))], Err(Error::BadName));
    check(&[name(&"a.".repeat(127))], Err(Error::BadName));
    // Two names in one list, a kind that was never defined, lists that are cut or too short.
    check(&[bad(b"\0\x08\0\0\x01a\0\0\x01b")], Err(Error::BadName));
    check(&[bad(b"\0\x04\x01\0\x01a")], Err(Error::BadName));
    check(&[bad(b"\0\x05\0\0\x01a")], Err(Error::BadName));
    check(&[bad(b"\0\x04\0\0\x02a")], Err(Error::BadName));
    check(&[bad(b"\0\0")], Err(Error::BadName));
    check(&[bad(b"")], Err(Error::BadName));
    for wrong in [&b""[..], b"\0\0", b"\0\x03\x03h2", b"\0\x01\0", b"\0\x04\x02h2", b"\0\x03\0h2"] {
        check(&[(16, wrong.to_vec())], Err(Error::BadProtocols));
    }
    let many: Vec<_> = (100..165).map(|kind| (kind, vec![])).collect();
    check(&many, Err(Error::Oversized));
    check(&many[1..], Ok((None, &[])));
}

#[test]
fn lengths_have_to_add_up() {
    let whole = message(&[name("a.test")]);
    let changed = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        said(&records(&bytes, 16 * 1024))
    };
    let lengths = 4 + 2 + 32;
    assert_eq!(changed(lengths, 33), Err(Error::BadLength), "a session id of 33 bytes");
    assert_eq!(changed(lengths + 34, 3), Err(Error::BadLength), "half a suite");
    assert_eq!(changed(lengths + 34, 0), Err(Error::BadLength), "no suite");
    assert_eq!(changed(lengths + 39, 0), Err(Error::BadLength), "no compression");
    assert_eq!(changed(lengths + 42, 99), Err(Error::BadLength), "extensions of the wrong length");
    assert_eq!(changed(3, whole[3] - 1), Err(Error::BadLength), "a message that ends too early");
    assert_eq!(changed(3, whole[3] + 1), Err(Error::BadLength), "or too late");
    // A hello of TLS 1.2 without extensions ends behind the compression methods.
    let bare = handshake(1, &whole[4..lengths + 41]);
    assert_eq!(said(&records(&bare, 9)), Ok(Some((None, vec![]))));
}

#[test]
fn garbage_is_refused_by_its_first_bytes() {
    let cases: [(&[u8], Outcome); 11] = [
        (b"", Ok(None)),
        (b"\x16", Ok(None)),
        (b"\x16\x03\x01\x02", Ok(None)),
        (b"GET", Err(Error::NotTls)),
        (b"\x80\x2e\x01", Err(Error::NotTls)),
        (b"\x16\x02", Err(Error::NotTls)),
        (b"\x16\x03\x05", Err(Error::NotTls)),
        (b"\x16\x03\x01\0\0", Err(Error::NotTls)),
        (b"\x16\x03\x01\x40\x01", Err(Error::NotTls)),
        (b"\x16\x03\x01\0\x04\x02", Err(Error::NotAClientHello)),
        (b"\x16\x03\x01\0\x04\x01\x01\0\0", Err(Error::Oversized)),
    ];
    for (bytes, expected) in cases {
        assert_eq!(said(bytes), expected, "{}", bytes.escape_ascii());
    }
    let other = [&records(&message(&[]), 20)[..25], b"\x17\x03\x03\0\x01"].concat();
    assert_eq!(said(&other), Err(Error::NotTls), "another kind of record in the middle");
}

#[test]
fn a_hello_is_bounded_with_the_heads_of_its_records() {
    let padded = |bytes: usize| message(&[name("a.test"), (21, vec![0; bytes])]);
    let around = padded(0).len() + 5;
    let fits = records(&padded(CLIENT_HELLO_BYTES_MAX - around), 16 * 1024);
    assert_eq!(fits.len(), CLIENT_HELLO_BYTES_MAX);
    assert!(matches!(said(&fits), Ok(Some(_))));
    let wire = records(&padded(CLIENT_HELLO_BYTES_MAX - around + 1), 16 * 1024);
    assert_eq!(said(&wire), Err(Error::Oversized));
    // A short hello in records of one byte costs six bytes each.
    let wire = records(&padded(3000), 1);
    assert_eq!(said(&wire), Err(Error::Oversized));
    assert_eq!(said(&wire[..CLIENT_HELLO_BYTES_MAX - 1]), Ok(None));
}
