use super::*;

#[test]
fn the_median_is_the_middle() {
    let cases: [(&[f64], Option<f64>); 5] = [
        (&[], None),
        (&[3.0], Some(3.0)),
        (&[9.0, 1.0], Some(5.0)),
        (&[9.0, 1.0, 2.0], Some(2.0)),
        (&[4.0, 9.0, 1.0, 2.0], Some(3.0)),
    ];
    for (values, expected) in cases {
        assert_eq!(median(values), expected, "{values:?}");
    }
}

#[test]
fn the_width_is_relative() {
    let spread = Spread::of(&[10.0, 11.0, 9.0]).unwrap();
    assert_eq!(spread, Spread { median: 10.0, least: 9.0, most: 11.0 });
    assert!((spread.width() - 0.2).abs() < 1e-12);
    assert_eq!(Spread::of(&[0.0]).unwrap().width(), 0.0);
}
