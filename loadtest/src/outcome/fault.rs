//! What goes wrong with a request, one line each. Details that a server made up are cut.

use std::fmt;
use std::io;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The name of the target leads nowhere.
    Unresolved(String),
    Refused,
    ConnectTimeout,
    /// Every local port towards the target is taken.
    NoLocalPort,
    Connect(String),
    Tls(String),
    /// The protocol that was wanted was not agreed on.
    Alpn(String),
    Reset,
    /// The connection was closed after the request was sent, before any byte of the answer.
    ClosedUnanswered,
    /// The connection was closed within the head or the body of the answer.
    ClosedMidway,
    Timeout,
    /// The run ended, and its time of grace, before the answer.
    Unanswered,
    /// It was due, and no connection was free to send it before the run ended.
    Unsent,
    Malformed(&'static str),
    EndlessInterim,
    /// Bytes came that no request had asked for.
    Unasked,
    Status(u16),
    BodyLength,
    BodyHash,
    Header(String),
    /// An answer that the protocol does not allow: HTTP/2, WebSocket.
    Protocol(String),
    Io(String),
    /// Lines beyond what is kept apart.
    Others,
}

impl Fault {
    /// Of an error while a connection was being opened.
    pub fn connect(error: &io::Error) -> Self {
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::ConnectionRefused, _) => Self::Refused,
            (io::ErrorKind::TimedOut, _) => Self::ConnectTimeout,
            (_, Some(libc::EADDRNOTAVAIL)) => Self::NoLocalPort,
            _ => Self::Connect(cut(&error.to_string())),
        }
    }

    /// Of an error on an open connection.
    pub fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Self::Reset,
            io::ErrorKind::UnexpectedEof => Self::ClosedMidway,
            _ => Self::Io(cut(&error.to_string())),
        }
    }

    pub fn tls(error: &dyn fmt::Display) -> Self {
        Self::Tls(cut(&error.to_string()))
    }

    pub fn protocol(error: &dyn fmt::Display) -> Self {
        Self::Protocol(cut(&error.to_string()))
    }

    /// Whether the request waited for its answer as long as it was let: its time belongs into the
    /// latencies, or a server that hangs would look fast.
    pub fn waited(&self) -> bool {
        matches!(self, Self::Timeout | Self::Unanswered | Self::Unsent)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(why) => write!(f, "name not resolved: {why}"),
            Self::Refused => f.write_str("connection refused"),
            Self::ConnectTimeout => f.write_str("connecting took too long"),
            Self::NoLocalPort => f.write_str("no local port is left"),
            Self::Connect(why) => write!(f, "not connected: {why}"),
            Self::Tls(why) => write!(f, "TLS: {why}"),
            Self::Alpn(got) => write!(f, "TLS: {got} agreed on, not what was wanted"),
            Self::Reset => f.write_str("connection reset"),
            Self::ClosedUnanswered => f.write_str("closed without an answer"),
            Self::ClosedMidway => f.write_str("closed within the answer"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Unanswered => f.write_str("not answered when the run ended"),
            Self::Unsent => f.write_str("due, but never sent: all connections were busy"),
            Self::Malformed(what) => write!(f, "malformed answer: {what}"),
            Self::EndlessInterim => f.write_str("endless 1xx answers"),
            Self::Unasked => f.write_str("bytes that were not asked for"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::BodyLength => f.write_str("body of a wrong length"),
            Self::BodyHash => f.write_str("body with a wrong hash"),
            Self::Header(name) => write!(f, "header {name} missing or wrong"),
            Self::Protocol(what) => write!(f, "protocol error: {what}"),
            Self::Io(what) => write!(f, "I/O error: {what}"),
            Self::Others => f.write_str("other errors"),
        }
    }
}

/// One line, of a bearable length.
fn cut(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(clean).take(DETAIL_CHARS_MAX).collect()
}

const DETAIL_CHARS_MAX: usize = 120;
