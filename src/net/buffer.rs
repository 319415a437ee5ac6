//! `base::Buffer` as the runtime wants its buffers: reads append behind what is filled, writes send
//! what is filled.

use monoio::buf::{IoBuf, IoBufMut};

use crate::base::buffer::Buffer;

// SAFETY: the block is on the heap and does not move with the `Buffer`; `head` points to `len`
// initialised bytes, and nobody else can change them while the operation owns the buffer.
unsafe impl IoBuf for Buffer {
    fn read_ptr(&self) -> *const u8 {
        self.head()
    }

    fn bytes_init(&self) -> usize {
        self.len()
    }
}

// SAFETY: as above; `tail` points to `spare` bytes inside the block.
unsafe impl IoBufMut for Buffer {
    fn write_ptr(&mut self) -> *mut u8 {
        self.tail()
    }

    fn bytes_total(&mut self) -> usize {
        self.spare()
    }

    /// The runtime calls this once, when a read has brought `count` bytes.
    unsafe fn set_init(&mut self, count: usize) {
        self.wrote(count);
    }
}
