//! Version 2: a binary header, section 2.2 of the specification.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, Origin, Parsed, ProxyError, Version};
use crate::base::buffer::Buffer;
use crate::limits::PROXY_V2_BYTES_MAX;

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const HEAD_BYTES: usize = 16;
const VERSION: u8 = 0x20;
const LOCAL: u8 = 0;
const PROXY: u8 = 1;
const STREAM: u8 = 1;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const TCP4_BYTES: usize = 12;
const TCP6_BYTES: usize = 36;
const UNIX_BYTES: usize = 216;
const EXTENSION_HEAD_BYTES: usize = 3;
const CHECKSUM: u8 = 3;
/// Its polynomial, bits reversed.
const CRC32C: u32 = 0x82f6_3b78;

pub(super) fn parse(input: &[u8]) -> Result<Parsed<Header>, ProxyError> {
    let Some(&command) = input.get(SIGNATURE.len()) else { return Ok(Parsed::Partial) };
    if command & 0xf0 != VERSION || command & 0x0f > PROXY {
        return Err(ProxyError::BadCommand);
    }
    let is_local = command & 0x0f == LOCAL;
    let Some(&family) = input.get(SIGNATURE.len() + 1) else { return Ok(Parsed::Partial) };
    let addresses = address_bytes(family, is_local)?;
    let Some(head) = input.first_chunk::<HEAD_BYTES>() else { return Ok(Parsed::Partial) };
    let bytes = usize::from(u16::from_be_bytes([head[14], head[15]]));
    if HEAD_BYTES + bytes > PROXY_V2_BYTES_MAX {
        return Err(ProxyError::Oversized);
    }
    if bytes < addresses {
        return Err(ProxyError::BadLength);
    }
    let Some(body) = input.get(HEAD_BYTES..HEAD_BYTES + bytes) else {
        return Ok(Parsed::Partial);
    };
    // What a balancer says of itself is to be skipped, whatever it is.
    let origin = if is_local { Origin::Local } else { origin(family, body) };
    if !is_local && family != 0 {
        check_extensions(&input[..HEAD_BYTES + bytes], HEAD_BYTES + addresses)?;
    }
    Ok(Parsed::Complete(Header { version: Version::V2, origin, len: HEAD_BYTES + bytes }))
}

/// The bytes of the addresses of a family that stands before the extensions.
fn address_bytes(family: u8, is_local: bool) -> Result<usize, ProxyError> {
    let (address, transport) = (family >> 4, family & 0x0f);
    match (address, transport) {
        _ if is_local && address <= 3 && transport <= 2 => Ok(0),
        (0, 0) => Ok(0),
        (1, STREAM) => Ok(TCP4_BYTES),
        (2, STREAM) => Ok(TCP6_BYTES),
        (3, STREAM) => Ok(UNIX_BYTES),
        // Datagrams do not come over a stream.
        _ => Err(ProxyError::BadFamily),
    }
}

fn origin(family: u8, body: &[u8]) -> Origin {
    let port = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    match (family, body.first_chunk::<TCP4_BYTES>(), body.first_chunk::<TCP6_BYTES>()) {
        (TCP4, Some([a, b, c, d, e, f, g, h, from_high, from_low, to_high, to_low]), _) => {
            let (from, to) = (Ipv4Addr::new(*a, *b, *c, *d), Ipv4Addr::new(*e, *f, *g, *h));
            Origin::Client {
                source: (from, port(*from_high, *from_low)).into(),
                destination: (to, port(*to_high, *to_low)).into(),
            }
        }
        (TCP6, _, Some(bytes)) => {
            let address = |at: usize| {
                let bytes = bytes[at..].first_chunk::<16>();
                Ipv6Addr::from(*bytes.expect("two addresses and two ports are 36 bytes"))
            };
            Origin::Client {
                source: (address(0), port(bytes[32], bytes[33])).into(),
                destination: (address(16), port(bytes[34], bytes[35])).into(),
            }
        }
        _ => Origin::Unknown,
    }
}

/// Extensions, which begin at `at`, are skipped by their lengths, which have to add up. A checksum
/// has to be right: section 2.2.5.
fn check_extensions(header: &[u8], mut at: usize) -> Result<(), ProxyError> {
    while let [kind, high, low, value @ ..] = &header[at..] {
        let bytes = usize::from(u16::from_be_bytes([*high, *low]));
        let value = value.get(..bytes).ok_or(ProxyError::BadLength)?;
        let start = at + EXTENSION_HEAD_BYTES;
        at = start + bytes;
        if *kind == CHECKSUM {
            let told = value.first_chunk().filter(|_| bytes == 4).ok_or(ProxyError::BadLength)?;
            // It was made with zeros in its own place.
            let parts = [&header[..start], &[0; 4], &header[at..]];
            if crc32c(parts.into_iter().flatten()) != u32::from_be_bytes(*told) {
                return Err(ProxyError::BadChecksum);
            }
        }
    }
    if at == header.len() { Ok(()) } else { Err(ProxyError::BadLength) }
}

/// CRC-32C, RFC 3720 section 12.1, bit by bit: at most one short header a connection has it.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let shifted = |sum: u32| if sum & 1 == 1 { sum >> 1 ^ CRC32C } else { sum >> 1 };
    !bytes.fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| shifted(sum)))
}

pub(super) fn encode(source: SocketAddr, destination: SocketAddr, out: &mut Buffer) {
    match (source, destination) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            head(PROXY, TCP4, TCP4_BYTES, out);
            out.put(&from.ip().octets());
            out.put(&to.ip().octets());
        }
        (SocketAddr::V6(from), SocketAddr::V6(to)) => {
            head(PROXY, TCP6, TCP6_BYTES, out);
            out.put(&from.ip().octets());
            out.put(&to.ip().octets());
        }
        _ => unreachable!("both addresses were made alike"),
    }
    out.put(&source.port().to_be_bytes());
    out.put(&destination.port().to_be_bytes());
}

pub(super) fn encode_local(out: &mut Buffer) {
    head(LOCAL, 0, 0, out);
}

fn head(command: u8, family: u8, bytes: usize, out: &mut Buffer) {
    out.put(SIGNATURE);
    out.put(&[VERSION | command, family, 0, bytes as u8]);
}
