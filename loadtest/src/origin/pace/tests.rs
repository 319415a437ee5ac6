use super::*;

#[test]
fn a_spread_is_one_duration_or_two() {
    let spread: Spread = "5ms..20ms".parse().unwrap();
    let mut random = Random::new(7);
    let picked: Vec<Duration> = (0..100).map(|_| spread.pick(&mut random)).collect();
    assert!(picked.iter().all(|pick| *pick >= spread.least && *pick < spread.most));
    assert_ne!(picked[0], picked[1]);
    assert_eq!("5ms".parse(), Ok(Spread::exactly(Duration::from_millis(5))));
    assert!("20ms..5ms".parse::<Spread>().is_err());
}

#[test]
fn parts_of_all() {
    assert_eq!(part("1%"), Ok(0.01));
    assert_eq!(part("0.25"), Ok(0.25));
    assert!(part("101%").is_err() && part("x").is_err() && part("-1").is_err());
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let draw = |seed| (0..8).map(move |_| seed).scan(Random::new(seed), |r, _| Some(r.next()));
    assert!(draw(1).eq(draw(1)));
    assert!(draw(1).ne(draw(2)));
    assert!((0..1000).scan(Random::new(3), |r, _| Some(r.unit())).all(|n| (0.0..1.0).contains(&n)));
}

#[test]
fn with_two_slots_the_third_request_waits_for_the_first() {
    let now = Instant::now();
    let after = |millis| now + Duration::from_millis(millis);
    let mut slots = Slots::new(2, now);
    let mut ask = |at, work| slots.done_at(after(at), Duration::from_millis(work));
    assert_eq!(ask(0, 10), after(10));
    assert_eq!(ask(1, 10), after(11));
    assert_eq!(ask(2, 10), after(20));
    assert_eq!(ask(2, 10), after(21));
    // Long after: nobody is in line.
    assert_eq!(ask(100, 5), after(105));
}
