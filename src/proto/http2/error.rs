//! Why a stream or a connection ended: the code on the wire, and our reason for the counters.

use super::flood::Flood;

/// An error code, RFC 9113 section 7. Unknown ones are kept as they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    pub const NO_ERROR: Self = Self(0);
    pub const PROTOCOL_ERROR: Self = Self(1);
    pub const INTERNAL_ERROR: Self = Self(2);
    pub const FLOW_CONTROL_ERROR: Self = Self(3);
    pub const SETTINGS_TIMEOUT: Self = Self(4);
    pub const STREAM_CLOSED: Self = Self(5);
    pub const FRAME_SIZE_ERROR: Self = Self(6);
    pub const REFUSED_STREAM: Self = Self(7);
    pub const CANCEL: Self = Self(8);
    pub const COMPRESSION_ERROR: Self = Self(9);
    pub const CONNECT_ERROR: Self = Self(10);
    pub const ENHANCE_YOUR_CALM: Self = Self(11);
    pub const INADEQUATE_SECURITY: Self = Self(12);
    pub const HTTP_1_1_REQUIRED: Self = Self(13);

    /// For metrics and logs.
    pub const fn name(self) -> &'static str {
        const NAMES: [&str; 14] = [
            "no_error",
            "protocol_error",
            "internal_error",
            "flow_control_error",
            "settings_timeout",
            "stream_closed",
            "frame_size_error",
            "refused_stream",
            "cancel",
            "compression_error",
            "connect_error",
            "enhance_your_calm",
            "inadequate_security",
            "http_1_1_required",
        ];
        if (self.0 as usize) < NAMES.len() { NAMES[self.0 as usize] } else { "unknown" }
    }

    /// A reset with this code says that the peer did something wrong, so it is the peer that made
    /// us send it: such resets are budgeted (CVE-2025-8671).
    pub const fn blames_the_peer(self) -> bool {
        matches!(
            self,
            Self::PROTOCOL_ERROR
                | Self::FLOW_CONTROL_ERROR
                | Self::STREAM_CLOSED
                | Self::FRAME_SIZE_ERROR
                | Self::REFUSED_STREAM
                | Self::ENHANCE_YOUR_CALM
        )
    }
}

/// Which rule ended the connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// Not the bytes of section 3.4.
    Preface,
    /// The first frame is not SETTINGS.
    NoSettings,
    FrameSize,
    Padding,
    /// Zero, even, never opened, or skipped: not an id that this frame may have.
    StreamId,
    /// A frame on a stream that the peer had ended itself.
    ClosedStream,
    /// A field block with another frame in it, or a CONTINUATION without one.
    Interleaved,
    /// A field block above `H2_BLOCK_BYTES_MAX` or `H2_CONTINUATIONS_MAX`.
    BlockTooLarge,
    /// PUSH_PROMISE: we never allow one.
    Push,
    /// A stream that depends on itself.
    Priority,
    Setting,
    /// A window of the connection, or of all streams, went over its bounds.
    Window,
    /// A GOAWAY that takes back a promise of an earlier one.
    GoAway,
    Flood(Flood),
    SettingsTimeout,
    KeepaliveTimeout,
    /// The driver could not decode a field block.
    Compression,
    /// The driver gave the connection up.
    Driver,
}

impl Reason {
    /// For metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preface => "preface",
            Self::NoSettings => "no_settings",
            Self::FrameSize => "frame_size",
            Self::Padding => "padding",
            Self::StreamId => "stream_id",
            Self::ClosedStream => "closed_stream",
            Self::Interleaved => "interleaved",
            Self::BlockTooLarge => "block_too_large",
            Self::Push => "push",
            Self::Priority => "priority",
            Self::Setting => "setting",
            Self::Window => "window",
            Self::GoAway => "goaway",
            Self::Flood(flood) => flood.name(),
            Self::SettingsTimeout => "settings_timeout",
            Self::KeepaliveTimeout => "keepalive_timeout",
            Self::Compression => "compression",
            Self::Driver => "driver",
        }
    }
}

/// What ends a connection: the code its GOAWAY has, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionError {
    pub code: ErrorCode,
    pub reason: Reason,
}

impl ConnectionError {
    pub const fn new(code: ErrorCode, reason: Reason) -> Self {
        Self { code, reason }
    }

    pub(super) const fn protocol(reason: Reason) -> Self {
        Self::new(ErrorCode::PROTOCOL_ERROR, reason)
    }

    pub(super) const fn frame_size() -> Self {
        Self::new(ErrorCode::FRAME_SIZE_ERROR, Reason::FrameSize)
    }

    pub(super) const fn flow_control() -> Self {
        Self::new(ErrorCode::FLOW_CONTROL_ERROR, Reason::Window)
    }

    pub(super) const fn closed() -> Self {
        Self::new(ErrorCode::STREAM_CLOSED, Reason::ClosedStream)
    }

    pub(super) const fn calm(reason: Reason) -> Self {
        Self::new(ErrorCode::ENHANCE_YOUR_CALM, reason)
    }
}

impl From<Flood> for ConnectionError {
    fn from(flood: Flood) -> Self {
        Self::calm(Reason::Flood(flood))
    }
}
