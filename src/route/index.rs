//! A hash index that is built once and only read: where in a table of the caller's a key stands.
//! It holds no keys, so the caller says whether a candidate is the one. The hash has no secret:
//! what is in the index came from the configuration, and a client can only look.

/// Open addressing at half load: a look-up reads one cache line, nearly always.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Box<[Slot]>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    place: u32,
}

impl Index {
    /// Of (hash, place) pairs whose keys all differ.
    pub(super) fn compile(pairs: &[(u64, u32)]) -> Self {
        if pairs.is_empty() {
            return Self::default();
        }
        let mut slots = vec![Slot { tag: 0, place: EMPTY }; (pairs.len() * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for &(hash, place) in pairs {
            debug_assert!(place != EMPTY, "a table is smaller than 2^32 - 1");
            let mut at = hash as usize & mask;
            while slots[at].place != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { tag: tag(hash), place };
        }
        Self { slots: slots.into_boxed_slice() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The place of the key with this hash that `is_it`.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots.get(at)?;
            if slot.place == EMPTY {
                return None;
            }
            if slot.tag == tag(hash) && is_it(slot.place) {
                return Some(slot.place);
            }
            at = (at + 1) & mask;
        }
    }
}

/// Hashes bytes as they are.
#[inline]
pub(super) fn hash(seed: u32, bytes: &[u8]) -> u64 {
    hash_with(seed, bytes, 0)
}

/// Hashes ASCII letters alike in either case. A few other bytes fall together too: who compares
/// afterwards tells them apart.
#[inline]
pub(super) fn hash_folded(bytes: &[u8]) -> u64 {
    hash_with(0, bytes, 0x2020_2020_2020_2020)
}

#[inline]
fn hash_with(seed: u32, bytes: &[u8], case: u64) -> u64 {
    let mut state = fold(u64::from(seed) ^ 0x9E37_79B9_7F4A_7C15, 0xE703_7ED1_A0B4_28DB);
    let mut rest = bytes;
    while rest.len() > 8
        && let Some((word, behind)) = rest.split_first_chunk()
    {
        state = fold(state ^ (u64::from_le_bytes(*word) | case), 0xA076_1D64_78BD_642F);
        rest = behind;
    }
    fold(state ^ (last_word(rest) | case), 0x8EBC_6AF0_9C88_C6E3 ^ bytes.len() as u64)
}

/// At most 8 bytes as a word; two reads overlap rather than loop.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    match bytes {
        [] => 0,
        [first, .., last] => {
            let middle = bytes[bytes.len() / 2];
            u64::from(*first) | u64::from(middle) << 8 | u64::from(*last) << 16
        }
        [only] => u64::from(*only),
    }
}

/// Both halves of a product, as wyhash mixes.
#[inline]
const fn fold(left: u64, right: u64) -> u64 {
    let product = left as u128 * right as u128;
    product as u64 ^ (product >> 64) as u64
}

/// The half of a hash that does not choose the slot.
#[inline]
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

const EMPTY: u32 = u32::MAX;

#[cfg(test)]
mod tests;
