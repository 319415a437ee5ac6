//! Blocks of memory straight from the system, whose pages can be given back one block at a time.
//! Owns no state: a block belongs to who asked for it.
#![allow(unsafe_code)]

use std::ptr::NonNull;

/// Maps `count` blocks of at least `bytes`, zeroed, each in pages of its own. None are mapped when
/// the system has no room.
pub fn blocks(bytes: usize, count: usize) -> impl Iterator<Item = NonNull<u8>> {
    let stride = in_pages(bytes);
    // SAFETY: an anonymous mapping at an address that the kernel chooses touches nothing else.
    let mapped = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            stride * count,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    let first = if mapped == libc::MAP_FAILED { None } else { NonNull::new(mapped.cast::<u8>()) };
    // SAFETY: each block lies within the mapping.
    first
        .into_iter()
        .flat_map(move |first| (0..count).map(move |index| unsafe { first.add(index * stride) }))
}

/// Gives the memory of a block back; it reads as zeros afterwards.
///
/// # Safety
/// `block` is one that `blocks` made with the same `bytes`, and nobody reads it meanwhile.
pub unsafe fn release(block: NonNull<u8>, bytes: usize) {
    // SAFETY: the range is a whole number of pages that the caller owns. A failure keeps the
    // memory, and nothing else.
    unsafe { libc::madvise(block.as_ptr().cast(), in_pages(bytes), libc::MADV_DONTNEED) };
}

/// Ends a block.
///
/// # Safety
/// As `release`; the block is not used again.
pub unsafe fn unmap(block: NonNull<u8>, bytes: usize) {
    // SAFETY: as above. It fails only when the process has too many mappings; the pages go then,
    // and the address stays taken.
    let ended = unsafe { libc::munmap(block.as_ptr().cast(), in_pages(bytes)) };
    if ended != 0 {
        // SAFETY: the block is still mapped.
        unsafe { release(block, bytes) };
    }
}

fn in_pages(bytes: usize) -> usize {
    bytes.next_multiple_of(page_bytes())
}

pub fn page_bytes() -> usize {
    // SAFETY: a question without pointers.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page_bytes).unwrap_or(LARGEST_PAGE_BYTES)
}

/// No Linux has larger ones.
const LARGEST_PAGE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
