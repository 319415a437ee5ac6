//! A bounded list that is only ever appended to: one thread appends, any thread reads, and a
//! reference into it stays good for as long as the list lives. Memory comes in chunks, as it fills.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) struct Arena<T> {
    chunks: Box<[OnceLock<Box<[T]>>]>,
    len: AtomicUsize,
    len_max: usize,
}

impl<T: Default> Arena<T> {
    pub(crate) fn new(len_max: usize) -> Self {
        let chunks = (0..len_max.div_ceil(CHUNK_LEN)).map(|_| OnceLock::new()).collect();
        Self { chunks, len: AtomicUsize::new(0), len_max }
    }

    /// Appends what `fill` makes of an empty element and returns its place, or `None` when full.
    /// A reader sees the element filled, or not at all.
    pub(crate) fn push(&self, fill: impl FnOnce(&T)) -> Option<usize> {
        let place = self.len.load(Ordering::Relaxed);
        if place == self.len_max {
            return None;
        }
        let chunk = self.chunks[place / CHUNK_LEN]
            .get_or_init(|| (0..CHUNK_LEN).map(|_| T::default()).collect());
        fill(&chunk[place % CHUNK_LEN]);
        self.len.store(place + 1, Ordering::Release);
        Some(place)
    }

    /// The element at `place`. One that was not pushed yet may be seen empty.
    #[inline]
    pub(crate) fn at(&self, place: usize) -> Option<&T> {
        Some(&self.chunks.get(place / CHUNK_LEN)?.get()?[place % CHUNK_LEN])
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).filter_map(|place| self.at(place))
    }
}

const CHUNK_LEN: usize = 64;

#[cfg(test)]
mod tests;
