use std::io::Read;
use std::net::Shutdown;
use std::time::Duration;

use super::*;
use crate::http::transfer::tests::Ends;
use crate::net::tests::{Rig, on_both_drivers, pattern, write};
use crate::proto::http1::{BodyLength, Output};

const LONG: Duration = Duration::from_secs(20);
const HEAD: &[u8] = b"HEAD\r\n\r\n";

/// Leaves out every `x`, and keeps what comes behind the last space back until more is there.
#[derive(Default)]
struct Picky {
    held: Vec<u8>,
    released: usize,
    seen: Vec<u8>,
    ends: usize,
}

impl Watch for Picky {
    fn see(&mut self, bytes: &mut [u8], last: bool, _: Instant) -> usize {
        self.seen.extend_from_slice(bytes);
        self.ends += usize::from(last);
        if last || bytes.contains(&b' ') {
            self.released = self.held.len();
        }
        let end = match bytes.iter().rposition(|byte| *byte == b' ') {
            _ if last => bytes.len(),
            Some(space) => space + 1,
            None => 0,
        };
        let picked =
            |bytes: &[u8]| bytes.iter().copied().filter(|b| *b != b'x').collect::<Vec<_>>();
        self.held.extend(picked(&bytes[end..]));
        let kept = picked(&bytes[..end]);
        bytes[..kept.len()].copy_from_slice(&kept);
        kept.len()
    }

    fn put_released(&mut self, out: &mut Buffer) {
        out.put(&self.held[..self.released]);
        self.held.drain(..self.released);
        self.released = 0;
    }
}

/// What came of it at the receiver's, what the watch saw, and whether the sender's connection is
/// clean.
async fn run(
    rig: &Rig,
    (length, chunk, waits): (BodyLength, bool, bool),
    input: &[u8],
    first: usize,
    head: &[u8],
) -> (Result<bool, Broke>, Vec<u8>, Picky, u64) {
    let ends = Ends::new(rig);
    let transfer = ends.transfer(chunk, LONG, LONG);
    let mut front = transfer.buffers.take();
    front.put(head);
    let mut buffer = transfer.buffers.take();
    buffer.put(&input[..first]);
    let rest = input[first..].to_vec();
    let sender = ends.sender.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        rest.chunks(1000).for_each(|piece| write(&sender, piece));
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let mut receiver = ends.receiver.try_clone().unwrap();
    let receiving = std::thread::spawn(move || {
        let mut got = Vec::new();
        receiver.read_to_end(&mut got).unwrap();
        got
    });
    let watch = RefCell::new(Picky::default());
    let mut body = Body::new(length, Output::Strip);
    let watched = Watched { transfer: &transfer, watch: &watch, held_until: None, waits };
    let result = watched.run(&mut front, &mut body, buffer).await;
    ends.to.shutdown(crate::net::socket::Side::Write);
    sending.join().unwrap();
    let result = result.map(|buffer| buffer.is_empty());
    (result, receiving.join().unwrap(), watch.into_inner(), ends.moved.get())
}

fn unchunked(wire: &[u8]) -> Vec<u8> {
    let mut rest = wire.to_vec();
    let mut body = Body::new(BodyLength::Chunked, Output::Strip);
    let piece = body.take(&mut rest).unwrap();
    assert!(piece.done && piece.consumed == rest.len(), "the message ends with its last chunk");
    rest.truncate(piece.forward);
    rest
}

fn body_of(wire: &[u8], chunk: bool) -> Vec<u8> {
    if chunk { unchunked(wire) } else { wire.to_vec() }
}

fn chunks(text: &[u8], size: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in text.chunks(size) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

#[test]
fn all_of_a_body_is_seen_and_what_goes_on_arrives() {
    on_both_drivers(async |rig: Rig| {
        let text = "some words, and xxx with them ".repeat(2000).into_bytes();
        let expected: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'x').collect();
        let large_head = vec![b'h'; 600];
        for (length, input) in [
            (BodyLength::Fixed(text.len() as u64), text.clone()),
            (BodyLength::Chunked, chunks(&text, 7)),
            (BodyLength::Chunked, chunks(&text, 7000)),
            (BodyLength::UntilClose, text.clone()),
        ] {
            for (chunk, first, head, waits) in [
                (true, 0, HEAD, false),
                (true, 0, HEAD, true),
                (true, 1, &large_head, true),
                (false, 9, HEAD, false),
                (true, 15_000, HEAD, true),
            ] {
                let (result, wire, watch, moved) =
                    run(&rig, (length, chunk, waits), &input, first, head).await;
                assert_eq!(result, Ok(true), "{length:?}");
                let body = body_of(wire.strip_prefix(head).unwrap(), chunk);
                assert!(body == expected, "{length:?} {} {}", body.len(), expected.len());
                assert!(watch.seen == text && watch.ends == 1, "{length:?} {}", watch.ends);
                assert_eq!(moved, expected.len() as u64);
            }
        }
    });
}

#[test]
fn an_end_without_bytes_ends_the_message_too() {
    on_both_drivers(async |rig: Rig| {
        for text in [&b""[..], b"xxx", b"held"] {
            let wire = chunks(text, 2);
            let (result, got, ..) =
                run(&rig, (BodyLength::Chunked, true, true), &wire, 0, HEAD).await;
            assert_eq!(result, Ok(true));
            let left = if text == b"held" { text } else { b"" };
            assert_eq!(unchunked(got.strip_prefix(HEAD).unwrap()), left);
        }
    });
}

#[test]
fn what_is_behind_a_body_makes_the_connection_unclean() {
    on_both_drivers(async |rig: Rig| {
        let wire = [chunks(b"a b", 3), b"NEXT".to_vec()].concat();
        let all = wire.len();
        let (result, got, ..) =
            run(&rig, (BodyLength::Chunked, true, true), &wire, all, HEAD).await;
        assert_eq!(result, Ok(false));
        assert_eq!(unchunked(got.strip_prefix(HEAD).unwrap()), b"a b");
    });
}

#[test]
fn a_body_that_is_cut_is_not_ended() {
    on_both_drivers(async |rig: Rig| {
        let noise = pattern(30_000);
        let mut cut = chunks(&noise, 5000);
        cut.truncate(cut.len() - 100);
        let (result, got, watch, _) =
            run(&rig, (BodyLength::Chunked, true, true), &cut, 0, HEAD).await;
        assert_eq!(result, Err(Broke::ReadClosed));
        assert!(!got.ends_with(b"0\r\n\r\n") && watch.ends == 0);
    });
}
