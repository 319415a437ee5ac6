use super::*;

/// Searches where the knee is known.
fn search(from: f64, to: f64, knee: f64) -> (Option<f64>, usize) {
    let mut search = Search::new(from, to, 0.05);
    let mut steps = 0;
    while let Some(rate) = search.next() {
        search.tell(rate, rate <= knee);
        steps += 1;
    }
    (search.held(), steps)
}

#[test]
fn the_knee_is_found_from_either_side() {
    for knee in [3.0, 700.0, 1000.0, 12_345.0, 900_000.0] {
        let (held, steps) = search(1000.0, 1e6, knee);
        let held = held.expect("some rate holds");
        assert!(held <= knee && held * 1.05 >= knee * 0.999, "{held} for {knee}");
        assert!(steps <= 20, "{steps} for {knee}");
    }
}

#[test]
fn the_search_ends_without_a_knee() {
    assert_eq!(search(1000.0, 64_000.0, 1e9).0, Some(64_000.0));
    assert_eq!(search(1000.0, 1e6, 0.0).0, None);
}

#[test]
fn objectives_are_read() {
    let objective = Objective::parse("p99.9=5ms").expect("one");
    assert_eq!((objective.percent, objective.limit), (99.9, Duration::from_millis(5)));
    for text in ["", "p99", "99=5ms", "p0=1s", "p101=1s", "p99=0s", "p99=x"] {
        assert!(Objective::parse(text).is_err(), "{text}");
    }
}
