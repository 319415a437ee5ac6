//! Choice among weighted things, by a random word of the caller's. Immutable; a weight of 0 is
//! never chosen.

use std::error::Error;
use std::fmt;

use crate::base::random::scale;

/// Things with weights, in the order in which they were written.
#[derive(Clone, Debug)]
pub struct Split<T> {
    things: Box<[T]>,
    /// The weights up to and with each thing: one of weight 0 ends where it begins.
    ends: Box<[u64]>,
}

impl<T> Split<T> {
    pub fn compile(weighted: impl IntoIterator<Item = (u32, T)>) -> Result<Self, NothingToChoose> {
        let (mut things, mut ends, mut total) = (Vec::new(), Vec::new(), 0_u64);
        for (weight, thing) in weighted {
            total += u64::from(weight);
            things.push(thing);
            ends.push(total);
        }
        if total == 0 {
            return Err(NothingToChoose);
        }
        Ok(Self { things: things.into(), ends: ends.into() })
    }

    /// The one choice of a thing that is alone.
    pub fn single(thing: T) -> Self {
        Self { things: Box::new([thing]), ends: Box::new([1]) }
    }

    /// Chooses by `random`, any word: things come up by their weights over all words. Tells the
    /// thing's place, too.
    #[inline]
    pub fn pick(&self, random: u64) -> (usize, &T) {
        if let [only] = &*self.things {
            return (0, only);
        }
        let total = self.ends.last().copied().unwrap_or_default();
        let drawn = scale(random, total);
        let place = self.ends.partition_point(|&end| end <= drawn);
        debug_assert!(place < self.things.len(), "what is drawn is below the total");
        (place, &self.things[place])
    }

    /// All things, those of weight 0 too, with their weights.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        self.things
            .iter()
            .zip(&self.ends)
            .zip(starts)
            .map(|((thing, end), start)| (end - start, thing))
    }
}

/// There is nothing, or nothing with a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingToChoose;

impl fmt::Display for NothingToChoose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing with a weight above 0")
    }
}

impl Error for NothingToChoose {}

#[cfg(test)]
mod tests;
