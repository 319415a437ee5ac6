//! Field values a gateway reads and writes: lists, and the fields that say who asked.
//!
//! Which names are hop-by-hop or protected is said by `FieldName`. Owns no state.

use std::net::IpAddr;

use super::scan;
use crate::base::buffer::Buffer;

/// The elements of a comma-separated list, trimmed; empty ones are skipped, RFC 9110 section 5.6.1.
/// For lists without quoted strings: `Connection`, `TE`, `X-Forwarded-For`.
#[inline]
pub fn elements(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(scan::trim).filter(|element| !element.is_empty())
}

/// Whether a list has an element, in any case.
#[inline]
pub fn lists(value: &[u8], wanted: &[u8]) -> bool {
    elements(value).any(|element| element.eq_ignore_ascii_case(wanted))
}

/// An IP address as text, made once a connection: requests only copy it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddressText {
    bytes: [u8; ADDRESS_BYTES_MAX],
    len: u8,
}

const ADDRESS_BYTES_MAX: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();

impl AddressText {
    /// An IPv4-mapped address is written as the IPv4 address it is.
    pub fn new(address: IpAddr) -> Self {
        use std::io::Write;
        let mut bytes = [0; ADDRESS_BYTES_MAX];
        let mut rest = &mut bytes[..];
        write!(rest, "{}", address.to_canonical()).expect("no address is longer than the longest");
        let len = (ADDRESS_BYTES_MAX - rest.len()) as u8;
        Self { bytes, len }
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

impl std::fmt::Debug for AddressText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(std::str::from_utf8(self.as_bytes()).expect("an address is ASCII"))
    }
}

/// Writes the line `X-Forwarded-For: a, b, peer`. `received` are the values of the fields that
/// came, all of them to append to, none to replace them.
pub fn forwarded_for<'a>(
    out: &mut Buffer,
    received: impl Iterator<Item = &'a [u8]>,
    peer: &AddressText,
) {
    out.put(b"X-Forwarded-For: ");
    for value in received.filter(|value| !value.is_empty()) {
        out.put(value);
        out.put(b", ");
    }
    out.put(peer.as_bytes());
    out.put(b"\r\n");
}

/// The client as told by the nearest `trusted_hops` proxies before us. With one, the last element
/// was written by a proxy we trust about its own peer, and so on backwards; a list that is shorter
/// than the hops says nothing. `value` is the last `X-Forwarded-For` received.
pub fn forwarded_client(value: &[u8], trusted_hops: usize) -> Option<&[u8]> {
    elements(value).rev().nth(trusted_hops.checked_sub(1)?)
}

#[cfg(test)]
mod tests;
