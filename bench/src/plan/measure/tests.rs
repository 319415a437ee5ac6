use super::*;

fn sample(p99_us: f64, lag_p99_us: f64, foreign_part: f64) -> Sample {
    let latency = LatencySample {
        asked_per_second: 1.0,
        p50_us: 1.0,
        p99_us,
        p999_us: p99_us,
        max_us: p99_us,
        lag_p99_us,
    };
    let tally = Tally { responses: 1, elapsed: Duration::from_secs(1) };
    let work = WorkSample::new(&tally, &Spent { subject: Usage::default(), foreign_part });
    Sample { value: p99_us, work: Some(work), latency: Some(latency), ..Sample::default() }
}

#[test]
fn only_what_is_void_is_repeated() {
    // Slow, but the machine was quiet and the load in time: that is the subject's figure.
    let slow = repeat_while_void(|| Ok(sample(90_000.0, LAG_US_MAX, FOREIGN_PART_MAX))).unwrap();
    assert_eq!(slow.value, 90_000.0);

    let mut attempts = [(5000.0, 0.0), (10.0, 0.5), (20.0, 0.0)].into_iter();
    let third = repeat_while_void(|| {
        let (lag_us, foreign_part) = attempts.next().unwrap();
        Ok(sample(7.0, lag_us, foreign_part))
    });
    assert_eq!(third.unwrap().latency.unwrap().lag_p99_us, 20.0);

    let mut attempts = 0;
    let void = repeat_while_void(|| {
        attempts += 1;
        Ok(sample(7.0, LAG_US_MAX + 1.0, 0.0))
    });
    assert!(matches!(void, Err(Refusal::Void(_))));
    assert_eq!(attempts, ATTEMPTS_MAX);
}

#[test]
fn work_is_set_against_what_was_done() {
    let alone = Usage { cpu_ns: 100, user_ticks: 3, system_ticks: 1 };
    let tally = Tally { responses: 4, elapsed: Duration::from_nanos(200) };
    let work = WorkSample::new(&tally, &Spent { subject: alone, foreign_part: 0.25 });
    assert_eq!((work.busy, work.user_part, work.foreign_part), (0.5, 0.75, 0.25));
    assert_eq!(work.cpu_us_per_response, 0.025);
}
