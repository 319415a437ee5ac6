//! WebSocket from the client's side, RFC 6455: masked frames out, unmasked frames in.

use bytes::{BufMut, BytesMut};

/// What came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) last: bool,
    /// Where its payload begins, and how long that is.
    pub(crate) start: usize,
    pub(crate) length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Close,
    Ping,
    Pong,
}

/// The head of the frame at the front of `input`; `None` when more bytes are needed.
pub(crate) fn parse(input: &[u8]) -> Result<Option<Frame>, &'static str> {
    let &[first, second, ..] = input else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err("a frame with an extension that was not agreed on");
    }
    if second & 0x80 != 0 {
        return Err("a masked frame from a server");
    }
    let kind = match first & 0xF {
        0..=2 => Kind::Message,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        _ => return Err("an unknown kind of frame"),
    };
    let (start, length) = match second & 0x7F {
        126 => match input.get(2..4) {
            Some(&[a, b]) => (4, u64::from(u16::from_be_bytes([a, b]))),
            _ => return Ok(None),
        },
        127 => match input.get(2..10).and_then(|length| length.try_into().ok()) {
            Some(length) => (10, u64::from_be_bytes(length)),
            None => return Ok(None),
        },
        short => (2, u64::from(short)),
    };
    let last = first & 0x80 != 0;
    if kind != Kind::Message && (length > 125 || !last) {
        return Err("a control frame that is too long or in pieces");
    }
    if length >> 63 != 0 {
        return Err("a frame of a negative length");
    }
    Ok(Some(Frame { kind, last, start, length }))
}

/// A whole frame, masked with `mask`.
pub(crate) fn write(out: &mut BytesMut, opcode: u8, mask: [u8; 4], payload: &[u8]) {
    out.reserve(14 + payload.len());
    out.put_u8(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.put_u8(0x80 | short as u8),
        middle @ 126..=0xFFFF => {
            out.put_u8(0x80 | 126);
            out.put_u16(middle as u16);
        }
        long => {
            out.put_u8(0x80 | 127);
            out.put_u64(long as u64);
        }
    }
    out.put_slice(&mask);
    let start = out.len();
    out.put_slice(payload);
    for (byte, mask) in out[start..].iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const PONG: u8 = 10;

#[cfg(test)]
mod tests;
