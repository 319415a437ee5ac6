use super::*;

/// The slot of a histogram of requests that counts `nanos`.
fn slot_of(nanos: u64) -> usize {
    let histogram = RequestHistogram::default();
    histogram.observe(nanos);
    assert_eq!(histogram.count(), 1);
    assert_eq!(histogram.sum_nanos(), nanos);
    histogram.counts().iter().position(|count| *count == 1).unwrap()
}

#[test]
fn a_bucket_holds_its_bound_and_not_more() {
    for (slot, bound) in B1::BOUNDS_NANOS.iter().enumerate() {
        assert_eq!(slot_of(*bound), slot);
        assert_eq!(slot_of(*bound + 1), slot + 1);
    }
    assert_eq!(slot_of(0), 0);
    assert_eq!(slot_of(u64::MAX), B1::BOUNDS_NANOS.len());
}

#[test]
fn bounds_grow_and_are_what_is_printed() {
    fn check<S: Scale>() {
        assert!(S::BOUNDS_NANOS.is_sorted_by(|a, b| a < b));
        for (bound, le) in S::BOUNDS_NANOS.iter().zip(S::LE) {
            let seconds: f64 = le.parse().unwrap();
            assert_eq!((seconds * 1e9).round() as u64, *bound, "{le}");
            assert_eq!(
                format!("{seconds:?}").replace("5e-5", "0.00005"),
                le.replace("0.00001", "1e-5")
            );
        }
    }
    check::<B1>();
    check::<B2>();
    check::<B3>();
    check::<LoopScale>();
}

#[test]
fn absorbing_adds_every_slot() {
    let (sum, one) = (ProcessingHistogram::default(), ProcessingHistogram::default());
    for micros in [10, 50, 51, 4_000, 400_000, 400_000] {
        one.observe(micros * 1000);
    }
    sum.absorb(&one);
    sum.absorb(&one);
    assert_eq!(sum.counts(), one.counts().map(|count| 2 * count));
    assert_eq!(one.counts(), [2, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    assert_eq!(sum.sum_nanos(), 2 * one.sum_nanos());
}
