use super::*;

fn encoded(value: usize, prefix_bits: u32, pattern: u8) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, prefix_bits, pattern, &mut out);
    out
}

fn decoded(mut block: &[u8], prefix_bits: u32) -> Result<(usize, usize), HpackError> {
    decode(&mut block, prefix_bits).map(|value| (value, block.len()))
}

#[test]
fn examples_of_appendix_c_1() {
    for (value, prefix_bits, bytes) in
        [(10, 5, &[0x0a][..]), (1337, 5, &[0x1f, 0x9a, 0x0a]), (42, 8, &[0x2a])]
    {
        assert_eq!(encoded(value, prefix_bits, 0), bytes);
        assert_eq!(decoded(bytes, prefix_bits), Ok((value, 0)));
    }
}

fn check_round_trip(value: usize, prefix_bits: u32) {
    let pattern = if prefix_bits == 8 { 0 } else { 0xff << prefix_bits };
    let bytes = encoded(value, prefix_bits, pattern);
    assert_eq!(decoded(&bytes, prefix_bits), Ok((value, 0)));
    assert_eq!(decoded(&[&bytes[..], b"x"].concat(), prefix_bits), Ok((value, 1)));
    for cut in 0..bytes.len() {
        assert_eq!(decoded(&bytes[..cut], prefix_bits), Err(HpackError::Truncated));
    }
}

#[test]
fn every_prefix_brings_every_magnitude_back() {
    for prefix_bits in 4..=8 {
        for power in 0..28 {
            for value in [(1 << power) - 1, 1 << power, (1 << power) + 1] {
                check_round_trip(value, prefix_bits);
            }
        }
    }
    let largest = INTEGER_MAX as usize;
    assert_eq!(decoded(&encoded(largest, 5, 0), 5), Ok((largest, 0)));
}

#[test]
fn overflow_and_endless_zeros_are_refused() {
    for bytes in [
        &encoded(INTEGER_MAX as usize + 1, 5, 0)[..],
        &encoded(u32::MAX as usize, 5, 0),
        &encoded(usize::MAX, 5, 0),
        &[0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x1f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ] {
        assert_eq!(decoded(bytes, 5), Err(HpackError::IntegerTooLarge), "{bytes:02x?}");
    }
    // Padding with zeros is allowed, for as long as it can still be an integer.
    assert_eq!(decoded(&[0x1f, 0x80, 0x80, 0x80, 0x80, 0x00], 5), Ok((31, 0)));
}
