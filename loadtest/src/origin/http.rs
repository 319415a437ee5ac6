//! An upstream for plain requests. The path says what comes back:
//!
//! | path | answer |
//! |---|---|
//! | `/bytes/N` | a body of N bytes |
//! | `/chunked/N` | the same in chunks |
//! | `/status/S` | this status, without a body |
//! | `/echo` | the body of the request |
//! | `/upload` | how many bytes the body had, and their FNV-1a sum, as JSON |
//! | `/bearer` | 401 to who does not bear the token |
//! | `/ws` | a WebSocket that sends messages back |
//! | `/sse/N` | N events, one a millisecond |
//! | any other | a body of the set size |

use std::time::Duration;

use super::answer::{Answer, block};
use super::connection::Body;
use super::faults::Fault;
use super::request::Request;
use super::{sse, websocket};

#[derive(Clone, Debug)]
pub struct Http {
    pub bytes: u64,
    /// In chunks, rather than with a length.
    pub chunked: bool,
    /// What `/bearer` wants; without one, any token will do.
    pub token: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self { bytes: 1024, chunked: false, token: None }
    }
}

impl Http {
    pub(super) fn looks_at_body(&self, request: Request<'_>) -> bool {
        matches!(first_segment(request).0, "echo" | "upload")
    }

    pub(super) fn answer(
        &self,
        request: Request<'_>,
        body: &Body<'_>,
        fault: Option<Fault>,
        retry_after: u32,
    ) -> Answer {
        if let Some(Fault::Status(status)) = fault {
            return refusal(status, retry_after);
        }
        if let Some(accept) = websocket::accept(request) {
            return Answer::web_socket(&accept);
        }
        let (first, rest) = first_segment(request);
        match (first, rest.parse::<u64>()) {
            ("bytes", Ok(bytes)) => of_size(bytes, false),
            ("chunked", Ok(bytes)) => of_size(bytes, true),
            ("status", Ok(status @ 200..600)) => Answer::full(status as u16, &[], b""),
            ("sse", Ok(events)) if events <= SSE_EVENTS_MAX => {
                sse::stream(events, Duration::from_millis(1), 0, &[])
            }
            ("echo", _) => Answer::full(200, &[BINARY], body.kept),
            ("upload", _) => {
                let sum = fnv(body.kept);
                let report = format!("{{\"bytes\":{},\"fnv1a\":\"{sum:016x}\"}}", body.bytes);
                Answer::full(200, &[("content-type", "application/json")], report.as_bytes())
            }
            ("bearer", _) if !self.admits(request) => {
                let challenge = ("www-authenticate", "Bearer realm=\"origin\"");
                Answer::full(401, &[challenge], b"")
            }
            _ => of_size(self.bytes, self.chunked),
        }
    }

    fn admits(&self, request: Request<'_>) -> bool {
        let borne = request.field("authorization").and_then(|v| v.strip_prefix("Bearer "));
        match (&self.token, borne) {
            (Some(token), Some(borne)) => token == borne,
            (None, Some(borne)) => !borne.is_empty(),
            (_, None) => false,
        }
    }
}

/// An error of HTTP alone, and when to try again.
pub(super) fn refusal(status: u16, retry_after: u32) -> Answer {
    let seconds = retry_after.to_string();
    match status {
        429 | 503 => Answer::full(status, &[("retry-after", &seconds)], b""),
        _ => Answer::full(status, &[], b""),
    }
}

fn of_size(bytes: u64, chunked: bool) -> Answer {
    if chunked {
        return Answer::chunks(&[BINARY], bytes.min(CHUNKED_BYTES_MAX));
    }
    match usize::try_from(bytes) {
        Ok(small @ 0..=IN_ONE_PIECE) => {
            // A block is longer than the longest of these.
            Answer::full(200, &[BINARY], &block()[..small])
        }
        _ => Answer::filled(200, &[BINARY], bytes),
    }
}

/// Of the path: its first segment, and what follows it.
fn first_segment(request: Request<'_>) -> (&str, &str) {
    let path = request.path().trim_start_matches('/');
    path.split_once('/').unwrap_or((path, ""))
}

pub(super) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

const BINARY: (&str, &str) = ("content-type", "application/octet-stream");
/// A small body goes out with its head, in one segment.
const IN_ONE_PIECE: usize = 8 * 1024;
const CHUNKED_BYTES_MAX: u64 = 64 * 1024 * 1024;
const SSE_EVENTS_MAX: u64 = 100_000;
