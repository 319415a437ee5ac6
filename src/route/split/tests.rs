use super::*;
use crate::base::random::Random;

fn counts(weights: &[u32], draws: usize) -> Vec<usize> {
    let split = Split::compile(weights.iter().copied().zip(0_usize..)).unwrap();
    let random = Random::seeded(42);
    let mut counts = vec![0; weights.len()];
    for _ in 0..draws {
        let (place, thing) = split.pick(random.next());
        assert_eq!(place, *thing);
        counts[place] += 1;
    }
    counts
}

#[test]
fn things_come_up_by_weight() {
    for weights in [&[1, 1][..], &[9, 1], &[0, 1, 3], &[1, 0, 0, 1], &[1_000_000, 1, 1_000_000]] {
        let counts = counts(weights, 100_000);
        let total: u32 = weights.iter().sum();
        for (&weight, &count) in weights.iter().zip(&counts) {
            let expected = f64::from(weight) / f64::from(total) * 100_000.0;
            // Four standard deviations of a binomial at its widest.
            assert!((count as f64 - expected).abs() < 640.0, "{weights:?}: {counts:?}");
            assert!(weight > 0 || count == 0, "{weights:?}: {counts:?}");
        }
    }
}

#[test]
fn the_ends_of_the_words_are_the_ends_of_the_split() {
    let split = Split::compile([(0, 'a'), (1, 'b'), (1, 'c'), (0, 'd')]).unwrap();
    let half = 1 << 63;
    for (random, expected) in [(0, 'b'), (half - 1, 'b'), (half, 'c'), (u64::MAX, 'c')] {
        assert_eq!(*split.pick(random).1, expected, "{random}");
    }
    let largest = Split::compile([(u32::MAX, 'a'), (u32::MAX, 'b')]).unwrap();
    assert_eq!(largest.pick(u64::MAX), (1, &'b'));
}

#[test]
fn one_thing_needs_no_draw() {
    assert_eq!(Split::single('a').pick(u64::MAX), (0, &'a'));
    assert_eq!(Split::compile([(7, 'a')]).unwrap().pick(3), (0, &'a'));
}

#[test]
fn without_weight_there_is_nothing_to_choose() {
    assert_eq!(Split::<()>::compile([]).unwrap_err(), NothingToChoose);
    assert_eq!(Split::compile([(0, ()), (0, ())]).unwrap_err(), NothingToChoose);
}

#[test]
fn weights_can_be_read_back() {
    let split = Split::compile([(3, 'a'), (0, 'b'), (5, 'c')]).unwrap();
    assert_eq!(split.iter().collect::<Vec<_>>(), [(3, &'a'), (0, &'b'), (5, &'c')]);
}
