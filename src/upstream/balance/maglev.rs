//! The table of Maglev (Eisenbud and others, 2016, section 3.4), with weights: one look-up, shares
//! that are equal to within a percent, and almost no disruption when endpoints come and go.
//! Immutable.

use crate::base::hash::{hash_with, mix};
use crate::limits::MAGLEV_SLOTS;
use crate::upstream::cluster::Endpoint;

#[derive(Debug)]
pub struct Table {
    slots: Box<[u32]>,
}

impl Table {
    pub fn new(endpoints: &[Endpoint], members: &[u32]) -> Self {
        let mut fillers: Vec<_> =
            members.iter().map(|place| Filler::new(&endpoints[*place as usize], *place)).collect();
        let most = fillers.iter().map(|filler| filler.weight).max().unwrap_or(1);
        let mut slots = vec![FREE; if fillers.is_empty() { 0 } else { MAGLEV_SLOTS }];
        let mut left = slots.len();
        let mut round = 0;
        while left > 0 {
            round += 1;
            // Whoever has half the weight of the heaviest comes in every other round.
            let due = |filler: &&mut Filler| filler.taken * most < round * filler.weight;
            for filler in fillers.iter_mut().filter(due).take(left) {
                filler.take(&mut slots);
                left -= 1;
            }
        }
        Self { slots: slots.into() }
    }

    /// Where the slot's owner is not free, the hash is hashed again: so the share of one that is
    /// away goes to all others.
    pub fn find(&self, hash: u64, free: impl Fn(u32) -> bool) -> Option<u32> {
        let slots = self.slots.len() as u64;
        let mut hash = hash;
        for _ in 0..TRIES {
            let owner = *self.slots.get(usize::try_from(hash.checked_rem(slots)?).ok()?)?;
            if free(owner) {
                return Some(owner);
            }
            hash = mix(hash.wrapping_add(1));
        }
        let (before, behind) = self.slots.split_at((hash % slots) as usize);
        behind.iter().chain(before).copied().find(|owner| free(*owner))
    }
}

/// Who fills slots in an order of its own.
struct Filler {
    place: u32,
    weight: u64,
    taken: u64,
    next: usize,
    skip: usize,
}

impl Filler {
    fn new(endpoint: &Endpoint, place: u32) -> Self {
        let name = endpoint.name.as_bytes();
        let slots = MAGLEV_SLOTS as u64;
        let next = (hash_with(name, 0) % slots) as usize;
        let skip = (hash_with(name, 1) % (slots - 1)) as usize + 1;
        Self { place, weight: u64::from(endpoint.weight), taken: 0, next, skip }
    }

    /// The next slot of its order that is free. The number of slots is prime, so its order has all.
    fn take(&mut self, slots: &mut [u32]) {
        while slots[self.next] != FREE {
            self.next = (self.next + self.skip) % slots.len();
        }
        slots[self.next] = self.place;
        self.taken += 1;
    }
}

const FREE: u32 = u32::MAX;
/// Hashes before the table is gone through one by one.
const TRIES: usize = 16;
