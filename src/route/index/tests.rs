use std::collections::HashSet;

use super::*;

#[test]
fn every_key_is_found_and_no_other() {
    for count in [0, 1, 2, 3, 100, 5000] {
        let keys: Vec<String> = (0..count).map(|n| format!("key-{n}")).collect();
        let pairs: Vec<(u64, u32)> =
            keys.iter().zip(0..).map(|(key, n)| (hash(7, key.as_bytes()), n)).collect();
        let index = Index::compile(&pairs);
        let find =
            |key: &str| index.find(hash(7, key.as_bytes()), |place| keys[place as usize] == key);
        assert_eq!(index.is_empty(), count == 0);
        for (key, place) in keys.iter().zip(0..) {
            assert_eq!(find(key), Some(place));
        }
        assert_eq!(find("key-"), None);
        assert_eq!(find(&format!("key-{count}")), None);
    }
}

#[test]
fn keys_of_one_hash_are_told_apart() {
    let index = Index::compile(&[(5, 0), (5, 1), (5, 2)]);
    for wanted in 0..3 {
        assert_eq!(index.find(5, |place| place == wanted), Some(wanted));
    }
    assert_eq!(index.find(5, |_| false), None);
}

#[test]
fn every_byte_and_the_length_count() {
    let text: Vec<u8> = (1..=40).collect();
    let mut seen = HashSet::new();
    for end in 0..=text.len() {
        assert!(seen.insert(hash(1, &text[..end])), "length {end}");
    }
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 0x80;
        assert!(seen.insert(hash(1, &changed)), "byte {at}");
    }
    assert_ne!(hash(1, &text), hash(2, &text));
}

#[test]
fn folding_makes_letters_alike() {
    for text in ["", "A", "aB", "ABC", "AbCdE", "Example.COM", "WWW.Some-Long-Host.Example.org"] {
        let lower = text.to_ascii_lowercase();
        assert_eq!(hash_folded(text.as_bytes()), hash_folded(lower.as_bytes()), "{text}");
    }
    assert_ne!(hash_folded(b"a.example"), hash_folded(b"b.example"));
}
