//! What must hold of the HTTP/2 engine for any bytes. Included by the fuzz target, and by the seeded
//! test on stable; whoever includes it has `base` and `proto` in scope.

use super::base::clock::Instant;
use super::proto::http2::preface::PREFACE;
use super::proto::http2::{Connection, Event, Role, Settings};

/// The first byte says the role and where the rest is split. A greeting goes before it, so that what
/// is tried is more than the preface.
pub(super) fn frames(bytes: &[u8]) {
    let [first, rest @ ..] = bytes else { return };
    if rest.len() > 16_384 {
        // Windows are given back in steps, and the steps of a larger body go with its pieces.
        return;
    }
    let role = if first % 2 == 0 { Role::Server } else { Role::Client };
    let cut = *first as usize * (rest.len() + 1) / 256;
    let (front, back) = rest.split_at(cut);
    let whole = run(role, &[rest]);
    assert_eq!(run(role, &[front, back]), whole, "split at {cut} of {}", rest.escape_ascii());
}

/// Events but for bodies, bytes of bodies, and all that was written.
fn run(role: Role, pieces: &[&[u8]]) -> (Vec<String>, usize, Vec<u8>) {
    let now = Instant::default();
    let mut connection = Connection::new(role, &Settings::default(), now);
    let mut pending = Vec::new();
    if role == Role::Server {
        pending.extend_from_slice(PREFACE);
    } else {
        connection.open(b"first", false).expect("a fresh connection has room");
    }
    pending.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let (mut told, mut body_bytes) = (Vec::new(), 0);
    for piece in pieces {
        pending.extend_from_slice(piece);
        loop {
            let Ok(advanced) = connection.advance(&pending, now) else {
                assert!(connection.failure().is_some());
                return (told, body_bytes, connection.out().to_vec());
            };
            let Some(event) = advanced.event else {
                pending.drain(..advanced.consumed);
                break;
            };
            let consumed = advanced.consumed;
            if let Event::Body { stream, bytes, .. } = event {
                let length = bytes.len();
                body_bytes += length;
                connection.release(stream, length);
            } else {
                told.push(format!("{event:?}"));
            }
            pending.drain(..consumed);
        }
        assert!(pending.len() < 9 + 64 * 6, "what waits for more is short");
        assert!(connection.out().len() < 1 << 20);
    }
    (told, body_bytes, connection.out().to_vec())
}
