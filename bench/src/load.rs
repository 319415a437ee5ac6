//! The load, over loopback.
//!
//! What it asks is a [`Job`]; how it asks is one of a few shapes. Three are plain HTTP/1.1 by one
//! thread and one epoll, a [`fleet::Fleet`]: [`closed::Closed`] (every connection asks again when
//! it is answered), [`paced::Paced`] (times fixed beforehand) and [`idle::Idle`] (ask once, then
//! hold). [`handshakes::Handshakes`] opens a TLS connection for each request. What is HTTP/2, or
//! TLS that is kept open, is asked by a program that others trust: [`h2load`].
//! It counts only complete responses with status 200 and the expected length; anything else is an
//! [`Error`] and ends the measurement, since a proxy that drops work would otherwise look cheap.
//! It does not look into chunks: of them it sees the last. It refuses every address but IPv4. It keeps no state between measurements.

use std::net::SocketAddrV4;
use std::time::Duration;
use std::{fmt, io};

pub(crate) mod closed;
mod connection;
mod fleet;
pub(crate) mod h2load;
pub(crate) mod handshakes;
pub(crate) mod idle;
pub(crate) mod paced;
mod poll;
pub(crate) mod probe;
mod response;
mod socket;
pub(crate) mod streams;
pub(crate) mod tls;

/// One kind of request, with the answer that it must get.
#[derive(Clone)]
pub(crate) struct Job {
    address: SocketAddrV4,
    life: Life,
    request: Vec<u8>,
    body_bytes: u64,
    /// The answer comes in chunks, which are not counted.
    is_chunked: bool,
}

/// What is posted.
pub(crate) struct Question {
    pub(crate) path: &'static str,
    /// Lines of the head.
    pub(crate) fields: &'static str,
    pub(crate) body: String,
}

/// How long a connection lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    KeptAlive,
    /// `Connection: close` on each request. The proxy closes first, so that TIME_WAIT falls to its
    /// port and the load never runs out of its own.
    OneRequest,
}

/// What a window of load got done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) responses: u64,
    pub(crate) elapsed: Duration,
}

#[derive(Debug)]
pub(crate) enum Error {
    Socket(io::Error),
    Response(response::Malformed),
    Status(u16),
    BodyBytes {
        expected: u64,
        announced: u64,
    },
    Excess,
    ClosedEarly,
    ClosedWhileIdle,
    Unanswered {
        requests: usize,
    },
    Stalled,
    Interrupted,
    /// Not the kind of handshake that was asked for.
    Handshake {
        resumed: bool,
    },
    Http2(h2::Error),
    /// A gRPC answer that does not say that all went well.
    Trailers(String),
    H2load(h2load::Fault),
}

impl Job {
    pub(crate) fn new(address: SocketAddrV4, path: &str, body_bytes: u64, life: Life) -> Self {
        let close = if life == Life::OneRequest { "Connection: close\r\n" } else { "" };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: ringway-bench\r\n\
             Accept: */*\r\n{close}\r\n"
        );
        Self { address, life, request: request.into_bytes(), body_bytes, is_chunked: false }
    }

    /// Posts a question, whose answer is looked at once: every other one must be as long.
    pub(crate) fn post(
        address: SocketAddrV4,
        question: &Question,
    ) -> Result<(Self, Vec<u8>), Error> {
        let Question { path, fields, body } = question;
        let request = |close: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: ringway-bench\r\n\
                 Accept: */*\r\nAuthorization: Bearer bench\r\n{fields}{close}\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        let (head, body) = probe::ask(address, &request("Connection: close\r\n"))?;
        let job = Self {
            address,
            life: Life::KeptAlive,
            request: request(""),
            body_bytes: head.body_bytes,
            is_chunked: head.is_chunked,
        };
        Ok((job, body))
    }

    /// The same, unasked: of an answer that does not end.
    pub(crate) fn post_endless(address: SocketAddrV4, question: &Question) -> Self {
        let Question { path, fields, body } = question;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: ringway-bench\r\n{fields}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (life, request) = (Life::KeptAlive, request.into_bytes());
        Self { address, life, request, body_bytes: 0, is_chunked: true }
    }

    /// The same with a request of `bytes` in all; one that is longer already stays as it is.
    pub(crate) fn filled_to(mut self, bytes: usize) -> Self {
        let Some(missing) = bytes.checked_sub(self.request.len() + FILL_EMPTY.len()) else {
            return self;
        };
        let fill = FILL_EMPTY.replace("\r\n", &format!("{}\r\n", "x".repeat(missing)));
        let end = self.request.len() - b"\r\n".len();
        self.request.splice(end..end, fill.into_bytes());
        self
    }

    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }
}

impl Tally {
    /// A window without a single response is no measurement.
    fn of(responses: u64, elapsed: Duration) -> Result<Self, Error> {
        if responses == 0 { Err(Error::Stalled) } else { Ok(Self { responses, elapsed }) }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.responses as f64 / self.elapsed.as_secs_f64()
    }
}

impl From<io::Error> for Error {
    fn from(cause: io::Error) -> Self {
        Self::Socket(cause)
    }
}

impl From<h2::Error> for Error {
    fn from(cause: h2::Error) -> Self {
        Self::Http2(cause)
    }
}

impl From<h2load::Fault> for Error {
    fn from(fault: h2load::Fault) -> Self {
        Self::H2load(fault)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(cause) => write!(out, "socket: {cause}"),
            Self::Response(malformed) => write!(out, "malformed response: {malformed:?}"),
            Self::Status(status) => write!(out, "status {status} instead of 200"),
            Self::BodyBytes { expected, announced } => {
                write!(out, "a body of {announced} bytes instead of {expected}")
            }
            Self::Excess => write!(out, "bytes after the end of a response"),
            Self::ClosedEarly => write!(out, "closed in the middle of an exchange"),
            Self::ClosedWhileIdle => write!(out, "a kept-alive connection was closed"),
            Self::Unanswered { requests } => write!(out, "{requests} requests were not answered"),
            Self::Stalled => write!(out, "no response in the whole window"),
            Self::Interrupted => write!(out, "interrupted"),
            Self::Handshake { resumed: true } => write!(out, "a session was resumed unasked"),
            Self::Handshake { resumed: false } => write!(out, "a session was not resumed"),
            Self::Http2(cause) => write!(out, "HTTP/2: {cause}"),
            Self::Trailers(what) => write!(out, "gRPC: {what}"),
            Self::H2load(fault) => write!(out, "h2load: {fault}"),
        }
    }
}

impl std::error::Error for Error {}

/// How long the last responses of a measurement may take to come in.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
const FILL_EMPTY: &str = "X-Fill: \r\n";
const CONNECT_TIME_MAX: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
