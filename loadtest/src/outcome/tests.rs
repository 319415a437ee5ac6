use super::*;

#[test]
fn merged_tallies_are_the_sum() {
    let mut left = Tally { answers: 2, ..Tally::default() };
    let mut right = Tally { answers: 3, sent_bytes: 7, ..Tally::default() };
    record(&mut left.latency, Duration::from_millis(1));
    record(&mut right.latency, Duration::from_secs(3000));
    left.faults.add(Fault::Refused);
    right.faults.add_many(Fault::Refused, 4);
    right.faults.add(Fault::Timeout);
    left.merge(&right);
    assert_eq!((left.answers, left.sent_bytes, left.latency.len()), (5, 7, 2));
    assert!(left.latency.max() >= 2_990_000_000_000);
    assert_eq!(left.faults.lines(), [(&Fault::Refused, 5), (&Fault::Timeout, 1)]);
    assert_eq!(left.faults.total(), 6);
}

#[test]
fn the_table_of_errors_does_not_grow_without_end() {
    let mut faults = Faults::default();
    for index in 0..1000 {
        faults.add(Fault::Tls(format!("reason {index}")));
    }
    assert!(faults.lines().len() <= LINES_MAX + 1);
    assert_eq!(faults.total(), 1000);
    assert_eq!(faults.lines()[0], (&Fault::Others, 1000 - LINES_MAX as u64));
}

#[test]
fn times_beyond_the_scale_are_kept_at_its_end() {
    let mut times = histogram();
    record(&mut times, Duration::ZERO);
    record(&mut times, Duration::MAX);
    assert_eq!(times.len(), 2);
}
