use super::*;

#[test]
fn times_are_as_date_prints_them() {
    // By `date -u -d @SECONDS +%FT%T`.
    let cases = [
        (0, "1970-01-01T00:00:00"),
        (951_782_399, "2000-02-28T23:59:59"),
        (951_782_400, "2000-02-29T00:00:00"),
        (951_868_800, "2000-03-01T00:00:00"),
        (1_709_251_199, "2024-02-29T23:59:59"),
        (1_735_689_599, "2024-12-31T23:59:59"),
        (1_795_201_620, "2026-11-20T19:07:00"),
        (4_107_542_400, "2100-03-01T00:00:00"),
    ];
    let mut clock = WallClock::default();
    for (seconds, expected) in cases {
        for micros in [0, 7, 999_999] {
            let mut out = Vec::new();
            clock.append(&mut out, seconds * MICROS + micros);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}.{micros:06}Z"));
        }
    }
}
