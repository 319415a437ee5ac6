//! `Accept-Encoding`, RFC 9110 section 12.5.3. Owns no state.

use crate::proto::header::elements;
use crate::proto::scan;

/// How much the client wants a coding, in thousandths; None when it does not name it. `values` are
/// those of all fields. A weight that is none counts as 0: not to send a coding is always right.
pub fn quality<'a>(values: impl Iterator<Item = &'a [u8]>, name: &[u8]) -> Option<u16> {
    let named = |element: &'a [u8]| {
        let mut parts = element.split(|byte| *byte == b';').map(scan::trim);
        let coding = parts.next()?;
        coding.eq_ignore_ascii_case(name).then(|| parts.next().map_or(ONE, weight))
    };
    values.flat_map(elements).find_map(named)
}

pub const ONE: u16 = 1000;

/// `q=0.5`, RFC 9110 section 12.4.2.
fn weight(parameter: &[u8]) -> u16 {
    let Some((name, value)) = split(parameter, b'=') else { return 0 };
    if !scan::trim(name).eq_ignore_ascii_case(b"q") {
        return 0;
    }
    let (whole, part) = split(scan::trim(value), b'.').unwrap_or_else(|| (scan::trim(value), b""));
    let digits = part.len() <= 3 && part.iter().all(u8::is_ascii_digit);
    match whole {
        b"1" if digits && part.iter().all(|digit| *digit == b'0') => ONE,
        b"0" if digits => {
            let thousandths = part.iter().chain(b"000").take(3);
            thousandths.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
        }
        _ => 0,
    }
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..place], &bytes[place + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        for (field, name, expected) in [
            ("gzip", "gzip", Some(1000)),
            ("GZIP", "gzip", Some(1000)),
            ("gzip, br", "br", Some(1000)),
            ("gzip,br;q=0.5", "br", Some(500)),
            ("br ; Q = 0.25 , gzip", "br", Some(250)),
            ("br;q=1.000", "br", Some(1000)),
            ("br;q=0", "br", Some(0)),
            ("br;q=0.001", "br", Some(1)),
            ("br;q=0.0", "br", Some(0)),
            ("br;q=1.001", "br", Some(0)),
            ("br;q=2", "br", Some(0)),
            ("br;q=0.1234", "br", Some(0)),
            ("br;q=", "br", Some(0)),
            ("br;q", "br", Some(0)),
            ("br;level=1", "br", Some(0)),
            ("brotli", "br", None),
            ("*;q=0.1", "*", Some(100)),
            ("", "br", None),
            (" , ,", "br", None),
        ] {
            let values = std::iter::once(field.as_bytes());
            assert_eq!(quality(values, name.as_bytes()), expected, "{field}");
        }
        let several = [&b"gzip;q=0.5"[..], b"br"];
        assert_eq!(quality(several.into_iter(), b"br"), Some(1000));
    }
}
