//! Request targets, authorities, and the normal form of a path.
//!
//! Refuses what a router and an origin may read differently. Owns no state.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::http1::{Method, Scheme};
use super::scan;

/// A target that is not in origin-form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The scheme, and where in the target the authority stands.
    Absolute(Scheme, Range<usize>),
    /// The whole target is an authority with a port.
    Authority,
    Asterisk,
}

/// The form of a target that does not start with `/`, or of a CONNECT, RFC 9112 section 3.2.
/// `None`: a form that the method does not go with, or none at all.
pub fn target(target: &[u8], method: Method) -> Option<Target> {
    if method == Method::Connect {
        let (_, port) = split_host_port(target)?;
        return port.map(|_| Target::Authority);
    }
    if target == b"*" {
        return (method == Method::Options).then_some(Target::Asterisk);
    }
    let (scheme, start) = if starts_with(target, b"http://") {
        (Scheme::Http, "http://".len())
    } else if starts_with(target, b"https://") {
        (Scheme::Https, "https://".len())
    } else {
        return None;
    };
    let rest = &target[start..];
    let length = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    // User information is refused with everything else that is no `uri-host [ ":" port ]`:
    // RFC 9110 section 4.2.4.
    is_authority(&rest[..length]).then_some(Target::Absolute(scheme, start..start + length))
}

/// Whether this is a valid `uri-host [ ":" port ]`; see `split_host_port`.
#[inline]
pub fn is_authority(authority: &[u8]) -> bool {
    split_host_port(authority).is_some()
}

/// Takes `uri-host [ ":" port ]` apart. The host is a name of unreserved characters or an IPv6
/// address in brackets, which stay; percent-escapes and sub-delimiters, which the grammar has and
/// no host name, are refused, and so is an empty host. An empty port counts as none.
pub fn split_host_port(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let host_len = match authority.first()? {
        b'[' => {
            let close = memchr::memchr(b']', authority)?;
            let address = std::str::from_utf8(&authority[1..close]).ok()?;
            address.parse::<Ipv6Addr>().ok()?;
            close + 1
        }
        _ => scan::unreserved_end(authority, 0),
    };
    let (host, rest) = authority.split_at(host_len);
    match rest {
        _ if host.is_empty() => None,
        [] => Some((host, None)),
        [b':', digits @ ..] => Some((host, port(digits)?)),
        _ => None,
    }
}

/// The path and the query of an origin-form target.
pub fn split_path_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', target) {
        Some(mark) => (&target[..mark], Some(&target[mark + 1..])),
        None => (target, None),
    }
}

/// A path to route on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoutingPath<'a> {
    /// It was in its normal form.
    AsWritten(&'a [u8]),
    /// It was not: this is to be routed on *and* sent on, so that the origin sees what was matched.
    Rewritten(&'a [u8]),
}

impl<'a> RoutingPath<'a> {
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::AsWritten(path) | Self::Rewritten(path) => path,
        }
    }
}

/// Why a path cannot be routed on: every case is a 400.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathError {
    /// A control character, a space, a non-ASCII byte, `#` or `?`.
    BadByte,
    /// `%` without two hexadecimal digits.
    BadEscape,
    /// `%00`, which ends a string in half of the world's origins.
    Null,
    /// A raw `\`, which half of the world's origins take for `/`.
    Backslash,
    /// A dot segment that only some origins see: with parameters (`..;`), or next to an encoded
    /// separator (`..%2F`, `x%5C..`).
    HiddenDots,
}

/// The normal form of an absolute path, RFC 3986 section 6.2.2: escapes of unreserved characters
/// decoded, other escapes in upper case, dot segments removed. It is what routes are matched
/// against and what is forwarded. `%2F` and `%5C` stay as they are, since decoded they would be
/// another path; empty segments (`//`) stay, since origins may tell them apart. `*` is itself.
///
/// `scratch` is cleared, and grows to the length of a path at most; a path in normal form, as
/// nearly all are, does not touch it.
pub fn routing_path<'a>(
    path: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<RoutingPath<'a>, PathError> {
    if is_plain(path) {
        return Ok(RoutingPath::AsWritten(path));
    }
    scratch.clear();
    decode(path, scratch)?;
    remove_dot_segments(scratch)?;
    if scratch.as_slice() == path {
        return Ok(RoutingPath::AsWritten(path));
    }
    Ok(RoutingPath::Rewritten(scratch))
}

