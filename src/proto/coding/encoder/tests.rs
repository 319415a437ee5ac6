use super::super::decode;
use super::*;
use crate::base::random::Random;

/// All of `input` in one message.
pub(crate) fn encoded(coding: Coding, input: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, 4).unwrap();
    let mut out = Vec::new();
    push(&mut encoder, input, Then::End, 1000, &mut out);
    out
}

/// Steps until it is done, with so much room for each.
fn push(encoder: &mut Encoder, mut input: &[u8], then: Then, room: usize, out: &mut Vec<u8>) {
    let mut piece = vec![0; room];
    loop {
        let step = encoder.step(input, &mut piece, then).unwrap();
        assert!(step.done || step.written > 0 || step.read > 0, "a step does something");
        out.extend_from_slice(&piece[..step.written]);
        input = &input[step.read..];
        if step.done {
            assert!(input.is_empty());
            return;
        }
    }
}

fn text(random: &Random, bytes: usize) -> Vec<u8> {
    const WORDS: [&str; 6] = ["alpha ", "beta ", "gamma ", "delta ", "epsilon\n", "zeta, "];
    let mut text = Vec::new();
    while text.len() < bytes {
        match random.below(10) {
            0 => text.extend_from_slice(&random.next().to_be_bytes()),
            _ => text.extend_from_slice(WORDS[random.below(6) as usize].as_bytes()),
        }
    }
    text.truncate(bytes);
    text
}

/// Any split of the input, any room for the output, any place for a flush.
#[test]
fn any_split_gives_the_same_text() {
    let random = Random::seeded(11);
    for round in 0..12 {
        let whole = text(&random, 1 + random.below(30_000) as usize);
        for coding in Coding::ALL {
            let mut encoder = Encoder::new(coding, 1 + random.below(6) as u8).unwrap();
            let (mut rest, mut out) = (&whole[..], Vec::new());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + random.below(rest.len() as u64) as usize);
                let then = [Then::Flush, Then::More][random.below(2) as usize];
                push(
                    &mut encoder,
                    piece,
                    then,
                    ROOM_BYTES_MIN + random.below(3000) as usize,
                    &mut out,
                );
                rest = behind;
            }
            push(
                &mut encoder,
                b"",
                Then::End,
                ROOM_BYTES_MIN + random.below(50) as usize,
                &mut out,
            );
            let decoded = decode(coding, &out, whole.len());
            assert!(decoded == Ok(whole.clone()), "round {round}, {coding:?}");
        }
    }
}

/// What was flushed can be read before anything else comes: all of it is in what was written.
#[test]
fn a_flush_holds_nothing_back() {
    for coding in Coding::ALL {
        let mut encoder = Encoder::new(coding, 4).unwrap();
        let mut out = Vec::new();
        for event in 0..20 {
            push(&mut encoder, format!("data: {event}\n\n").as_bytes(), Then::Flush, 100, &mut out);
            let read = so_far(coding, &out);
            let last = format!("data: {event}\n\n");
            assert!(read.ends_with(last.as_bytes()), "{coding:?}: {event}");
        }
    }
}

/// What a reader has of a message that goes on.
fn so_far(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let mut reader: Box<dyn io::Read> = match coding {
        Coding::Brotli => Box::new(::brotli::Decompressor::new(bytes, 100)),
        Coding::Gzip => Box::new(flate2::read::GzDecoder::new(bytes)),
        Coding::Zstd => Box::new(::zstd::stream::read::Decoder::new(bytes).unwrap()),
    };
    let mut piece = [0; 7];
    while let Ok(count @ 1..) = reader.read(&mut piece) {
        read.extend_from_slice(&piece[..count]);
    }
    read
}

#[test]
fn an_encoder_begins_anew() {
    for coding in Coding::ALL {
        let mut encoder = Some(Encoder::new(coding, 3).unwrap());
        for round in 0..3 {
            let Some(mut used) = encoder else { continue };
            let (text, mut out) = (format!("round {round}").into_bytes(), Vec::new());
            push(&mut used, &text, Then::End, 100, &mut out);
            assert_eq!(decode(coding, &out, 100), Ok(text), "{coding:?}");
            encoder = used.again();
        }
    }
}

#[test]
fn names() {
    for coding in Coding::ALL {
        assert_eq!(Coding::parse(coding.name().to_uppercase().as_bytes()), Some(coding));
    }
    assert_eq!(Coding::parse(b"x-gzip"), Some(Coding::Gzip));
    assert_eq!(Coding::parse(b"deflate"), None);
}
