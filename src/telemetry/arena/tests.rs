use super::*;
use crate::telemetry::tally::Tally;

#[test]
fn it_fills_up_to_its_bound_and_stays() {
    let arena = Arena::<Tally>::new(CHUNK_LEN + 2);
    let first = arena.push(|tally| tally.set(0)).and_then(|place| arena.at(place)).unwrap();
    for n in 1..CHUNK_LEN as u64 + 2 {
        assert_eq!(arena.push(|tally| tally.set(n)), Some(n as usize));
    }
    assert_eq!(arena.push(|_| unreachable!("there is no room")), None);
    assert_eq!(arena.len(), CHUNK_LEN + 2);
    assert!(arena.iter().map(Tally::value).eq(0..CHUNK_LEN as u64 + 2));
    assert!(std::ptr::eq(first, arena.at(0).unwrap()));
    assert!(arena.at(10 * CHUNK_LEN).is_none());
}

#[test]
fn a_reader_sees_elements_filled() {
    const LEN: usize = 20_000;
    let arena = Arena::<Tally>::new(LEN);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            (1..=LEN as u64).for_each(|n| assert!(arena.push(|tally| tally.set(n)).is_some()));
        });
        while arena.len() < LEN {
            assert!(arena.iter().enumerate().all(|(n, tally)| tally.value() == n as u64 + 1));
        }
    });
}
