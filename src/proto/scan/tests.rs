use super::*;

/// RFC 9110 section 5.6.2, written out.
const TCHARS: &[u8] =
    b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[test]
fn every_byte_is_a_token_byte_or_not() {
    for byte in 0..=255_u8 {
        assert_eq!(is_token(&[byte]), TCHARS.contains(&byte), "{byte:#x}");
    }
}

#[test]
fn every_byte_is_known_to_the_target_scans() {
    for byte in 0..=255_u8 {
        let visible = (0x21..=0x7e).contains(&byte) && byte != b'#';
        assert_eq!(query_end(&[byte], 0), usize::from(visible), "{byte:#x}");
        assert_eq!(path_end(&[byte], 0), usize::from(visible && byte != b'?'), "{byte:#x}");
        assert_eq!(hex_end(&[byte], 0), usize::from(hex_value(byte).is_some()), "{byte:#x}");
    }
}

#[test]
fn a_value_ends_at_every_control_byte_wherever_it_stands() {
    for byte in 0..=255_u8 {
        let control = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
        let fillers = [b'a', b'\t', 0xff, b' ', b'~', 0x80];
        for (place, filler) in (0..24 * 6).map(|index| (index / 6, fillers[index % 6])) {
            let mut bytes = [filler; 24];
            bytes[place] = byte;
            let expected = if control { place } else { 24 };
            assert_eq!(value_end(&bytes, 0), expected, "{byte:#x} at {place} in {filler:#x}");
        }
    }
}

#[test]
fn a_value_ends_at_the_first_of_many_controls() {
    for first in 0..16 {
        for second in first..17 {
            let mut bytes = [b' '; 17];
            bytes[second] = b'\x01';
            bytes[first] = b'\x7f';
            assert_eq!(value_end(&bytes, 0), first);
            assert_eq!(value_end(&bytes, first), first);
        }
    }
}

#[test]
fn blanks_are_trimmed_and_nothing_else() {
    for (input, expected) in [
        (&b" \ta b\t "[..], &b"a b"[..]),
        (b"", b""),
        (b" \t ", b""),
        (b"\x0ba\x0c", b"\x0ba\x0c"),
        (b"\xa0a", b"\xa0a"),
    ] {
        assert_eq!(trim(input), expected);
    }
}
