//! What must hold of the readers of bodies of models, whatever the bytes: no panic, every split
//! agrees with the whole, and what is told is a value of the text.
//!
//! Included twice: by the fuzz targets, and by the seeded tests on stable. Whoever includes it has
//! `proto` in scope.

use super::proto::aws_event_stream::{self, Decoder, Kind as FrameKind};
use super::proto::event_stream::{Piece, Splitter};
use super::proto::json_scan::{Error, Found, Kind, Path, Scan};

const PATHS: &[Path] = &[
    &[],
    &["model"],
    &["a"],
    &["a", "b"],
    &["a", "[]", "b"],
    &["[]", "a"],
    &["usage", "prompt_tokens"],
];

pub(super) fn json_scan(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    let whole = scanned(&[bytes]);
    let (front, back) = bytes.split_at(cut);
    assert_eq!(scanned(&[front, back]), whole, "split at {cut} of {}", bytes.escape_ascii());
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(scanned(&single), whole, "byte by byte: {}", bytes.escape_ascii());
    let Ok(told) = whole else { return };
    assert!(told.iter().any(|(path, ..)| *path == 0), "the root is told");
    for (_, kind, start, end) in told {
        let value = &bytes[start..end];
        // What was told of is a whole text of JSON by itself.
        let again = scanned(&[value]);
        assert!(again.is_ok(), "{} in {}", value.escape_ascii(), bytes.escape_ascii());
        let first = match kind {
            Kind::Null => b'n',
            Kind::False => b'f',
            Kind::True => b't',
            Kind::Number => value[0],
            Kind::Text => b'"',
            Kind::Array(_) => b'[',
            Kind::Object(_) => b'{',
        };
        assert_eq!(value[0], first);
    }
}

type Told = Vec<(usize, Kind, usize, usize)>;

fn scanned(pieces: &[&[u8]]) -> Result<Told, Error> {
    let mut scan = Scan::new(PATHS);
    let mut told = Vec::new();
    let mut found = |found: &Found<'_>| told.push((found.path, found.kind, found.start, found.end));
    for piece in pieces {
        scan.push(piece, &mut found)?;
    }
    scan.end(&mut found)?;
    Ok(told)
}

pub(super) fn event_stream(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    let whole = split(&[bytes]);
    let (front, back) = bytes.split_at(cut);
    assert_eq!(split(&[front, back]), whole, "split at {cut} of {}", bytes.escape_ascii());
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(split(&single), whole, "byte by byte: {}", bytes.escape_ascii());
}

/// The data of each event, and where it ended.
fn split(pieces: &[&[u8]]) -> (Vec<(Vec<u8>, usize)>, Vec<u8>) {
    let mut splitter = Splitter::default();
    let (mut events, mut data, mut at) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (piece, count) = splitter.next(rest);
            assert!(count > 0 && count <= rest.len());
            at += count;
            match piece {
                Piece::Data(bytes) => {
                    assert_eq!(bytes, &rest[..count]);
                    assert!(!bytes.contains(&b'\n') && !bytes.contains(&b'\r'));
                    data.extend_from_slice(bytes);
                }
                Piece::Line => data.push(b'\n'),
                Piece::End => events.push((std::mem::take(&mut data), at)),
                Piece::Other => (),
            }
            rest = &rest[count..];
        }
    }
    (events, data)
}

pub(super) fn aws_event_stream(bytes: &[u8]) {
    let (cut, bytes) = cut(bytes);
    let whole = frames(&[bytes]);
    let (front, back) = bytes.split_at(cut);
    assert_eq!(frames(&[front, back]), whole, "split at {cut} of {}", bytes.escape_ascii());
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(frames(&single), whole, "byte by byte: {}", bytes.escape_ascii());
    // What is read is read again when it is written.
    for (kind, name, data) in whole.0 {
        let Ok(name) = String::from_utf8(name) else { continue };
        let mut out = Vec::new();
        aws_event_stream::write(&mut out, kind, &name, |out| out.extend_from_slice(&data));
        assert_eq!(frames(&[&out]), (vec![(kind, name.into_bytes(), data)], None));
    }
}

type Frames = (Vec<(FrameKind, Vec<u8>, Vec<u8>)>, Option<aws_event_stream::Error>);

fn frames(pieces: &[&[u8]]) -> Frames {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(frame)) => {
                    frames.push((frame.kind, frame.name.to_vec(), frame.data.to_vec()));
                }
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(rest.is_empty(), "what is no frame yet is kept");
    }
    (frames, None)
}

/// The first byte says where the rest is split.
fn cut(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes {
        [] => (0, bytes),
        [first, rest @ ..] => (*first as usize * (rest.len() + 1) / 256, rest),
    }
}
