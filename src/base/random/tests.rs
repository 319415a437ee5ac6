use super::*;

#[test]
fn the_sequence_is_the_published_one() {
    // The reference outputs of SplitMix64 for the seed 1234567.
    let random = Random::seeded(1_234_567);
    let expected = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    assert_eq!(expected.map(|_| random.next()), expected);
}

#[test]
fn a_bound_is_never_reached_and_every_number_below_it_is() {
    let random = Random::seeded(1);
    let mut seen = [0_u32; 7];
    for _ in 0..7000 {
        seen[random.below(7) as usize] += 1;
    }
    assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
    assert_eq!(random.below(0), 0);
    assert_eq!(scale(u64::MAX, 7), 6);
    assert_eq!(scale(0, 7), 0);
}

#[test]
fn fractions_fill_the_unit_interval() {
    let random = Random::seeded(2);
    let drawn: Vec<f64> = (0..10_000).map(|_| random.fraction()).collect();
    assert!(drawn.iter().all(|f| (0.0..1.0).contains(f)));
    let mean = drawn.iter().sum::<f64>() / 10_000.0;
    assert!((0.48..0.52).contains(&mean), "{mean}");
}

#[test]
fn entropy_differs_from_call_to_call() {
    assert_ne!(Random::from_entropy().next(), Random::from_entropy().next());
}
