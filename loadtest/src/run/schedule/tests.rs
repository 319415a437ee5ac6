use super::*;

fn all(schedule: &mut Schedule) -> Vec<Duration> {
    std::iter::from_fn(|| schedule.next()).map(|due| due.at).collect()
}

#[test]
fn threads_share_a_rate() {
    let profile = Profile::steady(1000.0, Duration::from_secs(2));
    let pacing = Pacing::Open { profile, arrivals: Arrivals::Even };
    let mut times: Vec<_> =
        (0..3).flat_map(|index| all(&mut Schedule::new(&pacing, index, 3))).collect();
    times.sort_unstable();
    assert_eq!(times.len(), 2000);
    for (index, at) in times.iter().enumerate() {
        let expected = index as f64 / 1000.0;
        assert!((at.as_secs_f64() - expected).abs() < 1e-6, "{index}: {at:?}");
    }
}

#[test]
fn independent_clients_keep_the_mean_rate() {
    let profile = Profile::steady(1000.0, Duration::from_secs(20));
    let pacing = Pacing::Open { profile, arrivals: Arrivals::Poisson };
    let times = all(&mut Schedule::new(&pacing, 0, 1));
    // The standard deviation is 141: seven of them are no accident.
    assert!((19_000..21_000).contains(&times.len()), "{}", times.len());
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
    let short = times.windows(2).filter(|pair| pair[1] - pair[0] < Duration::from_micros(500));
    let part = short.count() as f64 / times.len() as f64;
    assert!((0.36..0.43).contains(&part), "1 - exp(-1/2) of the gaps, not {part}");
}

#[test]
fn a_replay_is_dealt_out() {
    let record = |at: u64| (Duration::from_secs(at), at as usize);
    let pacing = Pacing::Replay((0..5).map(record).collect());
    let mut second = Schedule::new(&pacing, 1, 2);
    let found: Vec<_> = std::iter::from_fn(|| second.next()).map(|due| due.target).collect();
    assert_eq!(found, [Some(1), Some(3)]);
}

#[test]
fn a_closed_loop_has_no_times() {
    assert_eq!(Schedule::new(&Pacing::Closed, 0, 1).next(), None);
}

#[test]
fn what_is_left_is_known_and_can_be_skipped() {
    let profile = Profile::steady(1000.0, Duration::from_secs(2));
    let pacing = Pacing::Open { profile, arrivals: Arrivals::Even };
    let mut schedule = Schedule::new(&pacing, 0, 2);
    assert_eq!(schedule.left_before(Duration::from_secs(1)), 500);
    schedule.next();
    schedule.skip(99);
    assert_eq!(schedule.left_before(Duration::from_secs(1)), 400);
    let at = schedule.next().expect("there is more").at;
    assert!((at.as_secs_f64() - 0.2).abs() < 1e-6, "{at:?}");
    let pacing = Pacing::Replay((0..10).map(|at| (Duration::from_secs(at), 0)).collect());
    let mut schedule = Schedule::new(&pacing, 0, 1);
    schedule.skip(3);
    assert_eq!(schedule.left_before(Duration::from_secs(8)), 5);
}
