//! Windows, RFC 9113 sections 5.2 and 6.9: what we may send, and what the peer may. Both are used
//! for a stream and for the connection. Pure arithmetic: frames are written by the connection.

/// How the octets that a peer may send start out: section 6.9.2.
pub const WINDOW_BYTES_INITIAL: u32 = 65_535;

/// What we may send. Below zero after the peer took back what was spent already: section 6.9.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendWindow(i32);

impl SendWindow {
    /// `bytes` has 31 bits.
    pub const fn new(bytes: u32) -> Self {
        Self(bytes as i32)
    }

    #[inline]
    pub const fn available(self) -> usize {
        if self.0 > 0 { self.0 as usize } else { 0 }
    }

    /// Spends some of what is available.
    #[inline]
    pub const fn take(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.available(), "no more is sent than the window allows");
        self.0 -= bytes as i32;
    }

    /// A WINDOW_UPDATE; false when the window would go over 2^31 - 1.
    #[must_use]
    pub const fn open(&mut self, increment: u32) -> bool {
        self.shift(increment as i64)
    }

    /// A changed SETTINGS_INITIAL_WINDOW_SIZE; false when the window would go over its bounds.
    #[must_use]
    pub const fn shift(&mut self, change: i64) -> bool {
        let bytes = self.0 as i64 + change;
        if bytes > i32::MAX as i64 || bytes < i32::MIN as i64 {
            return false;
        }
        self.0 = bytes as i32;
        true
    }
}

/// What the peer may send. What is consumed is given back in steps of half a window; a window that
/// was used up by a peer whose bytes were consumed at once is doubled, up to its bound.
///
/// `available + unreturned + what is held unconsumed = size`, so `size` bounds what is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceiveWindow {
    /// Below zero after a smaller initial window took effect.
    available: i32,
    size: u32,
    size_max: u32,
    /// Consumed, and not yet announced.
    unreturned: u32,
    /// The peer has used nearly all of the window since it last grew.
    exhausted: bool,
}

impl ReceiveWindow {
    /// All numbers have 31 bits; a `size_max` below `size` means that it never grows.
    pub const fn new(size: u32, size_max: u32) -> Self {
        Self { available: size as i32, size, size_max, unreturned: 0, exhausted: false }
    }

    /// The peer sent `bytes`; false when it was not allowed so many.
    #[inline]
    #[must_use]
    pub const fn take(&mut self, bytes: u32) -> bool {
        if bytes > 0 && bytes as i64 > self.available as i64 {
            return false;
        }
        self.available -= bytes as i32;
        if (self.available as i64) < (self.size / 8) as i64 {
            self.exhausted = true;
        }
        true
    }

    /// `bytes` were consumed. Returns what to announce to the peer now: 0 is nothing.
    #[inline]
    pub const fn release(&mut self, bytes: u32) -> u32 {
        self.unreturned += bytes;
        if self.exhausted && self.held() <= self.size as i64 / 4 {
            self.exhausted = false;
            self.grow();
        }
        if self.unreturned < self.size / 2 {
            return 0;
        }
        let increment = self.unreturned;
        self.available += increment as i32;
        self.unreturned = 0;
        increment
    }

    /// The peer has acknowledged an initial window that is smaller by `bytes`.
    pub const fn shrink(&mut self, bytes: u32) {
        self.available -= bytes as i32;
        self.size -= bytes;
    }

    pub const fn size(&self) -> u32 {
        self.size
    }

    /// What the peer may send, as far as it was told.
    pub const fn available(&self) -> i32 {
        self.available
    }

    /// What the peer sent and nobody consumed.
    pub const fn held(&self) -> i64 {
        self.size as i64 - self.available as i64 - self.unreturned as i64
    }

    const fn grow(&mut self) {
        if self.size < self.size_max {
            let doubled = self.size.saturating_mul(2);
            let size = if doubled < self.size_max { doubled } else { self.size_max };
            self.unreturned += size - self.size;
            self.size = size;
        }
    }
}

#[cfg(test)]
mod tests;
