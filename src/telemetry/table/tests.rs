use super::*;

#[derive(Default)]
struct Count {
    key: Tally,
    count: Tally,
}

impl Series for Count {
    fn key(&self) -> &Tally {
        &self.key
    }

    fn absorb(&self, other: &Self) {
        self.count.add(other.count.value());
    }
}

fn counts(table: &Table<Count>) -> Vec<(u64, u64)> {
    table.sorted().iter().map(|series| (series.key.value(), series.count.value())).collect()
}

#[test]
fn each_key_has_one_series() {
    let table = Table::<Count>::new(1000);
    // Keys that differ in high bits, in low bits, and the two extremes.
    let keys: Vec<u64> = (0..300).flat_map(|n| [n, n << 19, u64::MAX - n]).collect();
    for _ in 0..3 {
        for key in &keys {
            table.find_or_insert(*key).unwrap().count.add(1);
        }
    }
    let mut expected: Vec<(u64, u64)> = keys.iter().map(|key| (*key, 3)).collect();
    expected.sort_unstable();
    expected.dedup();
    // 0 is in the list twice.
    expected[0].1 = 6;
    assert_eq!(counts(&table), expected);
}

#[test]
fn a_full_table_refuses_new_keys_and_knows_the_old() {
    for series_max in [0, 1, 2, 5, 64, 100] {
        let table = Table::<Count>::new(series_max);
        for key in 0..series_max as u64 {
            assert!(table.find_or_insert(key).is_some());
        }
        assert!((0..series_max as u64).all(|key| table.find_or_insert(key).is_some()));
        assert!((1000..3000).all(|key| table.find_or_insert(key).is_none()), "{series_max}");
        assert_eq!(table.len(), series_max);
    }
}

#[test]
fn a_table_absorbs_under_other_keys() {
    let (sum, one) = (Table::<Count>::new(10), Table::<Count>::new(10));
    for key in 0..4 {
        one.find_or_insert(key).unwrap().count.add(1 << key);
    }
    sum.absorb(&one, |key| key % 2);
    sum.absorb(&one, |key| key % 2);
    assert_eq!(counts(&sum), [(0, 2 * 0b0101), (1, 2 * 0b1010)]);
}
