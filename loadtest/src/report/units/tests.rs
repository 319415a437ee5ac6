use super::*;

#[test]
fn figures_are_readable() {
    assert_eq!(time(Duration::from_nanos(12)), "12 ns");
    assert_eq!(time(Duration::from_micros(1234)), "1.23 ms");
    assert_eq!(time(Duration::from_secs(12)), "12.0 s");
    assert_eq!(time(Duration::from_secs(7200)), "120 min");
    assert_eq!((bytes(512.0), bytes(1536.0)), ("512 B".into(), "1.50 KiB".into()));
    assert_eq!((count(7), count(1234), count(1_234_567)), {
        ("7".into(), "1,234".into(), "1,234,567".into())
    });
    assert_eq!((rate(0.5), rate(68_010.4)), ("0.50".into(), "68,010".into()));
    assert_eq!((percent(0.0), percent(0.00001), percent(0.5)), {
        ("0.00 %".into(), "< 0.01 %".into(), "50.00 %".into())
    });
}
