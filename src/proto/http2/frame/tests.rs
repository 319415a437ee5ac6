use super::*;

#[test]
fn heads_are_read_back_as_written() {
    for (length, kind, flags, stream) in [
        (0, Kind::Settings, ACK, 0),
        (16_384, Kind::Body, END_STREAM | PADDED, 1),
        ((1 << 24) - 1, Kind::Continuation, END_HEADERS, STREAM_ID_MAX),
    ] {
        let mut out = Vec::new();
        put_head(&mut out, length, kind, flags, stream);
        assert_eq!(FrameHead::parse(&out), Some(FrameHead { length, kind, flags, stream }));
        assert_eq!(FrameHead::parse(&out[..8]), None);
    }
    let unknown = FrameHead::parse(&[0, 0, 1, 10, 0, 0x80, 0, 0, 3]).expect("it is all there");
    assert_eq!((unknown.kind, unknown.stream), (Kind::Unknown, 3), "the top bit is ignored");
}
