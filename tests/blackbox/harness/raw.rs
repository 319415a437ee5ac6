//! Bytes as they are, for what no honest client or origin sends.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::thread;

use super::message::{Response, Wire};
use super::socket::Socket;

/// What came back for some bytes, until the proxy closed.
#[derive(Debug, Default)]
pub struct Answer {
    pub responses: Vec<Response>,
    /// Bytes that are no response.
    pub rest: Vec<u8>,
    /// The end was a reset, or none at all in time.
    pub unclean: Option<ErrorKind>,
}

/// Sends `bytes`, reads until the proxy closes. Our side stays open: the close is the proxy's.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    exchange_of(address, bytes, |wire, bytes| drop(wire.send(bytes)))
}

/// The same, a byte at a time.
pub fn drip(address: SocketAddr, bytes: &[u8]) -> Answer {
    exchange_of(address, bytes, |wire, bytes| {
        for byte in bytes {
            if wire.send([*byte]).is_err() {
                return;
            }
            thread::yield_now();
        }
    })
}

fn exchange_of(address: SocketAddr, bytes: &[u8], send: impl FnOnce(&mut Wire, &[u8])) -> Answer {
    let mut wire = Wire::new(Socket::connect(address).expect("the proxy accepts"));
    send(&mut wire, bytes);
    let method = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
    read_answer(&mut wire, &String::from_utf8_lossy(method))
}

/// Everything that comes until the end.
pub fn read_answer(wire: &mut Wire, method: &str) -> Answer {
    let mut all = Vec::new();
    let end = wire.socket.read_to_end(&mut all);
    wire.unread.append(&mut all);
    let unclean = end.err().map(|error| error.kind());
    let mut answer = Answer { unclean, ..Answer::default() };
    // At the end of the stream: what is unread is all there is.
    while !wire.unread.is_empty() {
        let before = wire.unread.clone();
        match wire.response(method) {
            Ok(response) => answer.responses.push(response),
            Err(_) => {
                answer.rest = before;
                break;
            }
        }
    }
    answer
}

impl Answer {
    pub fn statuses(&self) -> Vec<u16> {
        self.responses.iter().map(|response| response.status).collect()
    }
}
