use super::*;

fn budget(purses: &Purses, name: &str, limits: [Option<u64>; KINDS]) -> Budget {
    Budget {
        name: name.into(),
        key: None,
        team: None,
        model: None,
        limits,
        period: Period::DAY,
        purse: purses.of(name),
    }
}

fn of_model(budget: Budget, model: &str) -> Budget {
    Budget { model: Some((model.into(), Pattern::compile(model))), ..budget }
}

const NOW: i64 = 1_000_000;

fn used(budget: &Budget) -> [u64; KINDS] {
    budget.purse.account.balance(budget.period.at(NOW).index).used
}

/// The first is the key's, the second everybody's, the third everybody's for one model.
fn three(purses: &Purses) -> Budgets {
    Budgets {
        list: vec![
            budget(purses, "key", [Some(100), None]),
            budget(purses, "all", [Some(1000), None]),
            of_model(budget(purses, "model", [Some(50), None]), "gpt-*"),
        ],
        by_key: vec![Box::new([0, 1, 2])],
        others: Box::new([1, 2]),
        ..Budgets::default()
    }
}

#[test]
fn all_that_are_for_a_request_have_to_have_something_left() {
    let purses = Purses::default();
    let budgets = three(&purses);
    let bill = |tokens| Bill { tokens, nanos_usd: None };
    let hold = budgets.hold(Some(KeyId(0)), b"gpt-6", 10, NOW).unwrap();
    hold.settle(bill(60));
    assert_eq!(budgets.list.iter().map(|one| used(one)[TOKENS]).collect::<Vec<_>>(), [60, 60, 60]);
    // Of the model nothing is left: the others get back what was held.
    let refused = budgets.hold(Some(KeyId(0)), b"gpt-6", 10, NOW).unwrap_err();
    let end = Period::DAY.at(NOW).end.unwrap();
    assert_eq!(refused, Refused::Over(u32::try_from(end - NOW).ok()));
    assert_eq!(budgets.list.iter().map(|one| one.purse.denied()).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(budgets.list[0].purse.account.taken(Period::DAY.at(NOW).index)[TOKENS], 60);
    // Another model, and nobody's key.
    budgets.hold(Some(KeyId(0)), b"claude", 10, NOW).unwrap().settle(bill(40));
    assert!(budgets.hold(Some(KeyId(0)), b"claude", 10, NOW).is_err());
    budgets.hold(None, b"claude", 10, NOW).unwrap().settle(bill(1));
    assert_eq!(used(&budgets.list[1])[TOKENS], 101);
    // The next day.
    assert!(budgets.hold(Some(KeyId(0)), b"gpt-6", 10, NOW + 86_400).is_ok());
}

#[test]
fn what_is_dropped_is_given_back() {
    let purses = Purses::default();
    let budgets = three(&purses);
    for _ in 0..100 {
        let hold = budgets.hold(Some(KeyId(0)), b"gpt-6", 1_000_000, NOW).unwrap();
        assert!(budgets.hold(Some(KeyId(0)), b"gpt-6", 1, NOW).is_err(), "all of it is held");
        drop(hold);
    }
    assert_eq!(used(&budgets.list[0]), [0, 0]);
}

#[test]
fn dollars_are_held_by_what_a_token_cost_lately() {
    let purses = Purses::default();
    let budgets = Budgets {
        list: vec![budget(&purses, "all", [None, Some(1_000_000)])],
        others: Box::new([0]),
        ..Budgets::default()
    };
    let taken = || budgets.list[0].purse.account.taken(Period::DAY.at(NOW).index)[NANOS_USD];
    let hold = budgets.hold(None, b"", 10, NOW).unwrap();
    assert_eq!(taken(), 10 * BUDGET_NANOS_PER_TOKEN);
    hold.settle(Bill { tokens: 10, nanos_usd: Some(250_000) });
    assert_eq!((taken(), used(&budgets.list[0])), (250_000, [10, 250_000]));
    let hold = budgets.hold(None, b"", 10, NOW).unwrap();
    assert_eq!(taken(), 250_000 + 10 * 25_000);
    // Nobody knows what that cost.
    hold.settle(Bill { tokens: 10, nanos_usd: None });
    assert_eq!((taken(), used(&budgets.list[0])), (250_000, [20, 250_000]));
    for _ in 0..200 {
        let hold = budgets.hold(None, b"", 10, NOW).unwrap();
        hold.settle(Bill { tokens: 10, nanos_usd: Some(100) });
    }
    let before = taken();
    let _hold = budgets.hold(None, b"", 10, NOW).unwrap();
    assert_eq!(taken() - before, 100, "a token is cheap by now");
}

#[test]
fn a_store_that_is_lost_refuses_where_that_is_wanted() {
    let purses = Purses::default();
    let mut budgets = three(&purses);
    budgets.lost = Arc::clone(&purses.lost);
    purses.lost.store(true, Relaxed);
    assert!(budgets.hold(None, b"gpt-6", 1, NOW).is_ok());
    budgets.fails_closed = true;
    assert_eq!(budgets.hold(None, b"gpt-6", 1, NOW).unwrap_err(), Refused::Lost);
    budgets.others = Box::default();
    assert!(budgets.hold(None, b"gpt-6", 1, NOW).is_ok_and(|hold| hold.is_empty()));
    purses.lost.store(false, Relaxed);
    assert!(budgets.hold(Some(KeyId(0)), b"gpt-6", 1, NOW).is_ok());
}

#[test]
fn a_purse_is_found_again_by_its_name() {
    let purses = Purses::default();
    let first = purses.of("one");
    assert!(Arc::ptr_eq(&first, &purses.of("one")));
    assert!(!Arc::ptr_eq(&first, &purses.of("two")));
}
