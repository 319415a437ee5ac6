//! What is remembered of streams that are gone: enough to tell a frame that was under way when we
//! reset its stream from one that breaks the rules. Two bits each for the last 128 streams.

#[derive(Clone, Copy, Default, Debug)]
pub(super) struct History {
    /// The highest id that was used.
    highest: u32,
    /// Bit n: the n-th id below the highest was opened; ids may be skipped.
    opened: u128,
    /// Bit n: we reset it.
    reset: u128,
}

/// A stream that is not among the live ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Past {
    /// Never used, and still could be.
    Idle,
    /// Skipped: it can never be used.
    Skipped,
    /// Ended by the peer, or by both sides.
    Closed,
    /// Reset by us, or so long ago that we do not know: what comes was under way, section 5.1.
    Forgotten,
}

impl History {
    pub(super) const fn highest(&self) -> u32 {
        self.highest
    }

    /// `id` is used now; it is higher than all before.
    #[inline]
    pub(super) fn open(&mut self, id: u32) {
        debug_assert!(id > self.highest && id % 2 == 1, "ids are odd and rise");
        let by = id.div_ceil(2) - self.highest.div_ceil(2);
        self.opened = self.opened.checked_shl(by).unwrap_or(0) | 1;
        self.reset = self.reset.checked_shl(by).unwrap_or(0);
        self.highest = id;
    }

    pub(super) fn reset(&mut self, id: u32) {
        if let Some(bit) = self.bit(id) {
            self.reset |= bit;
        }
    }

    pub(super) fn past(&self, id: u32) -> Past {
        if id.is_multiple_of(2) || id > self.highest {
            return Past::Idle;
        }
        match self.bit(id) {
            None => Past::Forgotten,
            Some(bit) if self.reset & bit != 0 => Past::Forgotten,
            Some(bit) if self.opened & bit != 0 => Past::Closed,
            Some(_) => Past::Skipped,
        }
    }

    fn bit(&self, id: u32) -> Option<u128> {
        1_u128.checked_shl((self.highest - id) / 2)
    }
}

#[cfg(test)]
mod tests;
