//! SETTINGS, RFC 9113 section 6.5, RFC 8441 and RFC 9218: what we announce, and what a peer may.
//! Owns no state: both are parts of a connection.

use std::time::Duration;

use super::Role;
use super::error::{ConnectionError, ErrorCode, Reason};
use super::flow::WINDOW_BYTES_INITIAL;
use super::frame::{self, Kind, STREAM_ID_MAX, u32_at};
use crate::limits::{
    H2_CONNECTION_WINDOW_BYTES, H2_CONNECTION_WINDOW_BYTES_MAX, H2_FRAME_BYTES, H2_STREAMS_CEILING,
    H2_STREAMS_MAX, H2_WINDOW_BYTES, H2_WINDOW_BYTES_MAX, HEAD_BYTES_MAX,
};

pub const HEADER_TABLE_BYTES: u32 = 4096;
pub const SETTING_BYTES: usize = 6;

const ID_HEADER_TABLE: u16 = 1;
const ID_ENABLE_PUSH: u16 = 2;
const ID_STREAMS_MAX: u16 = 3;
const ID_WINDOW: u16 = 4;
const ID_FRAME_BYTES: u16 = 5;
const ID_HEAD_LIST: u16 = 6;
const ID_CONNECT_PROTOCOL: u16 = 8;
const ID_NO_PRIORITIES: u16 = 9;

/// How we run a connection: what the peer is told, and the bounds that it is not told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// A server allows so many streams; a client opens no more, whatever the server allows.
    pub streams_max: u32,
    /// The window of a stream, and what it may grow to.
    pub window_bytes: u32,
    pub window_bytes_max: u32,
    /// The same for all streams together; never below 65,535, section 6.9.2.
    pub connection_window_bytes: u32,
    pub connection_window_bytes_max: u32,
    pub frame_bytes_max: u32,
    /// What the driver's decoder has for its dynamic table.
    pub header_table_bytes: u32,
    /// Advisory: the driver enforces it.
    pub head_list_bytes_max: u32,
    /// A server offers extended CONNECT.
    pub connect_protocol: bool,
    /// PING after so long a silence; never when it is zero.
    pub keepalive_interval: Duration,
    /// How long the answer may take.
    pub keepalive_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams_max: H2_STREAMS_MAX,
            window_bytes: H2_WINDOW_BYTES,
            window_bytes_max: H2_WINDOW_BYTES_MAX,
            connection_window_bytes: H2_CONNECTION_WINDOW_BYTES,
            connection_window_bytes_max: H2_CONNECTION_WINDOW_BYTES_MAX,
            frame_bytes_max: H2_FRAME_BYTES as u32,
            header_table_bytes: HEADER_TABLE_BYTES,
            head_list_bytes_max: HEAD_BYTES_MAX as u32,
            connect_protocol: true,
            keepalive_interval: Duration::ZERO,
            keepalive_timeout: Duration::from_secs(20),
        }
    }
}

impl Settings {
    /// The same within what the protocol and our own tables can bear.
    pub(super) fn clamped(self) -> Self {
        let window_bytes = self.window_bytes.clamp(WINDOW_BYTES_MIN, STREAM_ID_MAX);
        let connection = self.connection_window_bytes.clamp(WINDOW_BYTES_INITIAL, STREAM_ID_MAX);
        Self {
            streams_max: self.streams_max.min(H2_STREAMS_CEILING),
            window_bytes,
            window_bytes_max: self.window_bytes_max.clamp(window_bytes, STREAM_ID_MAX),
            connection_window_bytes: connection,
            connection_window_bytes_max: self
                .connection_window_bytes_max
                .clamp(connection, STREAM_ID_MAX),
            frame_bytes_max: self.frame_bytes_max.clamp(FRAME_BYTES_MIN, FRAME_BYTES_CEILING),
            ..self
        }
    }

