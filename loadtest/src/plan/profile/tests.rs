use super::*;

fn parse(text: &str) -> Profile {
    Profile::parse(text).expect(text)
}

#[test]
fn the_time_of_a_request_is_when_it_is_due() {
    for text in ["100@2s", "0-100@4s", "100-0@4s", "10@1s,0@1s,50-20@3s", "1000-1000.001@60s"] {
        let profile = parse(text);
        let total = profile.total();
        let mut last = Duration::ZERO;
        for count in 0..total.floor() as u32 {
            let at = profile.time_of(f64::from(count)).expect("it is one of them");
            assert!(at >= last, "{text}: request {count} at {at:?}, after {last:?}");
            let due = profile.due_by(at);
            assert!((due - f64::from(count)).abs() < 1e-3, "{text}: {count} at {at:?} is {due}");
            last = at;
        }
        assert_eq!(profile.time_of(total), None, "{text}");
        assert!((profile.due_by(profile.duration()) - total).abs() < 1e-6);
    }
}

#[test]
fn a_ramp_is_thin_where_it_is_low() {
    let ramp = parse("0-100@10s");
    assert!((ramp.total() - 500.0).abs() < 1e-9);
    assert!((ramp.due_by(Duration::from_secs(5)) - 125.0).abs() < 1e-9);
}

#[test]
fn what_is_no_profile_is_refused() {
    for text in ["", "100", "@1s", "x@1s", "100@", "-1@1s", "100@0s", "100@1s,", "1e9@1s", "nan@1s"]
    {
        assert!(Profile::parse(text).is_err(), "{text}");
    }
}
