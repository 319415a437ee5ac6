//! A client of one HTTP/1.1 connection.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use super::message::{Head, Response, Wire};
use super::socket::Socket;

#[derive(Debug)]
pub struct Client {
    pub wire: Wire,
}

impl Client {
    pub fn http1(address: SocketAddr) -> Self {
        Self::connect(address).expect("the proxy accepts connections")
    }

    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { wire: Wire::new(Socket::connect(address)?) })
    }

    /// Its end of the connection: what the other side sees as the peer.
    pub fn address(&self) -> SocketAddr {
        self.wire.socket.local_address().expect("a TCP connection has an address")
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
    }

    /// In one write: a test that wants a body to come behind its head says when it does.
    pub fn post(&mut self, path: &str, body: &[u8]) -> Response {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        self.send([head.as_bytes(), body].concat());
        self.response()
    }

    /// Sends a request and reads its response; the method is in the request.
    pub fn ask(&mut self, request: &str) -> Response {
        match self.try_ask(request) {
            Ok(response) => response,
            Err(error) => panic!("{error}; the request was {request:?}"),
        }
    }

    pub fn try_ask(&mut self, request: &str) -> io::Result<Response> {
        self.wire.send(request)?;
        self.wire.response(request.split(' ').next().unwrap_or_default())
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.send(bytes).expect("the proxy takes what is sent");
    }

    /// The next final response, to any method but HEAD.
    pub fn response(&mut self) -> Response {
        self.wire.response("GET").expect("a whole response")
    }

    /// The next head, an interim one too.
    pub fn head(&mut self) -> Head {
        self.wire.head().expect("a whole head").expect("a head before the end")
    }

    pub fn shut_write(&self) {
        self.wire.socket.shutdown(Shutdown::Write);
    }

    /// The proxy closes, cleanly and with nothing more to say.
    pub fn wait_for_close(&mut self) {
        let rest = self.wire.rest().expect("the connection closes in time, without a reset");
        assert_eq!(String::from_utf8_lossy(&rest), "", "bytes before the close");
    }

    /// As above, where the close may destroy what nobody would read.
    pub fn wait_for_end(&mut self) {
        match self.wire.rest() {
            Ok(rest) => assert_eq!(String::from_utf8_lossy(&rest), "", "bytes before the close"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }

    /// Nothing comes for a while: no byte, no close.
    pub fn stays_silent(&mut self, span: Duration) {
        self.wire.socket.set_read_timeout(span);
        let came = self.wire.fill();
        self.wire.socket.prepare();
        let quiet = came.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        assert!(quiet && self.wire.unread.is_empty(), "{came:?} {:?}", self.wire.unread);
    }
}
