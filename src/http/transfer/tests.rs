use std::net::{Shutdown, TcpStream};
use std::thread;

use super::*;
use crate::net::tests::{
    Rig, buffer_of, drip, on_both_drivers, pattern, read_all, read_some, reset, write,
};
use crate::proto::http1::{BodyLength, Output};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(60);

/// Both ends of a transfer, with the peers' ends.
pub(crate) struct Ends {
    pub(crate) from: Stream,
    pub(crate) sender: TcpStream,
    pub(crate) to: Stream,
    pub(crate) receiver: TcpStream,
    pub(crate) buffers: Buffers,
    pub(crate) pipes: Pipes,
    pub(crate) moved: Cell<u64>,
}

impl Ends {
    pub(crate) fn new(rig: &Rig) -> Self {
        let (from, sender) = rig.pair();
        let (to, receiver) = rig.pair();
        let (buffers, pipes) = (Buffers::default(), Pipes::default());
        Self { from, sender, to, receiver, buffers, pipes, moved: Cell::new(0) }
    }

    pub(crate) fn transfer(&self, chunk: bool, read: Duration, write: Duration) -> Transfer<'_> {
        Transfer {
            from: &self.from,
            to: &self.to,
            read_deadline: self.from.deadline(),
            write_deadline: self.to.deadline(),
            read_limit: read,
            read_ends: Action::EndRead,
            write_limit: write,
            until: None,
            buffers: &self.buffers,
            pipes: &self.pipes,
            ends_with_receiver: false,
            chunk,
            moved: &self.moved,
            tee: None,
        }
    }

    fn taken(&self, bytes: &[u8]) -> Buffer {
        let mut buffer = self.buffers.take();
        buffer.put(bytes);
        buffer
    }
}

struct Case {
    length: BodyLength,
    output: Output,
    chunk: bool,
    /// What the sender sends, from the first byte of the body on.
    input: &'static str,
    /// What the receiver gets behind the head.
    wire: &'static str,
    /// What the sender sent behind the body.
    tail: &'static str,
}

const CASES: &[Case] = &[
    Case {
        length: BodyLength::None,
        output: Output::Keep,
        chunk: false,
        input: "NEXT",
        wire: "",
        tail: "NEXT",
    },
    Case {
        length: BodyLength::Fixed(11),
        output: Output::Keep,
        chunk: false,
        input: "hello worldNEXT",
        wire: "hello world",
        tail: "NEXT",
    },
    Case {
        length: BodyLength::Chunked,
        output: Output::Keep,
        chunk: false,
        input: "005;a=b\r\nhello\r\n6\r\n world\r\n0\r\n\r\nNEXT",
        wire: "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        tail: "NEXT",
    },
    Case {
        length: BodyLength::Chunked,
        output: Output::Strip,
        chunk: false,
        input: "5\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\nNEXT",
        wire: "hello world",
        tail: "NEXT",
    },
    Case {
        length: BodyLength::UntilClose,
        output: Output::Keep,
        chunk: false,
        input: "hello world",
        wire: "hello world",
        tail: "",
    },
    Case {
        length: BodyLength::UntilClose,
        output: Output::Keep,
        chunk: false,
        input: "",
        wire: "",
        tail: "",
    },
];

/// Runs one case with `input[..cut]` in the buffer already.
async fn run(rig: &Rig, case: &Case, head: &[u8], cut: usize) -> (Vec<u8>, Vec<u8>, u64) {
    let ends = Ends::new(rig);
    let (first, rest) = case.input.as_bytes().split_at(cut);
    write(&ends.sender, rest);
    if case.length == BodyLength::UntilClose {
        ends.sender.shutdown(Shutdown::Write).unwrap();
    }
    let mut front = ends.taken(head);
    let mut body = Body::new(case.length, case.output);
    let transfer = ends.transfer(case.chunk, LONG, LONG);
    let tail = transfer.run(&mut front, &mut body, ends.taken(first)).await.unwrap();
    assert!(front.is_empty(), "the head was sent");
    ends.to.shutdown(Side::Write);
    let got = read_all(&ends.receiver);
    let kept = tail.filled().to_vec();
    ends.buffers.give(tail);
    ends.buffers.give(front);
    assert_eq!(ends.buffers.out_bytes(), 0, "every buffer came back");
    (got, kept, ends.moved.get())
}

