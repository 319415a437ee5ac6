use std::cell::Cell;

use super::*;
use crate::policy::expression::Expression;

fn one(place: u32) -> Draft {
    Draft::One(Candidate { place, sent: Sent::Same })
}

/// Places of backends in the order in which they are asked when each brings nothing.
fn order(plan: &Plan, random: u64, holds: bool) -> Vec<u32> {
    let mut open = plan.all();
    let mut asked = Vec::new();
    while let Some(next) = plan.next(open, &|| random, &|_| holds) {
        open &= !(1 << next);
        asked.push(plan.candidates()[next].place);
    }
    asked
}

#[test]
fn priorities_are_asked_in_their_order() {
    let low = Draft::Failover(vec![(7, one(3)), (2, one(1)), (0, one(5))]);
    let plan = Plan::compile(low).unwrap();
    assert!(plan.fails_over);
    for random in [0, u64::MAX / 2, u64::MAX] {
        assert_eq!(order(&plan, random, true), [5, 1, 3]);
    }
    let same = Plan::compile(Draft::Failover(vec![(1, one(0)), (1, one(1)), (0, one(2))])).unwrap();
    assert_eq!(order(&same, 0, true), [2, 0, 1]);
    assert_eq!(order(&same, u64::MAX, true), [2, 1, 0]);
}

#[test]
fn weights_are_shares_of_those_left() {
    let plan = Draft::Weighted(vec![(3, one(0)), (0, one(1)), (1, one(2))]);
    let plan = Plan::compile(plan).unwrap();
    assert!(!plan.fails_over);
    let turn = Cell::new(0_u64);
    let random = || {
        turn.set(turn.get() + 1);
        turn.get() << 54
    };
    let mut counts = [0; 3];
    for _ in 0..1024 {
        let next = plan.next(plan.all(), &random, &|_| true).unwrap();
        counts[plan.candidates()[next].place as usize] += 1;
    }
    assert_eq!(counts, [768, 0, 256]);
    // A weight of 0 is never asked, not even for want of others.
    assert_eq!(order(&plan, 0, true), [0, 2]);
}

#[test]
fn the_first_that_holds_is_asked_alone() {
    let condition = Expression::compile("request.method == 'POST'").unwrap();
    let plan = Draft::First(vec![(Some(condition.clone()), one(0)), (None, one(1))]);
    let plan = Plan::compile(plan).unwrap();
    assert_eq!(order(&plan, 0, true), [0]);
    assert_eq!(order(&plan, 0, false), [1]);
    let none = Plan::compile(Draft::First(vec![(Some(condition), one(0))])).unwrap();
    assert_eq!(order(&none, 0, false), [0; 0]);
}

#[test]
fn a_plan_may_stand_in_another() {
    let inner = Draft::Failover(vec![(0, one(0)), (1, one(1))]);
    let condition = Expression::compile("true").unwrap();
    let never = Draft::First(vec![(Some(condition), one(9))]);
    let outer = Draft::Failover(vec![(0, never), (1, inner), (2, one(2))]);
    let plan = Plan::compile(outer).unwrap();
    assert_eq!(order(&plan, 0, false), [0, 1, 2]);
    assert_eq!(order(&plan, 0, true), [9, 0, 1, 2]);
    // Only who is open.
    assert_eq!(plan.next(0b1000, &|| 0, &|_| false), Some(3));
    assert_eq!(plan.next(0, &|| 0, &|_| false), None);
}

#[test]
fn candidates_are_bounded() {
    let many = |count: u32| Draft::Weighted((0..count).map(|place| (1, one(place))).collect());
    let most = u32::try_from(CANDIDATES_MAX).unwrap();
    let full = Plan::compile(many(most)).unwrap();
    assert_eq!(order(&full, u64::MAX, true).len(), CANDIDATES_MAX);
    assert_eq!(Plan::compile(many(most + 1)), Err(TooMany));
    assert_eq!(order(&Plan::one(4, Sent::Same), 1, true), [4]);
}
