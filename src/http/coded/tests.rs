use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::*;
use crate::http::coders::Coders;
use crate::http::transfer::tests::Ends;
use crate::net::tests::{Rig, on_both_drivers, pattern, write};
use crate::proto::coding::{Coding, decode};
use crate::proto::http1::{BodyLength, Output};

const LONG: Duration = Duration::from_secs(20);
const HEAD: &[u8] = b"HEAD\r\n\r\n";

/// Codes what the sender sends, `first` of it being there at once. What came of it at the
/// receiver's, and what was behind the body.
async fn run(
    rig: &Rig,
    coding: Coding,
    length: BodyLength,
    input: &[u8],
    first: usize,
    head: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), Broke> {
    let ends = Ends::new(rig);
    let coders = Coders::default();
    let transfer = ends.transfer(false, LONG, LONG);
    let mut front = transfer.buffers.take();
    front.put(head);
    let mut buffer = transfer.buffers.take();
    buffer.put(&input[..first]);
    let rest = input[first..].to_vec();
    let sender = ends.sender.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        write(&sender, &rest);
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let mut receiver = ends.receiver.try_clone().unwrap();
    let receiving = std::thread::spawn(move || {
        let mut got = Vec::new();
        receiver.read_to_end(&mut got).unwrap();
        got
    });
    let coder = coders.take(coding, 4).unwrap();
    let mut body = Body::new(length, Output::Strip);
    let coded = Coded { transfer: &transfer, coder, coded: 0 };
    let result = coded.run(&mut front, &mut body, buffer).await;
    ends.to.shutdown(crate::net::socket::Side::Write);
    let got = receiving.join().unwrap();
    sending.join().unwrap();
    let (buffer, _) = result?;
    assert!(front.is_empty(), "the head is sent");
    Ok((got, buffer.filled().to_vec()))
}

/// Takes the head and the chunks off.
fn body_of(wire: &[u8], head: &[u8]) -> Vec<u8> {
    let mut rest = wire.strip_prefix(head).unwrap().to_vec();
    let mut body = Body::new(BodyLength::Chunked, Output::Strip);
    let piece = body.take(&mut rest).unwrap();
    assert!(piece.done && piece.consumed == rest.len(), "the message ends with its last chunk");
    rest.truncate(piece.forward);
    rest
}

#[test]
fn a_body_is_coded_however_it_is_framed() {
    on_both_drivers(async |rig: Rig| {
        let text = "words and words and words. ".repeat(5000);
        let chunked = text
            .as_bytes()
            .chunks(7000)
            .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        let chunked = [chunked.collect::<Vec<_>>().concat(), b"0\r\n\r\nNEXT".to_vec()].concat();
        let fixed = [text.as_bytes(), b"NEXT"].concat();
        let large_head = vec![b'h'; 600];
        for coding in Coding::ALL {
            let length = BodyLength::Fixed(text.len() as u64);
            let close = (BodyLength::UntilClose, text.as_bytes(), &b""[..]);
            for ((length, input, tail), first, head) in [
                ((length, &fixed[..], &b"NEXT"[..]), 0, HEAD),
                ((length, &fixed, b"NEXT"), 10_000, &large_head),
                ((BodyLength::Chunked, &chunked, b"NEXT"), 1, HEAD),
                ((BodyLength::Chunked, &chunked, b"NEXT"), 10_000, HEAD),
                (close, 0, &large_head),
                (close, 1, HEAD),
            ] {
                let ran = run(&rig, coding, length, input, first, head).await;
                let (wire, behind) = ran.unwrap();
                // What is behind the body may still be in the socket.
                assert!(tail.starts_with(&behind), "{coding:?}");
                let body = body_of(&wire, head);
                assert!(body.len() < text.len() / 10, "{coding:?} {}", body.len());
                assert_eq!(decode(coding, &body, text.len()), Ok(text.clone().into_bytes()));
            }
        }
    });
}

#[test]
fn what_cannot_be_made_smaller_goes_through_too() {
    on_both_drivers(async |rig: Rig| {
        let noise = pattern(300_000);
        for coding in Coding::ALL {
            let length = BodyLength::Fixed(noise.len() as u64);
            let (wire, _) = run(&rig, coding, length, &noise, 0, HEAD).await.unwrap();
            assert_eq!(decode(coding, &body_of(&wire, HEAD), noise.len()), Ok(noise.clone()));
        }
    });
}

/// A cut message is not ended: there is no last chunk.
#[test]
fn a_cut_body_is_cut() {
    on_both_drivers(async |rig: Rig| {
        let ran = run(&rig, Coding::Gzip, BodyLength::Fixed(100), b"some of it", 4, HEAD).await;
        assert_eq!(ran, Err(Broke::ReadClosed));
        let ran = run(&rig, Coding::Gzip, BodyLength::Chunked, b"5\r\nhello\r\n", 3, HEAD).await;
        assert_eq!(ran, Err(Broke::ReadClosed));
    });
}

/// An event is with its reader before the next one is sent; the head before the first.
#[test]
fn an_event_is_not_held_back() {
    on_both_drivers(async |rig: Rig| {
        for coding in Coding::ALL {
            let ends = Ends::new(&rig);
            let coders = Coders::default();
            let sender = ends.sender.try_clone().unwrap();
            let mut receiver = ends.receiver.try_clone().unwrap();
            let peer = std::thread::spawn(move || tell_events(&sender, &mut receiver));
            let transfer = ends.transfer(false, LONG, LONG);
            let mut front = transfer.buffers.take();
            front.put(HEAD);
            let coder = coders.take(coding, 4).unwrap();
            let mut body = Body::new(BodyLength::UntilClose, Output::Strip);
            let coded = Coded { transfer: &transfer, coder, coded: 0 };
            let buffer = transfer.buffers.take();
            let (_, count) = coded.run(&mut front, &mut body, buffer).await.unwrap();
            assert_eq!(count, 5 * "data: 0\n\n".len() as u64);
            peer.join().unwrap();
        }
    });
}

/// Sends five events, each when the one before it has come out at the other end.
fn tell_events(sender: &TcpStream, receiver: &mut TcpStream) {
    let mut piece = [0; 4096];
    let count = receiver.read(&mut piece).unwrap();
    assert!(piece[..count].starts_with(HEAD), "before anything of the body");
    for event in 0..5 {
        write(sender, format!("data: {event}\n\n").as_bytes());
        assert!(receiver.read(&mut piece).unwrap() > 0);
    }
    sender.shutdown(Shutdown::Write).unwrap();
}
