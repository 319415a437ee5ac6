//! Signatures of AWS, version 4: what of a request is signed, in which form, and by which key. Reads
//! no clock and keeps no key. Refuses to guess: what is signed is what stands in the head.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

/// Who signs.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    pub access_key_id: &'a str,
    pub secret_access_key: &'a str,
}

/// For what.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub region: &'a str,
    pub service: &'a str,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a [u8],
    /// As it is sent, query included.
    pub target: &'a [u8],
    /// Those that are signed. In any order, with names in any case.
    pub fields: &'a [(&'a [u8], &'a [u8])],
    /// Of the body, in hexadecimal digits.
    pub body: &'a [u8; 64],
}

/// A time as signatures have it: `20260101T000000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp([u8; 16]);

impl Stamp {
    /// Of seconds since 1970.
    pub fn of(unix_seconds: u64) -> Self {
        let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
        // Days to dates by eras of 400 years that begin in March: after Howard Hinnant.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + u64::from(month <= 2);
        let mut text = *b"00000000T000000Z";
        let mut put = |at: usize, digits: usize, mut value: u64| {
            for digit in text[at..at + digits].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 4, year);
        put(4, 2, month);
        put(6, 2, day);
        put(9, 2, seconds / 3600);
        put(11, 2, seconds / 60 % 60);
        put(13, 2, seconds % 60);
        Self(text)
    }

    pub fn text(&self) -> &[u8] {
        &self.0
    }

    fn date(&self) -> &[u8] {
        &self.0[..8]
    }
}

/// Appends the value of `Authorization`.
pub fn put_authorization(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    stamp: Stamp,
    keys: Keys<'_>,
    scope: Scope<'_>,
) {
    let (canonical, signed) = canonical(request, scope.service);
    let signature = signature(&sha256(&canonical), stamp, keys.secret_access_key, scope);
    for part in [&b"AWS4-HMAC-SHA256 Credential="[..], keys.access_key_id.as_bytes(), b"/"] {
        out.extend_from_slice(part);
    }
    put_scope(out, stamp, scope);
    for part in [&b", SignedHeaders="[..], &signed, b", Signature=", &signature] {
        out.extend_from_slice(part);
    }
}

/// In hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    hex(digest(&SHA256, bytes).as_ref(), &mut out);
    out
}

fn signature(canonical: &[u8; 64], stamp: Stamp, secret: &str, scope: Scope<'_>) -> [u8; 64] {
    let mut first = b"AWS4".to_vec();
    first.extend_from_slice(secret.as_bytes());
    let mut key = mac(&first, stamp.date());
    first.fill(0);
    for part in [scope.region.as_bytes(), scope.service.as_bytes(), b"aws4_request"] {
        key = mac(key.as_ref(), part);
    }
    let mut text = b"AWS4-HMAC-SHA256\n".to_vec();
    text.extend_from_slice(stamp.text());
    text.push(b'\n');
    put_scope(&mut text, stamp, scope);
    text.push(b'\n');
    text.extend_from_slice(canonical);
    let mut out = [0; 64];
    hex(mac(key.as_ref(), &text).as_ref(), &mut out);
    out
}

fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

fn put_scope(out: &mut Vec<u8>, stamp: Stamp, scope: Scope<'_>) {
    out.extend_from_slice(stamp.date());
    for part in [scope.region.as_bytes(), scope.service.as_bytes(), b"aws4_request"] {
        out.push(b'/');
        out.extend_from_slice(part);
    }
}

/// The request in the form that both sides have it in, and the names of the fields in it.
fn canonical(request: &Request<'_>, service: &str) -> (Vec<u8>, Vec<u8>) {
    let end = memchr::memchr(b'?', request.target).unwrap_or(request.target.len());
    let (path, query) = (&request.target[..end], request.target.get(end + 1..));
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(request.method);
    out.push(b'\n');
    put_path(&mut out, path, service);
    out.push(b'\n');
    put_query(&mut out, query.unwrap_or_default());
    out.push(b'\n');
    let mut fields: Vec<(Vec<u8>, &[u8])> =
        request.fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
    // Stable: fields of one name stay in their order.
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    let mut names: Vec<u8> = Vec::new();
    for same in fields.chunk_by(|one, other| one.0 == other.0) {
        let name = &same[0].0;
        if !names.is_empty() {
            names.push(b';');
        }
        names.extend_from_slice(name);
        out.extend_from_slice(name);
        for (place, (_, value)) in same.iter().enumerate() {
            out.push(if place == 0 { b':' } else { b',' });
            put_value(&mut out, value);
        }
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(&names);
    out.push(b'\n');
    out.extend_from_slice(request.body);
    (out, names)
}

/// What is encoded already is encoded once more, but for S3, which takes a path as it is.
fn put_path(out: &mut Vec<u8>, path: &[u8], service: &str) {
    if path.is_empty() {
        out.push(b'/');
        return;
    }
    if service == "s3" {
        out.extend_from_slice(path);
        return;
    }
    // Without segments that are empty or dots, as the other side reads it.
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => (),
            b".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        segment.iter().for_each(|byte| put_encoded(out, *byte));
    }
    if segments.is_empty() || path.ends_with(b"/") {
        out.push(b'/');
    }
}

fn put_query(out: &mut Vec<u8>, query: &[u8]) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let end = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            (again(&pair[..end]), again(pair.get(end + 1..).unwrap_or_default()))
        })
        .collect();
    pairs.sort();
    for (place, (name, value)) in pairs.iter().enumerate() {
        if place > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// A part of a query in the one way of encoding it.
fn again(part: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.len());
    let mut at = 0;
    while at < part.len() {
        let digits = part.get(at + 1..at + 3).filter(|_| part[at] == b'%');
        let digits = digits.and_then(|two| str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                put_encoded(&mut out, byte);
                at += 3;
            }
            None => {
                put_encoded(&mut out, part[at]);
                at += 1;
            }
        }
    }
    out
}

/// RFC 3986: all but what is unreserved.
fn put_encoded(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        out.push(byte);
    } else {
        let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
        out.extend_from_slice(&[b'%', high, low]);
    }
}

/// Without the spaces around it, and with one where several are.
fn put_value(out: &mut Vec<u8>, value: &[u8]) {
    let mut last = 0;
    for byte in value.trim_ascii() {
        if *byte != b' ' || last != b' ' {
            out.push(*byte);
        }
        last = *byte;
    }
}

fn hex(bytes: &[u8], out: &mut [u8; 64]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests;