async fn check(rig: &Rig, case: &Case, head: &str) {
    for cut in 0..=case.input.len() {
        let (got, kept, moved) = run(rig, case, head.as_bytes(), cut).await;
        let place = format!("{:?}, head {}, cut {cut}", case.input, head.len());
        let got = String::from_utf8(got).unwrap();
        assert_eq!(got.strip_prefix(head), Some(case.wire), "{place}");
        assert_eq!(moved, case.wire.len() as u64, "{place}");
        assert!(case.tail.as_bytes().starts_with(&kept), "{place}: a tail of another");
        assert!(cut < case.input.len() || kept == case.tail.as_bytes(), "{place}");
    }
}

#[test]
fn what_is_sent_is_the_head_and_the_body_and_no_more() {
    on_both_drivers(async |rig| {
        // The second is larger than the room in front of what was read.
        for head in ["HEAD\r\n\r\n".to_owned(), "H".repeat(3_000), String::new()] {
            for case in CASES {
                check(&rig, case, &head).await;
            }
        }
    });
}

/// Sends the pieces, each once the one before it has arrived, so that each is a chunk.
fn one_by_one(from: &TcpStream, to: &TcpStream, head: &str, pieces: &[&str]) -> String {
    let mut wire = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        write(from, piece.as_bytes());
        let front = if index == 0 { head } else { "\r\n" };
        let chunk = format!("{front}{:x}\r\n{piece}", piece.len());
        wire += &String::from_utf8(read_some(to, chunk.len())).unwrap();
    }
    from.shutdown(Shutdown::Write).unwrap();
    wire + &String::from_utf8(read_all(to)).unwrap()
}

#[test]
fn bytes_until_the_close_are_wrapped_in_chunks() {
    on_both_drivers(async |rig| {
        for head in ["HEAD\r\n\r\n".to_owned(), "H".repeat(3_000)] {
            for pieces in [&[][..], &["one"], &["one", "and the other"]] {
                let ends = Ends::new(&rig);
                let (sender, receiver) = (&ends.sender, &ends.receiver);
                let (sender, receiver) =
                    (sender.try_clone().unwrap(), receiver.try_clone().unwrap());
                let (expected_head, told) = (head.clone(), pieces.to_vec());
                let peer =
                    thread::spawn(move || one_by_one(&sender, &receiver, &expected_head, &told));
                let mut front = ends.taken(head.as_bytes());
                let mut body = Body::new(BodyLength::UntilClose, Output::Keep);
                let transfer = ends.transfer(true, LONG, LONG);
                let tail = transfer.run(&mut front, &mut body, ends.taken(b"")).await.unwrap();
                assert!(tail.is_empty());
                ends.to.shutdown(Side::Write);
                let wire = peer.join().unwrap();
                let chunks: String =
                    pieces.iter().map(|p| format!("{:x}\r\n{p}\r\n", p.len())).collect();
                assert_eq!(wire, format!("{head}{chunks}0\r\n\r\n"));
            }
        }
    });
}

/// Runs a transfer that does not come to its end.
async fn broken(ends: &Ends, length: BodyLength, read: Duration, write: Duration) -> Broke {
    let mut front = ends.taken(b"HEAD\r\n\r\n");
    let mut body = Body::new(length, Output::Keep);
    let transfer = ends.transfer(false, read, write);
    let result = transfer.run(&mut front, &mut body, ends.taken(b"")).await;
    ends.buffers.give(front);
    let broke = result.map(drop).unwrap_err();
    assert_eq!(ends.buffers.out_bytes(), 0, "{broke:?}: every buffer came back");
    broke
}

const KINDS: [BodyLength; 3] =
    [BodyLength::Fixed(100), BodyLength::Fixed(10_000_000), BodyLength::Chunked];

#[test]
fn a_sender_that_stops_is_slow() {
    on_both_drivers(async |rig| {
        for length in [KINDS[0], KINDS[1], KINDS[2], BodyLength::UntilClose] {
            let ends = Ends::new(&rig);
            write(&ends.sender, b"5\r\nhello\r\n");
            assert_eq!(broken(&ends, length, SHORT, LONG).await, Broke::ReadSlow, "{length:?}");
            assert!(read_some(&ends.receiver, 8).starts_with(b"HEAD"), "what came was sent");
        }
    });
}

