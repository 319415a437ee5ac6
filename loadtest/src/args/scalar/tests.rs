use super::*;

#[test]
fn durations() {
    for (text, micros) in [("150us", 150), ("20ms", 20_000), ("1.5s", 1_500_000), ("2", 2_000_000)]
    {
        assert_eq!(duration(text), Ok(Duration::from_micros(micros)), "{text}");
    }
    assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
    for text in ["", "s", "-1s", "1x", "1 000 s s", "1e99", "nan", "inf"] {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn counts_and_sizes() {
    assert_eq!((count("20k"), count("1.5M"), count("7")), (Ok(20e3), Ok(1.5e6), Ok(7.0)));
    assert_eq!((size("16KiB"), size("1M"), size("512")), (Ok(16384), Ok(1 << 20), Ok(512)));
    assert!(["", "k", "-1", "1e999", "nan"].iter().all(|text| count(text).is_err()));
    assert!(["", "1.5", "K", "-1", "99999999999G"].iter().all(|text| size(text).is_err()));
}
