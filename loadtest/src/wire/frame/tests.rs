use super::*;

#[test]
fn frames_of_a_client_are_masked() {
    for length in [0usize, 1, 125, 126, 0xFFFF, 0x10000] {
        let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
        let mut out = BytesMut::new();
        write(&mut out, BINARY, [1, 2, 3, 4], &payload);
        assert_eq!((out[0], out[1] & 0x80), (0x82, 0x80));
        assert_eq!(parse(&out), Err("a masked frame from a server"));
        out[1] &= 0x7F;
        let frame = parse(&out).expect("a frame").expect("whole");
        assert_eq!((frame.kind, frame.last, frame.length), (Kind::Message, true, length as u64));
        let unmasked: Vec<u8> = out[frame.start + 4..]
            .iter()
            .zip([1, 2, 3, 4].iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        assert_eq!(unmasked, payload);
    }
}

#[test]
fn heads_in_pieces_wait_and_bad_ones_are_refused() {
    let whole = [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0];
    for cut in 0..whole.len() {
        assert_eq!(parse(&whole[..cut]), Ok(None), "{cut}");
    }
    assert!(parse(&whole).expect("a frame").is_some());
    let bad: [&[u8]; 5] = [&[0xC1, 1], &[0x83, 1], &[0x89, 126, 0, 126], &[0x09, 0], &[0x81, 0x81]];
    for bad in bad {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
}
