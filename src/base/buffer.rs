//! `Buffer`, the bytes that travel through an operation by value, and `Buffers`, the free list that
//! a worker keeps of them. Owns no state: a worker has one `Buffers` in its resources.
//!
//! A buffer has room in front (`BUFFER_HEADROOM_BYTES`): a head that was rewritten, or a chunk-size
//! line, is put before body bytes that stay where they were read.
#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell, RefCell};
use std::ptr::NonNull;

use super::mapping;

use crate::limits::{
    BUFFER_HEADROOM_BYTES, BULK_BUFFER_BYTES, BULK_BUFFERS_KEPT_BYTES, KIB, READ_BUFFER_BYTES,
    READ_BUFFERS_KEPT_BYTES, READ_BUFFERS_MAPPED, SMALL_BUFFER_BYTES, SMALL_BUFFERS_KEPT_BYTES,
};

/// A heap block with a filled window `start..end` in it. Bytes outside the window have no meaning.
pub struct Buffer {
    block: NonNull<u8>,
    capacity: u32,
    start: u32,
    end: u32,
    /// What the worker's books say of it, in KiB: what it was when it was taken, or counted last.
    counted: u16,
    /// The block is a mapping of its own, not the allocator's.
    mapped: bool,
}

impl Buffer {
    /// An empty buffer with room for `bytes` behind the headroom.
    pub fn with_capacity(bytes: usize) -> Self {
        let capacity = bytes + BUFFER_HEADROOM_BYTES;
        // Zeroed once, when the block is made: every byte is initialised for good, so that a slice
        // of any part of the block is sound.
        let block = Box::into_raw(vec![0_u8; capacity].into_boxed_slice());
        Self {
            block: NonNull::new(block.cast()).expect("a box is not null"),
            capacity: u32::try_from(capacity).expect("a buffer is smaller than 4 GiB"),
            start: BUFFER_HEADROOM_BYTES as u32,
            end: BUFFER_HEADROOM_BYTES as u32,
            counted: 0,
            mapped: false,
        }
    }

    /// Nothing, and no memory: in the place of one that was given back.
    pub fn vacant() -> Self {
        Self::packed(&[])
    }

    /// A copy of `bytes` and room for no more: of what is kept for long.
    pub fn packed(bytes: &[u8]) -> Self {
        let block = Box::into_raw(Box::<[u8]>::from(bytes));
        let length = u32::try_from(bytes.len()).expect("a buffer is smaller than 4 GiB");
        Self {
            block: NonNull::new(block.cast()).expect("a box is not null"),
            capacity: length,
            start: 0,
            end: length,
            counted: 0,
            mapped: false,
        }
    }

    pub fn is_vacant(&self) -> bool {
        self.capacity == 0
    }

    pub fn filled(&self) -> &[u8] {
        // SAFETY: start <= end <= capacity, and every byte of the block is initialised.
        unsafe {
            std::slice::from_raw_parts(self.block.as_ptr().add(self.start as usize), self.len())
        }
    }

