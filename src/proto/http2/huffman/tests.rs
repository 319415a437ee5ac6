use super::*;
use crate::base::random::Random;

fn encoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(text, &mut out);
    assert_eq!(out.len(), coded_bytes(text), "{}", text.escape_ascii());
    out
}

fn decoded(coded: &[u8]) -> Result<Vec<u8>, BadCode> {
    let mut out = b"before".to_vec();
    decode(coded, &mut out)?;
    Ok(out.strip_prefix(b"before").expect("what was there stays").to_vec())
}

#[test]
fn codes_are_those_of_appendix_b() {
    for (byte, code, length) in [
        (b'0', 0x0, 5),
        (b' ', 0x14, 6),
        (b'a', 0x3, 5),
        (b'Z', 0xfd, 8),
        (b'!', 0x3f8, 10),
        (b'\\', 0x7fff0, 19),
        (b'\n', 0x3fff_fffc, 30),
        (0, 0x1ff8, 13),
        (22, 0x3fff_fffe, 30),
        (255, 0x3ff_ffee, 26),
        (249, 0xfff_fffe, 28),
    ] {
        assert_eq!((CODES[byte as usize], LENGTHS[byte as usize]), (code, length), "{byte}");
    }
    assert_eq!((CODES[256], LENGTHS[256]), (0x3fff_ffff, 30));
}

#[test]
fn every_byte_and_every_pair_comes_back() {
    for first in 0..=255 {
        assert_eq!(decoded(&encoded(&[first])), Ok(vec![first]));
        for second in 0..=255 {
            assert_eq!(decoded(&encoded(&[first, second])), Ok(vec![first, second]));
        }
    }
}

#[test]
fn text_comes_back_at_any_length() {
    let random = Random::seeded(0x7541);
    for round in 0..4000 {
        let bound = if round % 2 == 0 { 256 } else { 128 };
        let text: Vec<u8> = (0..round % 97).map(|_| random.below(bound) as u8).collect();
        assert_eq!(decoded(&encoded(&text)).as_ref(), Ok(&text), "{}", text.escape_ascii());
    }
}

#[test]
fn padding_and_the_end_are_strict() {
    // `0` is 00000, `a` is 00011.
    let check = |coded: &[u8], expected: Result<&[u8], BadCode>| {
        assert_eq!(decoded(coded).as_deref(), expected.as_deref(), "{coded:02x?}");
    };
    check(&[], Ok(b""));
    check(&[0b0000_0111], Ok(b"0"));
    check(&[0b0000_0011], Err(BadCode));
    check(&[0b0000_0110], Err(BadCode));
    // `8` is 011110: its padding is two bits.
    check(&[0b0111_1011], Ok(b"8"));
    check(&[0b0111_1001], Err(BadCode));
    check(&[0b0111_1011, 0xff], Err(BadCode));
    check(&[0xff], Err(BadCode));
    check(&[0xff, 0xff, 0xff], Err(BadCode));
    // The end of the string, alone and behind text.
    check(&[0xff; 4], Err(BadCode));
    check(&[0b0000_0111, 0xff, 0xff, 0xff, 0xff], Err(BadCode));
    check(&[0xff; 40], Err(BadCode));
    // A long code cut short.
    check(&[0xff, 0xc0], Err(BadCode));
    check(&encoded(b"\n")[..3], Err(BadCode));
}

#[test]
fn any_bytes_are_an_error_or_have_one_code() {
    let random = Random::seeded(0xc0de);
    let mut good = 0;
    for round in 0..200_000 {
        let coded: Vec<u8> = (0..round % 12).map(|_| random.next() as u8).collect();
        if let Ok(text) = decoded(&coded) {
            good += 1;
            assert_eq!(encoded(&text), coded);
        }
    }
    assert!(good > 1000, "the test decodes something: {good}");
}
