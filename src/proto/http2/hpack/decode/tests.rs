use super::super::tests::{hex, texts};
use super::*;
use crate::base::random::Random;
use crate::limits::HPACK_TABLE_BYTES;

const GENEROUS: FieldLimits = FieldLimits { list_bytes_max: 1 << 30, fields_max: 1 << 30 };

/// The outcome of the last of several blocks, and the fields of all.
fn decoded(decoder: &mut Decoder, blocks: &[&str]) -> (Result<Decoded, HpackError>, String) {
    let mut fields = Fields::new();
    let mut outcome = Ok(Decoded::Whole);
    for block in blocks {
        outcome = decoder.decode(&hex(block), &mut fields, &GENEROUS);
    }
    let text = texts(&fields).iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    (outcome, text)
}

#[test]
fn errors() {
    use HpackError::*;
    for (block, error) in [
        ("80", BadIndex),
        ("be", BadIndex),
        ("ffff7f", BadIndex),
        ("ff8080808010", IntegerTooLarge),
        ("7f0000", BadIndex),
        ("0f8001", BadIndex),
        ("40", Truncated),
        ("4001", Truncated),
        ("400161", Truncated),
        ("40016103", Truncated),
        ("400161036161", Truncated),
        ("007f", Truncated),
        ("007fffffff7f", IntegerTooLarge),
        ("007f80ffff7f", Truncated),
        ("ff", Truncated),
        ("4001618100", BadHuffman),
        ("40016184ffffffff", BadHuffman),
        ("8220", SizeMisplaced),
        ("202020", SizeMisplaced),
        ("3fe21f", SizeTooLarge),
        ("3f", Truncated),
    ] {
        let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
        assert_eq!(decoded(&mut decoder, &[block]).0, Err(error), "{block}");
    }
}

#[test]
fn a_whole_block_cut_anywhere_is_a_shorter_list_or_an_error() {
    let block =
        hex("828684418cf1e3c2e5f23a6ba0ab90f4ff400a637573746f6d2d6b65790c637573746f6d2d76616c7565");
    let mut whole = Fields::new();
    let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
    assert_eq!(decoder.decode(&block, &mut whole, &GENEROUS), Ok(Decoded::Whole));
    let ends = [0, 1, 2, 3, 17, block.len()];
    for cut in 0..block.len() {
        let mut fields = Fields::new();
        let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
        let outcome = decoder.decode(&block[..cut], &mut fields, &GENEROUS);
        let expected =
            if ends.contains(&cut) { Ok(Decoded::Whole) } else { Err(HpackError::Truncated) };
        assert_eq!(outcome, expected, "cut at {cut}");
        assert!(fields.iter().eq(whole.iter().take(fields.len())));
    }
}

#[test]
fn size_updates_stand_at_the_start_within_the_setting() {
    let check = |settings: &[usize], blocks: &[&str], expected: Result<Decoded, HpackError>| {
        let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
        settings.iter().for_each(|&size| decoder.set_table_max(size));
        assert_eq!(decoded(&mut decoder, blocks).0, expected, "{settings:?} {blocks:?}");
    };
    let whole = Ok(Decoded::Whole);
    // 4096, 4097, 100, 101, 0 as updates.
    let (full, above, low, above_low, zero) = ("3fe11f", "3fe21f", "3f45", "3f46", "20");
    check(&[], &[full], whole);
    check(&[], &[above], Err(HpackError::SizeTooLarge));
    check(&[], &["2020", "2020"], whole);
    check(&[], &["20203fe11f"], Err(HpackError::SizeMisplaced));
    // A setting that was lowered must be answered at once, and within it.
    check(&[100], &["82"], Err(HpackError::SizeMissing));
    check(&[100], &[above_low], Err(HpackError::SizeTooLarge));
    check(&[100], &[low, "82"], whole);
    check(&[100], &[zero, "82"], whole);
    // Lowered and raised again between two blocks: the lowest comes first.
    check(&[100, 4096], &[full], Err(HpackError::SizeTooLarge));
    check(&[100, 4096], &["3f453fe11f"], whole);
    check(&[100, 4096], &[low, full], whole);
    check(&[100, 4096], &["82"], Err(HpackError::SizeMissing));
    check(&[0, 100], &["3f45"], Err(HpackError::SizeTooLarge));
    check(&[0, 100], &["203f45"], whole);
    check(&[0, 100], &["203f46"], Err(HpackError::SizeTooLarge));
    // Raised: the encoder may use it, and need not.
    check(&[65_536], &["82"], whole);
    check(&[65_536], &["3fe1ff03"], whole);
    check(&[65_536], &["3fe2ff03"], Err(HpackError::SizeTooLarge));
}

