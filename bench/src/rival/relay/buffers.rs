//! The provided buffers: memory that the kernel picks from when bytes arrive, and chains of filled
//! buffers that wait to be sent. A buffer is either the kernel's or in exactly one chain.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

pub(super) struct Buffers {
    /// Shared with the kernel: COUNT entries, page-aligned, never freed.
    entries: NonNull<BufRingEntry>,
    /// The memory itself, COUNT times BYTES, never moved or freed.
    memory: NonNull<u8>,
    tail: u16,
    published: u16,
    /// The buffer that follows another one in its chain.
    next: Vec<Option<Piece>>,
}

/// A filled part of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) id: u16,
    pub(super) bytes: u32,
}

/// Pieces in order, linked through [`Buffers::next`], so that a queue costs no memory.
#[derive(Default)]
pub(super) struct Chain {
    first: Option<Piece>,
    last_id: u16,
}

impl Chain {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn first(&self) -> Option<Piece> {
        self.first
    }
}

impl Buffers {
    /// All buffers, registered with the kernel. They live as long as the process.
    pub(super) fn register(ring: &IoUring) -> io::Result<Self> {
        let entries = allocate(size_of::<BufRingEntry>() * COUNT as usize).cast();
        let memory = allocate(BYTES * COUNT as usize);
        let mut buffers =
            Self { entries, memory, tail: 0, published: 0, next: vec![None; COUNT as usize] };
        // SAFETY: `entries` is page-aligned, COUNT entries long and never freed.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                entries.as_ptr() as u64,
                COUNT,
                GROUP,
                0,
            )?
        };
        (0..COUNT).for_each(|id| buffers.add(id));
        buffers.publish();
        Ok(buffers)
    }

    pub(super) fn start(&self, id: u16) -> *const u8 {
        debug_assert!(id < COUNT, "the kernel hands out what it was given");
        // SAFETY: `id` is below COUNT, so the result is inside the memory.
        unsafe { self.memory.as_ptr().add(id as usize * BYTES) }
    }

    pub(super) fn append(&mut self, chain: &mut Chain, piece: Piece) {
        match chain.first {
            None => chain.first = Some(piece),
            Some(_) => self.next[chain.last_id as usize] = Some(piece),
        }
        chain.last_id = piece.id;
    }

    /// Takes the first piece off a chain; its buffer goes back to the kernel at the next publish.
    pub(super) fn take_first(&mut self, chain: &mut Chain) -> Option<Piece> {
        let piece = chain.first?;
        chain.first = self.next[piece.id as usize].take();
        self.add(piece.id);
        Some(piece)
    }

    /// Shows the kernel what was added, once per turn; says whether there was anything.
    pub(super) fn publish(&mut self) -> bool {
        if self.tail == self.published {
            return false;
        }
        // SAFETY: the kernel reads the tail atomically; it lies in a field of the first entry that
        // `add` does not touch.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: as above; the memory is aligned and never freed.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }.store(self.tail, Ordering::Release);
        self.published = self.tail;
        true
    }

    fn add(&mut self, id: u16) {
        let start = self.start(id) as u64;
        // SAFETY: the index is below COUNT; the kernel reads this entry only after `publish`.
        let entry = unsafe { &mut *self.entries.as_ptr().add((self.tail & (COUNT - 1)) as usize) };
        entry.set_addr(start);
        entry.set_len(BYTES as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }
}

fn allocate(bytes: usize) -> NonNull<u8> {
    let layout = Layout::from_size_align(bytes, PAGE_BYTES).expect("constants make a valid layout");
    // SAFETY: the layout is not empty.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

pub(super) const GROUP: u16 = 0;
const COUNT: u16 = 1024;
const BYTES: usize = 16 * 1024;
const PAGE_BYTES: usize = 4096;
const _: () = assert!(COUNT.is_power_of_two());

#[cfg(test)]
mod tests;
