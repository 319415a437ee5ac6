use super::*;

const MILLI: u64 = 1_000_000;

fn gradient(limit_first: u32) -> Gradient {
    let spec = GradientSpec { limit_min: 5, limit_max: 500, limit_first, tolerance_percent: 200 };
    Gradient::new("one".into(), spec)
}

/// A backend with so many places, which takes so long in each, and is offered more than it takes:
/// where the limit is after so many windows.
fn run(gradient: &Gradient, from: u64, windows: u64, places: u32, service_nanos: u64) -> u32 {
    for window in from..from + windows {
        let permits: Vec<_> = std::iter::from_fn(|| gradient.admit()).collect();
        let active = permits.len() as u32;
        assert_eq!(active, gradient.limit(), "as many as may be are let in");
        let latency = service_nanos * u64::from(active.max(places)) / u64::from(places);
        let now = Instant::from_nanos((window + 1) * 2 * WINDOW_NANOS);
        for _ in 0..WINDOW_SAMPLES_MIN {
            gradient.answered(latency, now);
        }
    }
    gradient.limit()
}

#[test]
fn so_many_at_a_time() {
    let gradient = gradient(10);
    let permits: Vec<_> = (0..10).map(|_| gradient.admit().unwrap()).collect();
    assert!(gradient.admit().is_none() && gradient.admit().is_none());
    assert_eq!(gradient.active(), 10);
    drop(permits);
    assert_eq!(gradient.active(), 0);
    assert!(gradient.admit().is_some());
}

/// With twice the latency tolerated, a backend of 20 places gets 40 requests and a short queue.
#[test]
fn the_limit_is_found_from_below() {
    let limit = run(&gradient(10), 0, 300, 20, 10 * MILLI);
    assert!((35..=60).contains(&limit), "{limit}");
}

/// A backend that gets slower is given less, and more when it is well again.
#[test]
fn the_limit_follows_the_backend() {
    let gradient = gradient(10);
    let well = run(&gradient, 0, 300, 20, 10 * MILLI);
    let ill = run(&gradient, 300, 60, 4, 10 * MILLI);
    assert!(ill < well / 2, "{ill} of {well}");
    let again = run(&gradient, 360, 300, 20, 10 * MILLI);
    assert!((35..=60).contains(&again), "{again}");
    // Slower for good: what it took before is forgotten.
    let slow = run(&gradient, 660, 1500, 20, 50 * MILLI);
    assert!((35..=60).contains(&slow), "{slow}");
}

#[test]
fn a_limit_that_nobody_comes_near_stays() {
    let gradient = gradient(100);
    for window in 0..100 {
        let permit = gradient.admit();
        assert!(permit.is_some());
        for _ in 0..WINDOW_SAMPLES_MIN {
            gradient.answered(MILLI, Instant::from_nanos((window + 1) * 2 * WINDOW_NANOS));
        }
    }
    assert_eq!((gradient.limit(), gradient.base_nanos()), (100, MILLI));
}

#[test]
fn a_limit_stays_within_its_bounds() {
    let gradient = gradient(1000);
    assert_eq!(gradient.limit(), 500);
    assert_eq!(run(&gradient, 0, 200, 1000, MILLI), 500);
    assert_eq!(run(&gradient, 200, 60, 1, 1000 * MILLI), 5);
}
