//! What must hold of the readers of a connection's first bytes, whatever they are: no panic, every
//! split agrees with the whole, and what is accepted is well formed.
//!
//! Included twice: by the fuzz targets, and by the seeded tests on stable. Whoever includes it has
//! `base` and `proto` in scope.

use super::base::buffer::Buffer;
use super::proto::Parsed;
use super::proto::client_hello;
use super::proto::proxy_protocol::{self, Accepted, Header, Origin};

pub(super) fn client_hello(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    let whole = client_hello::parse(bytes);
    let early = client_hello::parse(&bytes[..cut]);
    assert!(early == Ok(Parsed::Partial) || early == whole, "split at {cut}");
    let Ok(Parsed::Complete(hello)) = whole else { return };
    assert!(hello.len <= bytes.len());
    assert_eq!(client_hello::parse(&bytes[..hello.len]), whole, "what follows does not count");
    assert_eq!(client_hello::parse(&bytes[..hello.len - 1]), Ok(Parsed::Partial));
    if let Some(name) = hello.server_name() {
        assert!(!name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
        assert!(name.split('.').all(|label| (1..=63).contains(&label.len())));
    }
    assert!(hello.protocols().all(|name| !name.is_empty()));
}

pub(super) fn proxy_protocol(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    for accepted in [Accepted::V1, Accepted::V2, Accepted::All] {
        let whole = proxy_protocol::parse(bytes, accepted);
        let early = proxy_protocol::parse(&bytes[..cut], accepted);
        assert!(early == Ok(Parsed::Partial) || early == whole, "split at {cut}");
        let Ok(Parsed::Complete(header)) = whole else { continue };
        assert_eq!(proxy_protocol::parse(&bytes[..header.len], accepted), whole);
        assert_eq!(proxy_protocol::parse(&bytes[..header.len - 1], accepted), Ok(Parsed::Partial));
        read_back(header);
    }
}

/// What is written for an accepted header means the same.
fn read_back(header: Header) {
    let Origin::Client { source, destination } = header.origin else { return };
    let mut out = Buffer::with_capacity(256);
    proxy_protocol::encode(header.version, source, destination, &mut out);
    let Ok(Parsed::Complete(again)) = proxy_protocol::parse(out.filled(), Accepted::All) else {
        panic!("not read back: {}", out.filled().escape_ascii())
    };
    let Origin::Client { source: from, destination: to } = again.origin else {
        panic!("the client is lost")
    };
    assert_eq!((from.port(), to.port()), (source.port(), destination.port()));
    assert_eq!(from.ip().to_canonical(), source.ip().to_canonical());
    assert_eq!(to.ip().to_canonical(), destination.ip().to_canonical());
    assert_eq!((again.version, again.len), (header.version, out.len()));
}

/// The first byte says where the rest is split.
fn cut(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes {
        [] => (0, bytes),
        [first, rest @ ..] => (*first as usize * (rest.len() + 1) / 256, rest),
    }
}
