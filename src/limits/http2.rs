//! Bounds on HTTP/2 connections, on both sides.

use std::time::Duration;

use super::{HEAD_BYTES_MAX, KIB, MIB, READ_BUFFER_BYTES};

/// The payload of a frame that a peer may always send, RFC 9113 section 4.2. We announce no more:
/// a body is handed on in the pieces in which it comes, so larger frames would gain nothing.
pub const H2_FRAME_BYTES: usize = 16 * KIB;
/// The largest frame we send, where the peer allows it.
pub const H2_FRAME_BYTES_SENT_MAX: usize = 64 * KIB;
/// Streams of one connection whose work has not ended: REFUSED_STREAM above it.
pub const H2_STREAMS_MAX: u32 = 100;
/// What that may be raised to.
pub const H2_STREAMS_CEILING: u32 = 10_000;
/// What one stream, and all streams of a connection, may send before it is consumed: at first, and
/// once the window has grown with use.
pub const H2_WINDOW_BYTES: u32 = 64 * KIB as u32;
pub const H2_WINDOW_BYTES_MAX: u32 = MIB as u32;
pub const H2_CONNECTION_WINDOW_BYTES: u32 = MIB as u32;
pub const H2_CONNECTION_WINDOW_BYTES_MAX: u32 = 4 * MIB as u32;
/// A field block as it is on the wire, over all its frames.
pub const H2_BLOCK_BYTES_MAX: usize = 64 * KIB;
/// CONTINUATION frames of one field block (CVE-2024-27316 and its family).
pub const H2_CONTINUATIONS_MAX: u32 = 8;
/// What a connection keeps of the room that a large field block took.
pub const H2_BLOCK_BYTES_KEPT: usize = 4 * KIB;
/// One SETTINGS frame: 64 settings.
pub const H2_SETTINGS_BYTES_MAX: usize = 64 * 6;
/// Most that is left of an input when the engine asks for more: a SETTINGS frame but its last byte.
pub const H2_INPUT_BYTES_KEPT_MAX: usize = 9 + H2_SETTINGS_BYTES_MAX;
/// Bodies are taken while so little waits to be written,
pub const H2_OUT_BYTES_MAX: usize = 256 * KIB;
/// and input is taken while so little does: a peer that reads nothing is not read either.
pub const H2_OUT_BYTES_STALLED: usize = MIB;
/// Answers to control frames (PING, SETTINGS, resets) that wait to be written.
pub const H2_CONTROL_BYTES_MAX: usize = 16 * KIB;
/// What a stream sends in one turn while others wait for the window of the connection.
pub const H2_QUANTUM_BYTES: usize = 16 * KIB;
/// DATA frames with less in them are budgeted.
pub const H2_SMALL_BODY_BYTES: usize = 64;
/// A DATA frame that the windows cut short counts as useful work from here on.
pub const H2_USEFUL_BODY_BYTES: usize = 512;
/// SETTINGS that the peer does not acknowledge in this time: SETTINGS_TIMEOUT.
pub const H2_SETTINGS_ACK: Duration = Duration::from_secs(10);
/// The longest wait between the two steps of a drain when the peer does not answer a PING.
pub const H2_DRAIN_STEP: Duration = Duration::from_secs(1);

const _: () = assert!(H2_STREAMS_MAX <= H2_STREAMS_CEILING);
const _: () = assert!(H2_WINDOW_BYTES <= H2_WINDOW_BYTES_MAX);
const _: () = assert!(H2_CONNECTION_WINDOW_BYTES <= H2_CONNECTION_WINDOW_BYTES_MAX);
const _: () = assert!(H2_CONNECTION_WINDOW_BYTES_MAX < 1 << 31);
const _: () = assert!(H2_BLOCK_BYTES_MAX >= HEAD_BYTES_MAX);
const _: () = assert!(H2_INPUT_BYTES_KEPT_MAX < READ_BUFFER_BYTES);
const _: () = assert!(H2_OUT_BYTES_MAX + H2_CONTROL_BYTES_MAX < H2_OUT_BYTES_STALLED);
