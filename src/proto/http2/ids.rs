//! Stream ids to slots: open addressing. Ids rise by two, so nearly every one is found at the first
//! look. Grows with the live streams, which are bounded, and never shrinks.

#[derive(Default, Debug)]
pub(super) struct IdTable {
    /// A power of two, at most half full; id 0 is an empty place.
    places: Vec<Place>,
    used: usize,
}

#[derive(Clone, Copy, Default, Debug)]
struct Place {
    id: u32,
    slot: u32,
}

impl IdTable {
    #[inline]
    pub(super) fn find(&self, id: u32) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let mut at = self.home(id);
        loop {
            match self.places[at] {
                place if place.id == id => return Some(place.slot),
                Place { id: 0, .. } => return None,
                _ => at = self.next(at),
            }
        }
    }

    /// `id` is not in the table.
    #[inline]
    pub(super) fn insert(&mut self, id: u32, slot: u32) {
        debug_assert!(id != 0 && self.find(id).is_none(), "each id is inserted once");
        if self.used * 2 >= self.places.len() {
            self.grow();
        }
        self.used += 1;
        self.put(Place { id, slot });
    }

    /// Closes the gap that `id` leaves, so that no search stops too early.
    pub(super) fn remove(&mut self, id: u32) {
        debug_assert!(self.find(id).is_some(), "only live ids are removed");
        let mut gap = self.home(id);
        while self.places[gap].id != id {
            gap = self.next(gap);
        }
        self.used -= 1;
        let mut at = gap;
        loop {
            at = self.next(at);
            let place = self.places[at];
            if place.id == 0 {
                break;
            }
            let mask = self.places.len() - 1;
            let from_home = at.wrapping_sub(self.home(place.id)) & mask;
            let from_gap = at.wrapping_sub(gap) & mask;
            if from_home >= from_gap {
                self.places[gap] = place;
                gap = at;
            }
        }
        self.places[gap] = Place::default();
    }

    fn put(&mut self, place: Place) {
        let mut at = self.home(place.id);
        while self.places[at].id != 0 {
            at = self.next(at);
        }
        self.places[at] = place;
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(PLACES_MIN);
        let old = std::mem::replace(&mut self.places, vec![Place::default(); size]);
        old.into_iter().filter(|place| place.id != 0).for_each(|place| self.put(place));
    }

    #[inline]
    fn home(&self, id: u32) -> usize {
        (id / 2) as usize & (self.places.len() - 1)
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }
}

const PLACES_MIN: usize = 8;

#[cfg(test)]
mod tests;
