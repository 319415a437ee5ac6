//! Version 1: one line of text, section 2.1 of the specification.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, Origin, Parsed, ProxyError, Version};
use crate::base::buffer::Buffer;
use crate::limits::PROXY_V1_BYTES_MAX;

pub(super) const SIGNATURE: &[u8] = b"PROXY ";
pub(super) const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";

pub(super) fn parse(input: &[u8]) -> Result<Parsed<Header>, ProxyError> {
    let line = &input[..input.len().min(PROXY_V1_BYTES_MAX)];
    let Some(end) = line.iter().position(|&byte| byte == b'\n') else {
        // A CR may be the last byte so far: its LF is on the way.
        let is_text = is_text(line.strip_suffix(b"\r").unwrap_or(line));
        return match (is_text, line.len() < PROXY_V1_BYTES_MAX) {
            (false, _) => Err(ProxyError::BadLine),
            (true, false) => Err(ProxyError::Oversized),
            (true, true) => Ok(Parsed::Partial),
        };
    };
    let line = line[..end].strip_suffix(b"\r").ok_or(ProxyError::BadLine)?;
    if !is_text(line) {
        return Err(ProxyError::BadLine);
    }
    let rest = line.get(SIGNATURE.len()..).ok_or(ProxyError::BadLine)?;
    Ok(Parsed::Complete(Header { version: Version::V1, origin: origin(rest)?, len: end + 1 }))
}

fn is_text(line: &[u8]) -> bool {
    line.iter().all(|byte| (b' '..0x7f).contains(byte))
}

fn origin(rest: &[u8]) -> Result<Origin, ProxyError> {
    // What follows UNKNOWN is to be ignored.
    if rest == b"UNKNOWN" || rest.starts_with(b"UNKNOWN ") {
        return Ok(Origin::Unknown);
    }
    let mut words = rest.split(|&byte| byte == b' ');
    let mut word = || words.next().ok_or(ProxyError::BadLine);
    let family = word()?;
    let (source, destination) = match family {
        b"TCP4" => (v4(word()?)?, v4(word()?)?),
        b"TCP6" => (v6(word()?)?, v6(word()?)?),
        _ => return Err(ProxyError::BadFamily),
    };
    let (source_port, destination_port) = (port(word()?)?, port(word()?)?);
    if words.next().is_some() {
        return Err(ProxyError::BadLine);
    }
    let source = SocketAddr::new(source, source_port);
    Ok(Origin::Client { source, destination: SocketAddr::new(destination, destination_port) })
}

fn v4(word: &[u8]) -> Result<IpAddr, ProxyError> {
    text(word).parse::<Ipv4Addr>().map(IpAddr::from).map_err(|_| ProxyError::BadAddress)
}

fn v6(word: &[u8]) -> Result<IpAddr, ProxyError> {
    text(word).parse::<Ipv6Addr>().map(IpAddr::from).map_err(|_| ProxyError::BadAddress)
}

/// 0 to 65535 without a sign or a leading zero.
fn port(word: &[u8]) -> Result<u16, ProxyError> {
    let is_plain = match word {
        [] | [b'0', _, ..] => false,
        digits => digits.iter().all(u8::is_ascii_digit),
    };
    if !is_plain {
        return Err(ProxyError::BadPort);
    }
    text(word).parse().map_err(|_| ProxyError::BadPort)
}

fn text(word: &[u8]) -> &str {
    std::str::from_utf8(word).expect("a line was checked to be ASCII")
}

pub(super) fn encode(source: SocketAddr, destination: SocketAddr, out: &mut Buffer) {
    let mut line = [0; PROXY_V1_BYTES_MAX];
    let mut rest = &mut line[..];
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    let (from_port, to_port) = (source.port(), destination.port());
    write!(rest, "PROXY {family} {from} {to} {from_port} {to_port}\r\n")
        .expect("the longest line is what the specification says");
    let left = rest.len();
    out.put(&line[..PROXY_V1_BYTES_MAX - left]);
}
