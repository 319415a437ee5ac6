use super::super::encoder::tests::encoded;
use super::*;

#[test]
fn what_went_in_comes_out() {
    let text = "a text that says the same, and says the same. ".repeat(1000).into_bytes();
    for coding in Coding::ALL {
        let coded = encoded(coding, &text);
        assert!(coded.len() < text.len() / 10, "{coding:?}");
        assert_eq!(decode(coding, &coded, text.len()), Ok(text.clone()), "{coding:?}");
        assert_eq!(decode(coding, &encoded(coding, b""), 0), Ok(Vec::new()), "{coding:?}");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let zeros = vec![0; 10_000_000];
    for coding in Coding::ALL {
        let bomb = encoded(coding, &zeros);
        assert!(bomb.len() < 20_000, "{coding:?}: {}", bomb.len());
        assert_eq!(decode(coding, &bomb, 100_000), Err(DecodeError::TooLarge), "{coding:?}");
        assert_eq!(decode(coding, &bomb, zeros.len() - 1), Err(DecodeError::TooLarge));
        assert!(decode(coding, &bomb, zeros.len()).is_ok());
    }
}

#[test]
fn what_is_cut_or_something_else_is_refused() {
    let text: Vec<u8> =
        (0..20_000_u32).flat_map(|n| n.wrapping_mul(0x9E37_79B9).to_be_bytes()).collect();
    for coding in Coding::ALL {
        let coded = encoded(coding, &text);
        for cut in [1, 5, 100, coded.len() / 2, coded.len() - 1] {
            assert!(decode(coding, &coded[..cut], text.len()).is_err(), "{coding:?} {cut}");
        }
        assert!(decode(coding, b"no such thing, whatever it is called", 1000).is_err());
    }
}

#[test]
fn several_codings_are_undone_from_the_last() {
    let text = b"hello, hello, hello".repeat(10);
    let gzip = encoded(Coding::Gzip, &text);
    let both = encoded(Coding::Brotli, &gzip);
    let undone = |fields: &[&str], bytes: &[u8]| {
        undo(fields.iter().map(|field| field.as_bytes()), bytes, text.len().max(gzip.len()))
    };
    assert_eq!(undone(&[], &text), Ok(Some(text.clone())));
    assert_eq!(undone(&["identity"], &text), Ok(Some(text.clone())));
    assert_eq!(undone(&["gzip"], &gzip), Ok(Some(text.clone())));
    assert_eq!(undone(&["X-Gzip, identity"], &gzip), Ok(Some(text.clone())));
    assert_eq!(undone(&["gzip, br"], &both), Ok(Some(text.clone())));
    assert_eq!(undone(&["gzip", "br"], &both), Ok(Some(text.clone())));
    assert_eq!(undone(&["br, gzip"], &both), Err(DecodeError::Malformed));
    assert_eq!(undone(&["deflate"], &text), Ok(None));
    assert_eq!(undone(&["gzip, br, gzip"], &both), Ok(None), "too many of them");
}
