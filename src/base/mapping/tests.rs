use super::*;

const BYTES: usize = 5000;

fn bytes_of(block: NonNull<u8>) -> &'static mut [u8] {
    // SAFETY: each test uses a block only between `blocks` and `unmap`.
    unsafe { std::slice::from_raw_parts_mut(block.as_ptr(), BYTES) }
}

#[test]
fn to_release_or_end_a_block_leaves_its_neighbours_alone() {
    let blocks: Vec<_> = blocks(BYTES, 3).collect();
    for (block, byte) in blocks.iter().zip(1..) {
        assert!(bytes_of(*block).iter().all(|&byte| byte == 0));
        bytes_of(*block).fill(byte);
    }
    // SAFETY: the blocks are whole, and the last is not used again.
    unsafe {
        release(blocks[1], BYTES);
        unmap(blocks[2], BYTES);
    }
    assert!(bytes_of(blocks[0]).iter().all(|&byte| byte == 1));
    assert!(bytes_of(blocks[1]).iter().all(|&byte| byte == 0));
    for block in &blocks[..2] {
        // SAFETY: as above.
        unsafe { unmap(*block, BYTES) };
    }
}

#[test]
fn more_than_there_is_room_for_is_no_block() {
    assert_eq!(blocks(1 << 46, 8).count(), 0);
}
