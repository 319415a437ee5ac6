use super::*;

#[test]
fn one_connection_is_opened_at_a_time() {
    let shared = Shared::default();
    assert!(shared.wants_connection());
    let opening = shared.opening();
    assert!(!shared.wants_connection(), "somebody does it");
    drop(opening);
    assert!(shared.wants_connection());
}

#[test]
fn failures_are_told_to_those_who_waited() {
    let shared = Shared::default();
    let before = shared.failures();
    shared.failed(true, false);
    let failures = Failures { count: before.count + 1, slow: true, of_http2: false };
    assert_eq!(shared.failures(), failures);
}

#[test]
fn what_was_chosen_is_forgotten_when_something_fails() {
    let shared = Shared::default();
    assert_eq!(shared.chosen(), None);
    for chosen in [Alpn::H2, Alpn::Http1] {
        shared.learn(chosen);
        assert_eq!(shared.chosen(), Some(chosen));
    }
    shared.failed(false, true);
    assert_eq!(shared.chosen(), None);
}
