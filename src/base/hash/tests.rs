use super::*;

/// To change these moves every session of every user to another endpoint.
#[test]
fn it_never_changes() {
    assert_eq!(hash(b""), hash(b""));
    let seen = [hash(b""), hash(b"a"), hash(b"127.0.0.1:8080"), hash_with(b"a", 1)];
    assert_eq!(seen, PINNED, "{seen:#x?}");
}

#[test]
fn neighbours_are_far_apart() {
    let mut buckets = [0_u32; 64];
    for n in 0..64_000 {
        buckets[(hash(format!("user-{n}").as_bytes()) >> 58) as usize] += 1;
    }
    for (bucket, count) in buckets.iter().enumerate() {
        assert!((850..1150).contains(count), "bucket {bucket} has {count} of about 1000");
    }
}

#[test]
fn every_byte_counts() {
    let plain = [7_u8; 40];
    for at in 0..plain.len() {
        let mut other = plain;
        other[at] = 8;
        let differ = (hash(&plain) ^ hash(&other)).count_ones();
        assert!((12..=52).contains(&differ), "byte {at} moves {differ} bits");
    }
    assert_ne!(hash(b"a"), hash(b"a\0"), "nor is the length lost");
}

const PINNED: [u64; 4] =
    [0x13f7_9413_4c59_4c76, 0x6df0_9938_7b16_aae6, 0x601f_0e89_4d56_5e25, 0x6ff2_a07a_2a82_160c];
