use super::*;

const DECAY: Duration = Duration::from_secs(10);
const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * SECOND)
}

#[test]
fn nothing_is_known_before_the_first_measurement() {
    assert_eq!(PeakEwma::default().at(at(5), DECAY), 0.0);
}

#[test]
fn a_peak_counts_at_once_and_is_forgotten_slowly() {
    let average = PeakEwma::default();
    average.observe(at(1), 1_000_000, DECAY);
    average.observe(at(2), 500_000_000, DECAY);
    assert_eq!(average.at(at(2), DECAY), 500e6);
    average.observe(at(3), 1_000_000, DECAY);
    let after = average.at(at(3), DECAY);
    assert!((450e6..500e6).contains(&after), "{after}");
    average.observe(at(63), 1_000_000, DECAY);
    let later = average.at(at(63), DECAY);
    assert!((1e6..3e6).contains(&later), "{later}");
}

#[test]
fn it_comes_down_while_nothing_is_measured() {
    let average = PeakEwma::default();
    average.observe(at(0), 500_000_000, DECAY);
    let halved = average.at(at(7), DECAY);
    assert!((240e6..255e6).contains(&halved), "{halved}");
    assert!(average.at(at(100), DECAY) < 1e6);
}