#[test]
fn a_smaller_table_forgets() {
    let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
    let (outcome, _) = decoded(&mut decoder, &["400161016240016301644001650166", "3f23c0"]);
    // 66 bytes hold two of the three entries.
    assert_eq!(outcome, Err(HpackError::BadIndex));
    let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
    let (outcome, text) = decoded(&mut decoder, &["400161016240016301644001650166", "3f25bf"]);
    assert_eq!((outcome, text.as_str()), (Ok(Decoded::Whole), "a=b\nc=d\ne=f\nc=d\n"));
}

#[test]
fn an_entry_that_evicts_the_one_that_names_it() {
    let mut decoder = Decoder::new(70);
    let value = "78".repeat(30);
    let block = format!("400161{:02x}{value}7e{:02x}{value}be", 30, 31 - 1);
    let (outcome, text) = decoded(&mut decoder, &[&block]);
    let line = format!("a={}\n", "x".repeat(30));
    assert_eq!((outcome, text), (Ok(Decoded::Whole), line.repeat(3)));
}

#[test]
fn a_list_above_its_limits_is_read_to_its_end() {
    // An entry of 4000 bytes, then 16,000 references to it.
    let mut block = vec![0x40, 0x01, b'a', 0x7f, 0xa1, 0x1e];
    block.extend([b'v'; 4000]);
    block.extend([0xbe; 16_000]);
    block.extend(hex("4001620163"));
    let limits = FieldLimits::default();
    let mut decoder = Decoder::new(2 * HPACK_TABLE_BYTES);
    let mut fields = Fields::new();
    assert_eq!(decoder.decode(&block, &mut fields, &limits), Ok(Decoded::TooLarge));
    let stored: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    assert!(stored <= limits.list_bytes_max && fields.len() == 8, "{stored} in {}", fields.len());
    // What came behind the limit is in the table.
    let mut after = Fields::new();
    assert_eq!(decoder.decode(&[0xbe], &mut after, &limits), Ok(Decoded::Whole));
    assert_eq!(texts(&after), [("b".to_owned(), "c".to_owned())]);
}

#[test]
fn both_limits_are_exact() {
    let check = |block: &str, list_bytes_max: usize, fields_max: usize, expected: Decoded| {
        let limits = FieldLimits { list_bytes_max, fields_max };
        let mut fields = Fields::new();
        let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
        assert_eq!(decoder.decode(&hex(block), &mut fields, &limits), Ok(expected), "{block}");
        assert!(expected == Decoded::Whole || fields.len() < 2);
    };
    for (block, list_bytes) in [("8284", 42 + 38), ("0001610162000161046263636a", 34 + 37)] {
        check(block, list_bytes, 2, Decoded::Whole);
        check(block, list_bytes - 1, 2, Decoded::TooLarge);
        check(block, list_bytes, 1, Decoded::TooLarge);
        check(block, 0, 0, Decoded::TooLarge);
    }
    // What would fit behind what did not is not taken: the list would have a hole.
    check("0001610a626262626262626262628482", 38 + 34, 9, Decoded::TooLarge);
}

#[test]
fn random_blocks_never_break_it() {
    let random = Random::seeded(0xdec0de);
    let mut decoder = Decoder::new(HPACK_TABLE_BYTES);
    let mut fields = Fields::new();
    let mut good = 0;
    for round in 0..200_000 {
        let block: Vec<u8> = (0..round % 40).map(|_| random.next() as u8).collect();
        fields.clear();
        let outcome = decoder.decode(&block, &mut fields, &FieldLimits::default());
        good += usize::from(outcome.is_ok());
        assert!(decoder.table_bytes() <= HPACK_TABLE_BYTES);
    }
    assert!(good > 5000, "some of them are right: {good}");
}
