use super::*;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(MASKED | length as u8),
        length => {
            frame.push(MASKED | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    frame
}

#[test]
fn frames_come_back_unmasked() {
    for length in [0, 1, 125, 126, 1000] {
        let payload = vec![b'x'; length];
        let input = masked(FIN | 2, &payload);
        for cut in 0..input.len() {
            assert_eq!(Frame::parse(&input[..cut]).unwrap(), None, "{length} {cut}");
        }
        let (frame, taken) = Frame::parse(&input).unwrap().unwrap();
        assert_eq!((taken, &frame.payload), (input.len(), &payload));
        let mut out = Vec::new();
        frame.answer(&mut out);
        assert_eq!(out[0], FIN | 2);
        assert!(out.ends_with(&payload) && out[1] & MASKED == 0);
    }
}

#[test]
fn pings_are_answered_and_wrong_frames_refused() {
    let (ping, _) = Frame::parse(&masked(FIN | PING, b"hi")).unwrap().unwrap();
    let mut out = Vec::new();
    ping.answer(&mut out);
    assert_eq!(out, [FIN | PONG, 2, b'h', b'i']);
    assert!(Frame::parse(&[FIN | 1, 1, b'x']).is_err(), "not masked");
}
