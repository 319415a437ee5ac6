use super::*;

fn drained(consumer: &mut Consumer) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    consumer.drain(|record| records.push(record.to_vec()));
    records
}

fn push(producer: &mut Producer, record: &[u8]) -> bool {
    producer.push(record.len(), |bytes| bytes.copy_from_slice(record))
}

#[test]
fn records_come_out_as_they_went_in() {
    let (mut producer, mut consumer) = ring(256);
    for length in [0_usize, 1, 3, 4, 5, 12, 60, 100] {
        let record = vec![length as u8; length];
        assert!(push(&mut producer, &record));
        assert_eq!(drained(&mut consumer), vec![record]);
    }
    assert_eq!(drained(&mut consumer), Vec::<Vec<u8>>::new());
}

#[test]
fn a_full_ring_refuses_and_recovers() {
    let (mut producer, mut consumer) = ring(64);
    // 12 bytes and a head of 4 are a quarter of the ring.
    let pushed = (0..9_u8).take_while(|n| push(&mut producer, &[*n; 12])).count();
    assert_eq!(pushed, 4);
    assert_eq!(consumer.waiting_bytes(), 64);
    assert_eq!(drained(&mut consumer), (0..4_u8).map(|n| vec![n; 12]).collect::<Vec<_>>());
    assert!(push(&mut producer, &[9; 60]));
    assert!(!push(&mut producer, &[]));
    assert_eq!(drained(&mut consumer), [[9; 60]]);
}

#[test]
fn what_never_fits_is_refused() {
    let (mut producer, mut consumer) = ring(64);
    assert!(!push(&mut producer, &[0; 61]));
    assert!(!producer.push(usize::MAX, |_| ()));
    assert!(!producer.push(u32::MAX as usize, |_| ()));
    assert!(drained(&mut consumer).is_empty());
}

#[test]
fn a_record_that_does_not_fit_before_the_end_starts_at_the_front() {
    for first in 0..48_usize {
        let (mut producer, mut consumer) = ring(64);
        assert!(push(&mut producer, &vec![1; first]));
        assert_eq!(drained(&mut consumer).len(), 1);
        // Empty now, but the free room may lie on both sides of the end.
        let fits = push(&mut producer, &[2; 28]);
        let expected: &[[u8; 28]] = if fits { &[[2; 28]] } else { &[] };
        assert_eq!(drained(&mut consumer), expected, "after {first} bytes");
        assert!(fits, "half a ring always fits into an empty one");
    }
}

#[test]
fn an_abandoned_ring_still_gives_what_it_has() {
    let (mut producer, mut consumer) = ring(64);
    assert!(push(&mut producer, b"last"));
    assert!(!consumer.is_abandoned());
    drop(producer);
    assert!(consumer.is_abandoned());
    assert_eq!(drained(&mut consumer), [b"last"]);
}

#[test]
fn two_threads_lose_nothing_and_tear_nothing() {
    const RECORDS: u32 = 200_000;
    let (mut producer, mut consumer) = ring(1024);
    let pushing = std::thread::spawn(move || {
        let mut refused = 0_u64;
        for n in 0..RECORDS {
            let length = 4 + (n as usize * 7) % 90;
            while !producer.push(length, |bytes| {
                bytes[..4].copy_from_slice(&n.to_le_bytes());
                bytes[4..].fill(n as u8);
            }) {
                refused += 1;
                std::thread::yield_now();
            }
        }
        refused
    });
    let mut next = 0_u32;
    while next < RECORDS {
        consumer.drain(|record| {
            assert_eq!(record[..4], next.to_le_bytes());
            assert_eq!(record.len(), 4 + (next as usize * 7) % 90);
            assert!(record[4..].iter().all(|byte| *byte == next as u8));
            next += 1;
        });
        std::thread::yield_now();
    }
    assert!(pushing.join().unwrap() > 0, "the ring was never full: the test proves nothing");
}
