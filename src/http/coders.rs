//! `Coders`: the encoders of one worker. So many at a time, since each holds a megabyte or so; who
//! comes when all are out sends its body as it is, which every client takes. Those that can begin
//! anew are kept for the next body.

use std::cell::{Cell, RefCell};

use crate::limits::{CODERS_KEPT_MAX, CODERS_PER_WORKER_MAX};
use crate::proto::coding::{Coding, Encoder};

#[derive(Default)]
pub struct Coders {
    free: RefCell<Vec<Encoder>>,
    out: Cell<usize>,
}

/// An encoder for one body. It counts as out until it is dropped or given back.
pub struct Coder<'a> {
    coders: &'a Coders,
    encoder: Option<Encoder>,
}

impl Coders {
    /// None when enough are out, or when there is no memory for one.
    pub fn take(&self, coding: Coding, level: u8) -> Option<Coder<'_>> {
        if self.out.get() >= CODERS_PER_WORKER_MAX {
            return None;
        }
        let encoder = match self.kept(coding, level) {
            Some(encoder) => encoder,
            None => Encoder::new(coding, level).ok()?,
        };
        self.out.set(self.out.get() + 1);
        Some(Coder { coders: self, encoder: Some(encoder) })
    }

    fn kept(&self, coding: Coding, level: u8) -> Option<Encoder> {
        let mut free = self.free.borrow_mut();
        let fits = |kept: &Encoder| kept.coding() == coding && kept.level() == level;
        let place = free.iter().rposition(fits)?;
        Some(free.swap_remove(place))
    }
}

impl Coder<'_> {
    pub fn encoder(&mut self) -> &mut Encoder {
        self.encoder.as_mut().expect("a coder has its encoder until it is given back")
    }

    /// Its message is complete: it can begin another. Whoever breaks off drops it.
    pub fn give_back(mut self) {
        let again = self.encoder.take().and_then(Encoder::again);
        let mut free = self.coders.free.borrow_mut();
        if free.len() < CODERS_KEPT_MAX {
            free.extend(again);
        }
    }
}

impl Drop for Coder<'_> {
    fn drop(&mut self) {
        self.coders.out.set(self.coders.out.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_and_no_more() {
        let coders = Coders::default();
        let mut out: Vec<_> = (0..CODERS_PER_WORKER_MAX)
            .map(|_| coders.take(Coding::Gzip, 1).expect("there is one"))
            .collect();
        assert!(coders.take(Coding::Gzip, 1).is_none());
        out.pop().expect("it was taken").give_back();
        drop(coders.take(Coding::Brotli, 1).expect("one is back"));
        // The one that was given back is used, for the same coding and level alone.
        assert!(coders.kept(Coding::Gzip, 2).is_none() && coders.kept(Coding::Zstd, 1).is_none());
        assert!(coders.kept(Coding::Gzip, 1).is_some() && coders.kept(Coding::Gzip, 1).is_none());
        out.into_iter().for_each(Coder::give_back);
        assert_eq!(coders.free.borrow().len(), CODERS_KEPT_MAX);
        assert_eq!(coders.out.get(), 0);
    }
}
