use super::ParseError as E;
use super::*;

fn lengths(values: &[&str]) -> Result<Option<u64>, ParseError> {
    let mut framing = Framing::default();
    for value in values {
        framing.content_length(value.as_bytes())?;
    }
    Ok(framing.declared_length())
}

#[test]
fn a_length_is_digits_only_and_fits_a_signed_counter() {
    for (values, expected) in [
        (&[][..], Ok(None)),
        (&["0"], Ok(Some(0))),
        (&["00000000000000000000000000000012"], Ok(Some(12))),
        (&["9223372036854775807"], Ok(Some(i64::MAX as u64))),
        (&["9223372036854775808"], Err(E::BadContentLength)),
        (&["18446744073709551615"], Err(E::BadContentLength)),
        (&["18446744073709551621"], Err(E::BadContentLength)),
        (&[""], Err(E::BadContentLength)),
        (&["5", "5"], Err(E::TwoLengths)),
        (&["5", ""], Err(E::TwoLengths)),
    ] {
        assert_eq!(lengths(values), expected, "{values:?}");
    }
    for byte in 0..=255_u8 {
        let expected = byte.is_ascii_digit();
        for value in [&[b'1', byte][..], &[byte, b'1'], &[byte]] {
            let found = Framing::default().content_length(value);
            assert_eq!(found.is_ok(), expected, "{value:?}");
        }
    }
}

#[test]
fn codings_are_the_one_word_chunked() {
    for (values, expected) in [
        (&["chunked"][..], Ok(())),
        (&["CHUNKED"], Ok(())),
        (&["chunked", "chunked"], Err(E::BadTransferEncoding)),
        (&["chunked", ""], Err(E::BadTransferEncoding)),
        (&["gzip", "chunked"], Err(E::UnknownTransferCoding)),
        (&["identity"], Err(E::UnknownTransferCoding)),
        (&["gzip, deflate"], Err(E::UnknownTransferCoding)),
        (&["gzip, chunked"], Err(E::UnknownTransferCoding)),
        (&["chunked, gzip"], Err(E::BadTransferEncoding)),
        (&["gzip,, chunked"], Err(E::BadTransferEncoding)),
        (&["gzip;q=1"], Err(E::BadTransferEncoding)),
        (&[""], Err(E::BadTransferEncoding)),
    ] {
        let mut framing = Framing::default();
        let found = values.iter().try_for_each(|v| framing.transfer_encoding(v.as_bytes()));
        assert_eq!(found, expected, "{values:?}");
    }
}