    pub fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `filled`; the borrow of `self` is unique.
        unsafe {
            std::slice::from_raw_parts_mut(self.block.as_ptr().add(self.start as usize), self.len())
        }
    }

    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes that can be appended without growing or moving anything.
    pub fn spare(&self) -> usize {
        (self.capacity - self.end) as usize
    }

    /// Bytes that can be put in front.
    pub fn headroom(&self) -> usize {
        self.start as usize
    }

    /// All that the block holds, headroom included.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Forgets everything; the headroom is back.
    pub fn clear(&mut self) {
        self.start = self.capacity.min(BUFFER_HEADROOM_BYTES as u32);
        self.end = self.start;
    }

    /// Drops the first `count` bytes.
    pub fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.len(), "more consumed than there is");
        self.start += count as u32;
        if self.start == self.end {
            self.clear();
        }
    }

    /// Keeps only the first `count` bytes.
    pub fn truncate(&mut self, count: usize) {
        debug_assert!(count <= self.len(), "a buffer is not made longer by truncation");
        self.end = self.start + count as u32;
    }

    /// Appends, and grows the block if it must: only heads far beyond the usual do that.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > self.spare() {
            self.grow(bytes.len());
        }
        // SAFETY: `spare` is at least `bytes.len()` now, and a borrowed slice cannot overlap with a
        // block that `self` alone owns.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.block.as_ptr().add(self.end as usize),
                bytes.len(),
            );
        }
        self.end += bytes.len() as u32;
    }

    /// Puts `bytes` before what is there. Returns false, and changes nothing, without the room.
    #[must_use]
    pub fn put_front(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.headroom() {
            return false;
        }
        self.start -= bytes.len() as u32;
        self.filled_mut()[..bytes.len()].copy_from_slice(bytes);
        true
    }

    /// Moves what is there to the front of the block, so that the most can be appended.
    pub fn compact(&mut self) {
        let length = self.len();
        if self.start as usize > BUFFER_HEADROOM_BYTES {
            // SAFETY: both ranges lie in the block; `copy` allows them to overlap.
            unsafe {
                std::ptr::copy(
                    self.block.as_ptr().add(self.start as usize),
                    self.block.as_ptr().add(BUFFER_HEADROOM_BYTES),
                    length,
                );
            }
            self.start = BUFFER_HEADROOM_BYTES as u32;
            self.end = self.start + length as u32;
        }
    }

    /// The filled window, for `restore`.
    pub(crate) fn window(&self) -> (u32, u32) {
        (self.start, self.end)
    }

    /// What can be appended to, for who writes in place and then says how much: `wrote`.
    pub(crate) fn spare_mut(&mut self) -> &mut [u8] {
        let spare = self.spare();
        // SAFETY: `spare` bytes from `tail` on lie in the block, every byte of it is initialised,
        // and the borrow of `self` is unique.
        unsafe { std::slice::from_raw_parts_mut(self.tail(), spare) }
    }

    /// Undoes what was consumed since `window`; nothing was written in between.
    pub(crate) fn restore(&mut self, window: (u32, u32)) {
        debug_assert!(window.0 <= window.1 && window.1 <= self.capacity, "a window of another");
        (self.start, self.end) = window;
    }

    /// Where an operation writes its bytes: `spare()` of them from here.
    pub(crate) fn tail(&mut self) -> *mut u8 {
        // SAFETY: end <= capacity, so the pointer is inside the block or one behind it.
        unsafe { self.block.as_ptr().add(self.end as usize) }
    }

    /// Where an operation reads its bytes: `len()` of them from here.
    pub(crate) fn head(&self) -> *const u8 {
        // SAFETY: start <= capacity.
        unsafe { self.block.as_ptr().add(self.start as usize) }
    }

    /// Says that an operation wrote `count` bytes at `tail`.
    pub(crate) fn wrote(&mut self, count: usize) {
        assert!(count <= self.spare(), "an operation wrote past the buffer");
        self.end += count as u32;
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        self.enlarge((self.len() + more).next_power_of_two());
    }

    /// Moves to a block with room for `bytes`. The books do not know of it: see `Buffers::count`.
    #[cold]
    pub fn enlarge(&mut self, bytes: usize) {
        let mut larger = Self::with_capacity(bytes);
        larger.put(self.filled());
        larger.counted = self.counted;
        *self = larger;
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.mapped {
            // SAFETY: the block is a whole one of `mapping::blocks`, and `self` alone owned it.
            unsafe { mapping::unmap(self.block, self.capacity()) };
            return;
        }
        let block = std::ptr::slice_from_raw_parts_mut(self.block.as_ptr(), self.capacity as usize);
        // SAFETY: the block came out of `Box::into_raw` with this length, and goes back once.
        drop(unsafe { Box::from_raw(block) });
    }
}

/// One worker's free lists, last in first out so that the block given is still in the cache, and
/// the count of what is out.
///
/// Small buffers are mapped, not allocated: ten thousand connections that stop asking leave a few
/// blocks in use scattered among the free ones, and an allocator cannot give the memory of a page
/// of blocks back while one of them is in use. A mapped block's memory goes back by itself.
#[derive(Default)]
pub struct Buffers {
    read: RefCell<Vec<Buffer>>,
    /// Free and without memory: an address each.
    cold: RefCell<Vec<Buffer>>,
    bulk: RefCell<Vec<Buffer>>,
    small: RefCell<Vec<Buffer>>,
    out_bytes: Cell<usize>,
    /// None: any number.
    allowed_bytes: Cell<Option<usize>>,
    /// Says anew what may be out; asked when that is reached.
    look: OnceCell<Box<dyn Fn() -> usize>>,
}

impl Buffers {
    /// A buffer for heads and small bodies.
    pub fn take(&self) -> Buffer {
        let free = self.read.borrow_mut().pop();
        let mut buffer = free.unwrap_or_else(|| self.warm());
        self.count(&mut buffer);
        buffer
    }

    /// A buffer for the middle of a large body.
    pub fn take_bulk(&self) -> Buffer {
        let free = self.bulk.borrow_mut().pop();
        let mut buffer = free.unwrap_or_else(|| Buffer::with_capacity(BULK_BUFFER_BYTES));
        self.count(&mut buffer);
        buffer
    }

    /// A buffer to wait with, for little that may take long to come.
    pub fn take_small(&self) -> Buffer {
        let free = self.small.borrow_mut().pop();
        let mut buffer = free.unwrap_or_else(|| Buffer::with_capacity(SMALL_BUFFER_BYTES));
        self.count(&mut buffer);
        buffer
    }

