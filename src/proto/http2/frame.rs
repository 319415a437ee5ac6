//! Frames, RFC 9113 sections 4.1 and 6: their heads in and out, and the short ones as a whole. What
//! a frame means for its stream is decided by the connection. Owns no state.

use super::error::ErrorCode;

pub const FRAME_HEAD_BYTES: usize = 9;
/// Stream ids and windows have 31 bits; the top bit is ignored on receipt.
pub const STREAM_ID_MAX: u32 = (1 << 31) - 1;

pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;
pub const PRIORITY: u8 = 0x20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A DATA frame.
    Body,
    Headers,
    Priority,
    Reset,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// Any type that the RFC does not know: ignored, section 4.1.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHead {
    pub length: usize,
    pub kind: Kind,
    pub flags: u8,
    pub stream: u32,
}

impl FrameHead {
    /// Reads the head at the front of `input`; `None` when it is not all there.
    #[inline]
    pub fn parse(input: &[u8]) -> Option<Self> {
        let head: &[u8; FRAME_HEAD_BYTES] = input.first_chunk()?;
        let kind = match head[3] {
            0 => Kind::Body,
            1 => Kind::Headers,
            2 => Kind::Priority,
            3 => Kind::Reset,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            6 => Kind::Ping,
            7 => Kind::GoAway,
            8 => Kind::WindowUpdate,
            9 => Kind::Continuation,
            _ => Kind::Unknown,
        };
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32_at(head, 5) & STREAM_ID_MAX;
        Some(Self { length, kind, flags: head[4], stream })
    }

    #[inline]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The four bytes at `at`, which the caller knows to be there.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline]
pub fn put_head(out: &mut Vec<u8>, length: usize, kind: Kind, flags: u8, stream: u32) {
    debug_assert!(length < 1 << 24 && kind != Kind::Unknown, "a frame that can be written");
    let [_, a, b, c] = (length as u32).to_be_bytes();
    let [w, x, y, z] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind as u8, flags, w, x, y, z]);
}

#[inline]
pub fn put_window_update(out: &mut Vec<u8>, stream: u32, increment: u32) {
    debug_assert!((1..=STREAM_ID_MAX).contains(&increment), "section 6.9");
    put_head(out, 4, Kind::WindowUpdate, 0, stream);
    out.extend_from_slice(&increment.to_be_bytes());
}

pub fn put_reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    put_head(out, 4, Kind::Reset, 0, stream);
    out.extend_from_slice(&code.0.to_be_bytes());
}

pub fn put_ping(out: &mut Vec<u8>, flags: u8, payload: [u8; 8]) {
    put_head(out, 8, Kind::Ping, flags, 0);
    out.extend_from_slice(&payload);
}

pub fn put_go_away(out: &mut Vec<u8>, last: u32, code: ErrorCode) {
    put_head(out, 8, Kind::GoAway, 0, 0);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&code.0.to_be_bytes());
}

/// A field block as one HEADERS frame and as many CONTINUATION frames as it needs.
#[inline]
pub fn put_block(out: &mut Vec<u8>, stream: u32, block: &[u8], end: bool, frame_bytes: usize) {
    let end = if end { END_STREAM } else { 0 };
    if block.len() <= frame_bytes {
        put_head(out, block.len(), Kind::Headers, END_HEADERS | end, stream);
        out.extend_from_slice(block);
        return;
    }
    let last = block.len().div_ceil(frame_bytes) - 1;
    for (at, fragment) in block.chunks(frame_bytes).enumerate() {
        let kind = if at == 0 { Kind::Headers } else { Kind::Continuation };
        let end_headers = if at == last { END_HEADERS } else { 0 };
        let end = if at == 0 { end } else { 0 };
        put_head(out, fragment.len(), kind, end_headers | end, stream);
        out.extend_from_slice(fragment);
    }
}

#[cfg(test)]
mod tests;
