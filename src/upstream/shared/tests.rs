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
    shared.failed(true);
    assert_eq!(shared.failures(), Failures { count: before.count + 1, slow: true });
}