    /// Takes a buffer into the books as what it is now: it may have grown since it was taken.
    #[inline]
    pub fn count(&self, buffer: &mut Buffer) {
        let known = usize::from(buffer.counted) * KIB;
        if buffer.capacity() > known {
            let counted = u16::try_from(buffer.capacity().div_ceil(KIB)).unwrap_or(u16::MAX);
            let more = usize::from(counted) * KIB - known;
            buffer.counted = counted;
            self.out_bytes.set(self.out_bytes.get() + more);
        }
    }

    pub fn give(&self, mut buffer: Buffer) {
        const BULK: usize = BULK_BUFFER_BYTES + BUFFER_HEADROOM_BYTES;
        const SMALL: usize = SMALL_BUFFER_BYTES + BUFFER_HEADROOM_BYTES;
        let counted = usize::from(std::mem::take(&mut buffer.counted)) * KIB;
        debug_assert!(counted <= self.out_bytes.get(), "what comes back was taken");
        self.out_bytes.set(self.out_bytes.get().saturating_sub(counted));
        match buffer.capacity() {
            READ => {
                buffer.clear();
                let mut read = self.read.borrow_mut();
                if read.len() < READ_BUFFERS_KEPT_BYTES / READ {
                    read.push(buffer);
                } else {
                    drop(read);
                    self.cool(buffer);
                }
            }
            BULK => {
                let mut bulk = self.bulk.borrow_mut();
                if bulk.len() < BULK_BUFFERS_KEPT_BYTES / BULK {
                    buffer.clear();
                    bulk.push(buffer);
                }
            }
            SMALL => {
                let mut small = self.small.borrow_mut();
                if small.len() < SMALL_BUFFERS_KEPT_BYTES / SMALL {
                    buffer.clear();
                    small.push(buffer);
                }
            }
            // It grew: it is not kept.
            _ => {}
        }
    }

    /// Takes memory into the books that is in none of these buffers, or that one grew by.
    pub fn charge(&self, bytes: usize) {
        self.out_bytes.set(self.out_bytes.get() + bytes);
    }

    /// It is free.
    pub fn discharge(&self, bytes: usize) {
        self.out_bytes.set(self.out_bytes.get().saturating_sub(bytes));
    }

    /// Gives the memory of all that is free back to the system.
    pub fn trim(&self) {
        while let Some(buffer) = self.read.borrow_mut().pop() {
            self.cool(buffer);
        }
        self.bulk.borrow_mut().clear();
        self.small.borrow_mut().clear();
    }

    /// Bytes of the blocks that are out.
    pub fn out_bytes(&self) -> usize {
        self.out_bytes.get()
    }

    /// Says what may be out. A buffer is given to whoever asks: who could do without looks first.
    pub fn allow(&self, bytes: usize) {
        self.allowed_bytes.set(Some(bytes));
    }

    /// Who says what may be out, when more is than was allowed last.
    pub fn ask(&self, look: impl Fn() -> usize + 'static) {
        let _ = self.look.set(Box::new(look));
    }

    /// More is out than may be.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.is_beyond() && self.is_beyond_still()
    }

    #[inline]
    fn is_beyond(&self) -> bool {
        self.allowed_bytes.get().is_some_and(|allowed| self.out_bytes.get() > allowed)
    }

    #[cold]
    fn is_beyond_still(&self) -> bool {
        if let Some(look) = self.look.get() {
            self.allow(look());
        }
        self.is_beyond()
    }

    /// Keeps the address of a block without its memory.
    fn cool(&self, buffer: Buffer) {
        if buffer.mapped {
            // SAFETY: a whole block of `mapping::blocks`, whose content has no meaning any more;
            // it reads as zeros from now on, and so stays initialised.
            unsafe { mapping::release(buffer.block, buffer.capacity()) };
            self.cold.borrow_mut().push(buffer);
        }
    }

    /// A block that was cold, or one of a new mapping.
    #[cold]
    fn warm(&self) -> Buffer {
        let mut cold = self.cold.borrow_mut();
        if cold.is_empty() {
            cold.extend(mapping::blocks(READ, READ_BUFFERS_MAPPED).map(|block| Buffer {
                block,
                capacity: READ as u32,
                start: BUFFER_HEADROOM_BYTES as u32,
                end: BUFFER_HEADROOM_BYTES as u32,
                counted: 0,
                mapped: true,
            }));
        }
        // Without a mapping to be had the allocator may still have something.
        cold.pop().unwrap_or_else(|| Buffer::with_capacity(READ_BUFFER_BYTES))
    }
}

/// All that a small buffer holds.
const READ: usize = READ_BUFFER_BYTES + BUFFER_HEADROOM_BYTES;

#[cfg(test)]
mod tests;