    /// The SETTINGS frame; what is as the RFC has it from the start is left out.
    pub(super) fn put(&self, role: Role, out: &mut Vec<u8>) {
        let server = role == Role::Server;
        let rows = [
            (
                ID_HEADER_TABLE,
                self.header_table_bytes,
                self.header_table_bytes != HEADER_TABLE_BYTES,
            ),
            (ID_ENABLE_PUSH, 0, !server),
            (ID_STREAMS_MAX, self.streams_max, server),
            (ID_WINDOW, self.window_bytes, self.window_bytes != WINDOW_BYTES_INITIAL),
            (ID_FRAME_BYTES, self.frame_bytes_max, self.frame_bytes_max != FRAME_BYTES_MIN),
            (ID_HEAD_LIST, self.head_list_bytes_max, true),
            (ID_CONNECT_PROTOCOL, 1, server && self.connect_protocol),
            (ID_NO_PRIORITIES, 1, true),
        ];
        let sent = || rows.iter().filter(|(_, _, is_sent)| *is_sent);
        frame::put_head(out, sent().count() * SETTING_BYTES, Kind::Settings, 0, 0);
        for (id, value, _) in sent() {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// What the peer announced, or the RFC's initial values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerSettings {
    /// What our encoder may use, and the smallest that was announced since the last event: the
    /// encoder has to go through it, RFC 7541 section 4.2.
    pub header_table_bytes: u32,
    pub header_table_bytes_min: u32,
    /// Streams that we may open.
    pub streams_max: u32,
    pub window_bytes: u32,
    pub frame_bytes_max: u32,
    pub head_list_bytes_max: u32,
    /// Extended CONNECT is understood.
    pub connect_protocol: bool,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            header_table_bytes: HEADER_TABLE_BYTES,
            header_table_bytes_min: HEADER_TABLE_BYTES,
            streams_max: H2_STREAMS_MAX,
            window_bytes: WINDOW_BYTES_INITIAL,
            frame_bytes_max: FRAME_BYTES_MIN,
            head_list_bytes_max: u32::MAX,
            connect_protocol: false,
        }
    }
}

impl PeerSettings {
    /// What holds after a SETTINGS frame that came to a `role` with this payload.
    pub(super) fn after(mut self, role: Role, payload: &[u8]) -> Result<Self, ConnectionError> {
        self.header_table_bytes_min = self.header_table_bytes;
        for setting in payload.chunks_exact(SETTING_BYTES) {
            let id = u16::from_be_bytes([setting[0], setting[1]]);
            self.set(role, id, u32_at(setting, 2))?;
        }
        Ok(self)
    }

    fn set(&mut self, role: Role, id: u16, value: u32) -> Result<(), ConnectionError> {
        let bad = Err(ConnectionError::protocol(Reason::Setting));
        match id {
            ID_HEADER_TABLE => {
                self.header_table_bytes = value;
                self.header_table_bytes_min = self.header_table_bytes_min.min(value);
            }
            // A server may not even offer to push: section 6.5.2.
            ID_ENABLE_PUSH if value > 1 || (value == 1 && role == Role::Client) => return bad,
            ID_STREAMS_MAX => self.streams_max = value,
            ID_WINDOW if value > STREAM_ID_MAX => {
                let code = ErrorCode::FLOW_CONTROL_ERROR;
                return Err(ConnectionError::new(code, Reason::Setting));
            }
            ID_WINDOW => self.window_bytes = value,
            ID_FRAME_BYTES if !(FRAME_BYTES_MIN..=FRAME_BYTES_CEILING).contains(&value) => {
                return bad;
            }
            ID_FRAME_BYTES => self.frame_bytes_max = value,
            ID_HEAD_LIST => self.head_list_bytes_max = value,
            // Once offered it stays: RFC 8441 section 3.
            ID_CONNECT_PROTOCOL if value > 1 || (value == 0 && self.connect_protocol) => {
                return bad;
            }
            ID_CONNECT_PROTOCOL => self.connect_protocol = value == 1,
            // RFC 9218 section 2.1.
            ID_NO_PRIORITIES if value > 1 => return bad,
            _ => {}
        }
        Ok(())
    }
}

/// A smaller window would cost a WINDOW_UPDATE for every few bytes.
const WINDOW_BYTES_MIN: u32 = 1 << 10;
const FRAME_BYTES_MIN: u32 = 1 << 14;
const FRAME_BYTES_CEILING: u32 = (1 << 24) - 1;