#[test]
fn a_receiver_that_takes_nothing_is_slow() {
    on_both_drivers(async |rig| {
        for length in [BodyLength::Fixed(64 << 20), BodyLength::UntilClose] {
            let ends = Ends::new(&rig);
            let sender = ends.sender.try_clone().unwrap();
            let writer = thread::spawn(move || {
                let _ = io::Write::write_all(&mut &sender, &vec![0; 64 << 20]);
            });
            assert_eq!(broken(&ends, length, LONG, SHORT).await, Broke::WriteSlow, "{length:?}");
            drop(ends);
            rig.sleep(Duration::from_millis(1)).await;
            writer.join().unwrap();
        }
    });
}

#[test]
fn a_sender_that_closes_in_the_middle_is_told_apart_from_the_end() {
    on_both_drivers(async |rig| {
        for length in KINDS {
            let ends = Ends::new(&rig);
            write(&ends.sender, b"5\r\nhel");
            ends.sender.shutdown(Shutdown::Write).unwrap();
            assert_eq!(broken(&ends, length, LONG, LONG).await, Broke::ReadClosed, "{length:?}");
        }
        let ends = Ends::new(&rig);
        write(&ends.sender, b"zz\r\n");
        let broke = broken(&ends, BodyLength::Chunked, LONG, LONG).await;
        assert!(matches!(broke, Broke::Malformed(_)), "{broke:?}");
    });
}

#[test]
fn a_receiver_that_resets_is_gone() {
    on_both_drivers(async |rig| {
        for length in [BodyLength::Fixed(64 << 20), BodyLength::UntilClose] {
            let mut ends = Ends::new(&rig);
            let receiver = std::mem::replace(&mut ends.receiver, crate::net::tests::sockets().0);
            let sender = ends.sender.try_clone().unwrap();
            let writer = thread::spawn(move || {
                let _ = io::Write::write_all(&mut &sender, &vec![0; 64 << 20]);
            });
            let closer = thread::spawn(move || {
                read_some(&receiver, 1_000_000);
                reset(receiver);
            });
            assert_eq!(broken(&ends, length, LONG, LONG).await, Broke::WriteClosed, "{length:?}");
            closer.join().unwrap();
            drop(ends);
            rig.sleep(Duration::from_millis(1)).await;
            writer.join().unwrap();
        }
    });
}

#[test]
fn a_long_body_of_unknown_length_arrives_as_it_was_sent() {
    const COUNT: usize = 4_000_000;
    on_both_drivers(async |rig| {
        let ends = Ends::new(&rig);
        let sender = ends.sender.try_clone().unwrap();
        let writer = thread::spawn(move || {
            drip(&sender, &pattern(COUNT), 500_000, Duration::from_millis(1)).join().unwrap();
            sender.shutdown(Shutdown::Write).unwrap();
        });
        let receiver = ends.receiver.try_clone().unwrap();
        let reader = thread::spawn(move || read_all(&receiver));
        let mut front = buffer_of(b"");
        let mut body = Body::new(BodyLength::UntilClose, Output::Keep);
        let transfer = ends.transfer(false, LONG, LONG);
        let tail = transfer.run(&mut front, &mut body, ends.taken(b"")).await.unwrap();
        ends.buffers.give(tail);
        ends.to.shutdown(Side::Write);
        assert!(reader.join().unwrap() == pattern(COUNT), "other bytes");
        writer.join().unwrap();
        assert_eq!((ends.buffers.out_bytes(), ends.moved.get()), (0, COUNT as u64));
    });
}

#[test]
fn deadlines_of_a_transfer_end_with_it() {
    on_both_drivers(async |rig| {
        let ends = Ends::new(&rig);
        write(&ends.sender, b"hello");
        let mut front = ends.taken(b"");
        let mut body = Body::new(BodyLength::Fixed(5), Output::Keep);
        let limit = 10 * SHORT;
        let transfer = ends.transfer(false, limit, limit);
        transfer.run(&mut front, &mut body, ends.taken(b"")).await.unwrap();
        rig.sleep(3 * limit).await;
        assert!(!ends.from.deadline().fired() && !ends.to.deadline().fired());
    });
}