/// Nothing in it could be rewritten or refused: the short cut for most paths. Both passes go on to
/// the end whatever they see, so that the compiler can take many bytes at a time.
#[inline]
fn is_plain(path: &[u8]) -> bool {
    let suspect = |byte: u8| {
        !(b'!'..=b'~').contains(&byte)
            | (byte == b'%')
            | (byte == b'\\')
            | (byte == b'#')
            | (byte == b'?')
    };
    let bytes = path.iter().fold(false, |found, &byte| found | suspect(byte));
    let pairs = path.iter().zip(path.iter().skip(1));
    let dots = pairs.fold(false, |found, (&a, &b)| found | ((a == b'/') & (b == b'.')));
    !(bytes | dots)
}

fn decode(path: &[u8], out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let [high, low, tail @ ..] = tail else { return Err(PathError::BadEscape) };
                rest = tail;
                decode_escape(*high, *low, out)?;
            }
            b'\\' => return Err(PathError::Backslash),
            b'#' | b'?' => return Err(PathError::BadByte),
            byte if byte.is_ascii_graphic() => out.push(*byte),
            _ => return Err(PathError::BadByte),
        }
    }
    Ok(())
}

fn decode_escape(high: u8, low: u8, out: &mut Vec<u8>) -> Result<(), PathError> {
    let (Some(upper), Some(lower)) = (scan::hex_value(high), scan::hex_value(low)) else {
        return Err(PathError::BadEscape);
    };
    match upper << 4 | lower {
        0 => return Err(PathError::Null),
        byte if scan::is_unreserved(byte) => out.push(byte),
        _ => out.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]),
    }
    Ok(())
}

/// RFC 3986 section 5.2.4, in place: a segment is kept by moving it down, and `..` goes back to
/// the slash before the last one kept, never above the root.
fn remove_dot_segments(path: &mut Vec<u8>) -> Result<(), PathError> {
    let mut kept = 0;
    let mut at = 0;
    while at < path.len() {
        // `at` is on the slash before a segment, but for a path that does not start with one.
        let start = at + usize::from(path[at] == b'/');
        let end = memchr::memchr(b'/', &path[start..]).map_or(path.len(), |found| start + found);
        let last = end == path.len();
        match &path[start..end] {
            b"." | b".." => {
                if end - start == 2 {
                    kept = memchr::memrchr(b'/', &path[..kept]).unwrap_or(0);
                }
                // What a dot segment ends in is a directory: its slash stays.
                if last {
                    path[kept] = b'/';
                    kept += 1;
                }
            }
            segment if hides_dots(segment) => return Err(PathError::HiddenDots),
            _ => {
                path.copy_within(at..end, kept);
                kept += end - at;
            }
        }
        at = end;
    }
    path.truncate(kept);
    Ok(())
}

/// Whether a segment, in normal form and no dot segment itself, has dots in it that an origin may
/// resolve after it has cut parameters off or decoded a separator.
fn hides_dots(segment: &[u8]) -> bool {
    let mut piece_start = 0;
    for at in memchr::memchr_iter(b'%', segment).chain([segment.len()]) {
        let separator = matches!(segment[at..], [b'%', b'2', b'F', ..] | [b'%', b'5', b'C', ..]);
        if !separator && at < segment.len() {
            continue;
        }
        let piece = &segment[piece_start..at];
        if matches!(piece, b"." | b".." | [b'.', b';', ..] | [b'.', b'.', b';', ..]) {
            return true;
        }
        piece_start = at + "%2F".len();
    }
    false
}

/// `*DIGIT`, at most 65535. The outer `None` is an error, the inner one an empty port.
fn port(digits: &[u8]) -> Option<Option<u16>> {
    if digits.is_empty() {
        return Some(None);
    }
    let mut port: u32 = 0;
    for digit in digits {
        let value = digit.wrapping_sub(b'0');
        port = port.saturating_mul(10).saturating_add(u32::from(value));
        if value > 9 {
            return None;
        }
    }
    u16::try_from(port).ok().map(Some)
}

fn starts_with(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;
