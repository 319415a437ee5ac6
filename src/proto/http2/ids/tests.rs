use std::collections::BTreeMap;

use super::*;
use crate::base::random::Random;

#[test]
fn agrees_with_a_map() {
    let random = Random::seeded(7);
    let mut table = IdTable::default();
    let mut expected = BTreeMap::new();
    for step in 0..20_000_u32 {
        // Now rising, now all on the same home.
        let id = if step % 3 == 0 { 1 + 2048 * random.below(40) as u32 } else { step | 1 };
        if expected.contains_key(&id) || expected.len() > 100 {
            let at = random.below(expected.len() as u64) as usize;
            let gone = *expected.keys().nth(at).expect("within");
            expected.remove(&gone);
            table.remove(gone);
        } else {
            expected.insert(id, step);
            table.insert(id, step);
        }
        assert_eq!(table.find(id), expected.get(&id).copied());
        assert_eq!(table.used, expected.len());
    }
    assert!(expected.iter().all(|(id, slot)| table.find(*id) == Some(*slot)));
    assert_eq!(table.places.len(), 256, "bounded by what was live");
}
