use super::*;

const fn seconds(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count))
}

#[test]
fn zero_is_no_limit_and_an_attempt_ends_with_its_request() {
    let cases = [
        ((None, None), (None, None)),
        ((seconds(0), seconds(0)), (None, None)),
        ((seconds(5), seconds(2)), (seconds(5), seconds(2))),
        ((seconds(2), seconds(5)), (seconds(2), seconds(2))),
        ((seconds(0), seconds(5)), (None, seconds(5))),
        ((seconds(2), None), (seconds(2), None)),
    ];
    for ((request, per_try), expected) in cases {
        let timeouts = Timeouts::compile(request, per_try);
        assert_eq!((timeouts.request, timeouts.per_try), expected);
    }
}

#[test]
fn the_nearer_limits_come_first() {
    let route = Timeouts::compile(seconds(5), seconds(3));
    let backend = Timeouts::compile(None, seconds(1));
    assert_eq!(backend.or(route), Timeouts::compile(seconds(5), seconds(1)));
    assert_eq!(Timeouts::default().or(route), route);
    assert_eq!(
        Timeouts::compile(seconds(2), None).or(route),
        Timeouts::compile(seconds(2), seconds(2))
    );
}
