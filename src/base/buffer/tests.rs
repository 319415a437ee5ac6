use super::*;

fn filled_with(bytes: &[u8]) -> Buffer {
    let mut buffer = Buffer::with_capacity(64);
    buffer.put(bytes);
    buffer
}

#[test]
fn what_is_put_comes_out_in_order() {
    let mut buffer = filled_with(b"body");
    assert!(buffer.put_front(b"head "));
    assert_eq!(buffer.filled(), b"head body");
    buffer.consume(5);
    assert_eq!(buffer.filled(), b"body");
    buffer.truncate(2);
    assert_eq!(buffer.filled(), b"bo");
}

#[test]
fn no_more_goes_in_front_than_there_is_headroom() {
    let mut buffer = filled_with(b"x");
    assert!(buffer.put_front(&[b'h'; BUFFER_HEADROOM_BYTES]));
    assert!(!buffer.put_front(b"h"));
    assert_eq!(buffer.len(), BUFFER_HEADROOM_BYTES + 1);
}

#[test]
fn a_buffer_grows_rather_than_loses() {
    let mut buffer = filled_with(b"start ");
    buffer.put(&[b'x'; 1000]);
    assert_eq!(buffer.len(), 1006);
    assert!(buffer.filled().starts_with(b"start x"));
}

#[test]
fn compaction_keeps_the_bytes_and_makes_room() {
    let mut buffer = filled_with(&[b'a'; 60]);
    buffer.consume(50);
    assert_eq!(buffer.spare(), 4);
    buffer.compact();
    assert_eq!((buffer.filled(), buffer.spare()), ([b'a'; 10].as_slice(), 54));
}

#[test]
fn a_list_gives_the_last_buffer_back_empty_and_counts_what_is_out() {
    let buffers = Buffers::default();
    let mut first = buffers.take();
    first.put(b"secret");
    let block = first.head();
    assert_eq!(buffers.out_bytes(), READ_BUFFER_BYTES + BUFFER_HEADROOM_BYTES);
    buffers.give(first);
    assert_eq!(buffers.out_bytes(), 0);
    let again = buffers.take();
    assert!(again.is_empty());
    assert_eq!(again.head(), block);
}

#[test]
fn a_trimmed_list_is_empty_and_still_counts() {
    let buffers = Buffers::default();
    let out = buffers.take();
    let kept = buffers.take();
    buffers.give(kept);
    buffers.trim();
    let fresh = buffers.take();
    assert_eq!(buffers.out_bytes(), 2 * (READ_BUFFER_BYTES + BUFFER_HEADROOM_BYTES));
    assert!(fresh.is_empty());
    buffers.give(fresh);
    buffers.give(out);
    assert_eq!(buffers.out_bytes(), 0);
}

#[test]
fn a_block_that_was_given_back_to_the_system_comes_again_as_zeros() {
    let buffers = Buffers::default();
    let mut used = buffers.take();
    used.put(&[b'x'; 100]);
    let block = used.head();
    buffers.give(used);
    buffers.trim();
    let mut again = buffers.take();
    assert_eq!(again.head(), block, "the address is used again");
    again.wrote(100);
    assert_eq!(again.filled(), [0; 100]);
}

#[test]
fn what_grew_is_counted_as_what_it_is_and_comes_back_as_that() {
    let buffers = Buffers::default();
    let mut grown = buffers.take();
    grown.put(b"head");
    grown.enlarge(100 * KIB);
    assert_eq!(grown.filled(), b"head");
    assert_eq!(buffers.out_bytes(), READ, "the books do not know yet");
    buffers.count(&mut grown);
    assert_eq!(buffers.out_bytes(), grown.capacity().next_multiple_of(KIB));
    buffers.count(&mut grown);
    let mut unknown = buffers.take();
    unknown.put(&[b'x'; 2 * READ]);
    buffers.give(grown);
    assert_eq!(buffers.out_bytes(), READ);
    buffers.give(unknown);
    assert_eq!(buffers.out_bytes(), 0);
}

#[test]
fn who_allows_is_asked_when_all_that_was_allowed_is_out() {
    let buffers = Buffers::default();
    let asked = std::rc::Rc::new(Cell::new(0));
    let count = std::rc::Rc::clone(&asked);
    buffers.ask(move || {
        count.set(count.get() + 1);
        2 * READ
    });
    let _first = buffers.take();
    assert!(!buffers.is_full());
    assert_eq!(asked.get(), 0, "any number may be out");
    buffers.allow(0);
    assert!(!buffers.is_full());
    assert!(!buffers.is_full());
    assert_eq!(asked.get(), 1);
    let _more = (buffers.take(), buffers.take());
    assert!(buffers.is_full());
    assert_eq!(asked.get(), 2);
}

#[test]
fn a_vacant_buffer_holds_nothing_and_can_be_put_to_use() {
    let mut vacant = Buffer::vacant();
    assert!(vacant.is_vacant() && vacant.is_empty() && vacant.filled_mut().is_empty());
    assert_eq!((vacant.spare(), vacant.headroom()), (0, 0));
    vacant.clear();
    vacant.compact();
    vacant.consume(0);
    assert!(!vacant.put_front(b"x"));
    vacant.put(b"after all");
    assert!(!vacant.is_vacant());
    assert_eq!(vacant.filled(), b"after all");
    Buffers::default().give(Buffer::vacant());
}

#[test]
fn a_packed_buffer_has_what_it_was_made_of_and_no_room() {
    let mut packed = Buffer::packed(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!((packed.filled(), packed.spare()), (&b"GET / HTTP/1.1\r\n\r\n"[..], 0));
    packed.consume(4);
    assert!(packed.put_front(b"PUT "));
    assert_eq!(packed.filled(), b"PUT / HTTP/1.1\r\n\r\n");
    packed.clear();
    assert!(packed.is_empty() && packed.headroom() == 18);
    packed.put(&[b'x'; 600]);
    packed.consume(100);
    packed.compact();
    assert_eq!(packed.filled(), [b'x'; 500]);
}

#[test]
fn small_buffers_are_counted_and_used_again() {
    let buffers = Buffers::default();
    let small = buffers.take_small();
    let (block, bytes) = (small.head(), small.capacity());
    assert_eq!((small.spare(), buffers.out_bytes()), (SMALL_BUFFER_BYTES, bytes));
    buffers.give(small);
    assert_eq!(buffers.out_bytes(), 0);
    let again = buffers.take_small();
    assert_eq!((again.head(), again.len()), (block, 0));
    buffers.give(again);
    buffers.trim();
    assert_eq!(buffers.take_small().spare(), SMALL_BUFFER_BYTES);
}
