//! A bounded queue of byte records between two threads: one pushes, one drains, neither waits. A
//! full ring refuses; whoever pushes counts that. A record lies in one piece, so it is written and
//! read in place. Each end owns its position and keeps a copy of the other's, which it renews only
//! when it has to: the two cores then rarely touch the same cache line.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Both ends of a ring of `bytes`, a power of two.
pub fn ring(bytes: usize) -> (Producer, Consumer) {
    assert!(bytes.is_power_of_two() && bytes >= 2 * ALIGN, "a ring's size is a power of two");
    // Zeroed memory comes from the kernel page by page, as the ring is first used; and every byte
    // is initialised for good, so that a slice of any part of the block is sound.
    let block = Box::into_raw(vec![0_u8; bytes].into_boxed_slice());
    let shared = Arc::new(Shared {
        block: NonNull::new(block.cast()).expect("a box is not null"),
        bytes,
        head: Position(AtomicUsize::new(0)),
        tail: Position(AtomicUsize::new(0)),
    });
    let producer = Producer { shared: Arc::clone(&shared), tail: 0, head_seen: 0 };
    (producer, Consumer { shared, head: 0 })
}

/// The end that pushes.
pub struct Producer {
    shared: Arc<Shared>,
    tail: usize,
    head_seen: usize,
}

/// The end that drains.
pub struct Consumer {
    shared: Arc<Shared>,
    head: usize,
}

impl Producer {
    /// Pushes a record of `length` bytes that `fill` writes. False, and nothing is pushed, when
    /// there is no room.
    #[inline]
    #[must_use]
    pub fn push(&mut self, length: usize, fill: impl FnOnce(&mut [u8])) -> bool {
        let Some(bytes) = record_bytes(length).filter(|bytes| *bytes <= self.shared.bytes) else {
            return false;
        };
        let offset = self.shared.offset(self.tail);
        let to_end = self.shared.bytes - offset;
        // What does not fit before the end of the block starts at its front.
        let skipped = if bytes <= to_end { 0 } else { to_end };
        if !self.has_room(skipped + bytes) {
            return false;
        }
        if skipped > 0 {
            self.put_head(offset, SKIP);
        }
        let start = self.shared.offset(self.tail.wrapping_add(skipped));
        self.put_head(start, length as u32);
        // SAFETY: `start + bytes` is within the block, and `has_room` says that the consumer has
        // given this part back: until `tail` is published below, it is the producer's alone, and
        // `&mut self` is the only producer.
        fill(unsafe {
            let record = self.shared.block.as_ptr().add(start + HEAD_BYTES);
            std::slice::from_raw_parts_mut(record, length)
        });
        self.tail = self.tail.wrapping_add(skipped + bytes);
        self.shared.tail.0.store(self.tail, Ordering::Release);
        true
    }

    #[inline]
    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = |head: usize, tail: usize| self.shared.bytes - tail.wrapping_sub(head) >= bytes;
        if fits(self.head_seen, self.tail) {
            return true;
        }
        let head = self.shared.head.0.load(Ordering::Acquire);
        let fits = fits(head, self.tail);
        self.head_seen = head;
        fits
    }

    /// Writes the head of a record, or of what is skipped.
    #[inline]
    fn put_head(&mut self, offset: usize, word: u32) {
        debug_assert!(offset.is_multiple_of(ALIGN), "records are aligned");
        // SAFETY: positions are multiples of `ALIGN` and so is the block's size, so a head fits at
        // each; the part is the producer's, as in `push`.
        unsafe {
            let head = self.shared.block.as_ptr().add(offset).cast::<[u8; HEAD_BYTES]>();
            head.write(word.to_ne_bytes());
        }
    }
}

impl Consumer {
    /// Shows `read` every record that was there when the call began, oldest first, and returns how
    /// many. The room of each is given back before the next.
    pub fn drain(&mut self, mut read: impl FnMut(&[u8])) -> usize {
        let tail = self.shared.tail.0.load(Ordering::Acquire);
        let mut records = 0;
        while self.head != tail {
            let offset = self.shared.offset(self.head);
            // SAFETY: `head` is before `tail`, where the producer has published a head.
            let word =
                unsafe { self.shared.block.as_ptr().add(offset).cast::<[u8; HEAD_BYTES]>().read() };
            let bytes = match u32::from_ne_bytes(word) {
                SKIP => self.shared.bytes - offset,
                length => {
                    let length = length as usize;
                    // SAFETY: the producer wrote these bytes before it published `tail`, and does
                    // not touch them until `head` is published below.
                    read(unsafe {
                        let record = self.shared.block.as_ptr().add(offset + HEAD_BYTES);
                        std::slice::from_raw_parts(record, length)
                    });
                    records += 1;
                    record_bytes(length).expect("the producer has computed the same")
                }
            };
            self.head = self.head.wrapping_add(bytes);
            self.shared.head.0.store(self.head, Ordering::Release);
        }
        records
    }

    /// Bytes that wait, heads included.
    pub fn waiting_bytes(&self) -> usize {
        self.shared.tail.0.load(Ordering::Relaxed).wrapping_sub(self.head)
    }

    /// Whether the producer is gone; what it pushed may still wait.
    pub fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }
}

struct Shared {
    block: NonNull<u8>,
    bytes: usize,
    head: Position,
    tail: Position,
}

/// On a pair of cache lines of its own. Positions count on over the block's end.
#[repr(align(128))]
struct Position(AtomicUsize);

// SAFETY: the block is reached through `Producer` and `Consumer` alone, one of each; `head..tail`
// is the consumer's and the rest the producer's, and the hand-over is by release and acquire.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    #[inline]
    fn offset(&self, position: usize) -> usize {
        position & (self.bytes - 1)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let block = std::ptr::slice_from_raw_parts_mut(self.block.as_ptr(), self.bytes);
        // SAFETY: the block came out of `Box::into_raw` with this length, and goes back once.
        drop(unsafe { Box::from_raw(block) });
    }
}

/// What a record takes of the ring, or `None` when no ring could hold it.
#[inline]
fn record_bytes(length: usize) -> Option<usize> {
    let whole = length.checked_add(HEAD_BYTES)?.checked_next_multiple_of(ALIGN)?;
    (whole < SKIP as usize).then_some(whole)
}

const HEAD_BYTES: usize = 4;
const ALIGN: usize = 8;
/// In place of a length: the rest of the block is unused.
const SKIP: u32 = u32::MAX;

#[cfg(test)]
mod tests;
