use super::*;

#[test]
fn the_past_of_a_stream() {
    let mut history = History::default();
    assert_eq!(history.past(1), Past::Idle);
    for id in [1, 3, 7, 9] {
        history.open(id);
    }
    history.reset(3);
    let check = |history: &History, expected: &[(u32, Past)]| {
        for (id, past) in expected {
            assert_eq!(history.past(*id), *past, "{id}");
        }
    };
    let (closed, gone) = (Past::Closed, Past::Forgotten);
    check(&history, &[(1, closed), (3, gone), (5, Past::Skipped), (7, closed), (9, closed)]);
    check(&history, &[(0, Past::Idle), (8, Past::Idle), (11, Past::Idle)]);
    history.open(255);
    check(&history, &[(1, closed), (3, gone), (253, Past::Skipped)]);
    history.open(257);
    check(&history, &[(1, gone), (3, gone), (5, Past::Skipped), (255, closed)]);
    history.open(u32::MAX >> 1);
    check(&history, &[(257, gone), ((u32::MAX >> 1) - 2, Past::Skipped)]);
}
