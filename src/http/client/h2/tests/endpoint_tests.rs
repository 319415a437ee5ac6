//! The other end: blocking, with an engine in the role of a server.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::Receiver;

use crate::base::clock::Clock;
use crate::net::tests::PATIENCE;
use crate::proto::http2::fields::{FieldLimits, Fields};
use crate::proto::http2::hpack::{Decoder, Encoder, Indexing};
use crate::proto::http2::{Connection, Event, Role, Settings, StreamKey};

pub(super) struct Endpoint {
    socket: TcpStream,
    pub(super) engine: Option<Connection>,
    decoder: Decoder,
    encoder: Encoder,
    clock: Clock,
    pending: Vec<u8>,
    seen: VecDeque<Seen>,
    /// Bodies are consumed as they come.
    pub(super) releases: bool,
    word: Receiver<()>,
}

#[derive(Debug)]
pub(super) enum Seen {
    Head {
        stream: StreamKey,
        fields: Pairs,
        end: bool,
    },
    Body {
        stream: StreamKey,
        bytes: Vec<u8>,
        end: bool,
    },
    Reset {
        stream: StreamKey,
        code: u32,
    },
    /// The connection ended.
    Closed,
}

pub(super) type Pairs = Vec<(String, String)>;

/// Names and values, one after the other.
pub(super) fn text(fields: &Pairs) -> String {
    fields.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join("|")
}

impl Endpoint {
    pub(super) fn new(socket: TcpStream, word: Receiver<()>) -> Self {
        Self {
            socket,
            engine: None,
            decoder: Decoder::new(4096),
            encoder: Encoder::new(),
            clock: Clock::new(),
            pending: Vec::new(),
            seen: VecDeque::new(),
            releases: true,
            word,
        }
    }

    pub(super) fn begin(&mut self, settings: &Settings) {
        self.engine = Some(Connection::new(Role::Server, settings, self.clock.now()));
        self.flush();
    }

    pub(super) fn engine(&mut self) -> &mut Connection {
        if self.engine.is_none() {
            self.begin(&Settings::default());
        }
        self.engine.as_mut().expect("it was begun")
    }

    pub(super) fn hang_up(&self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// The first bytes that come, before anything is sent.
    pub(super) fn socket_says_hello(&mut self) -> Vec<u8> {
        while self.pending.len() < 14 {
            assert!(self.fill(), "the connection ended");
        }
        self.pending[..14].to_vec()
    }

    /// Bytes as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the client reads");
    }

    pub(super) fn flush(&mut self) {
        let mut out = Vec::new();
        self.engine().swap_out(&mut out);
        // What the client does not want to read any more it does not get.
        let _ = self.socket.write_all(&out);
    }

    pub(super) fn head(&mut self) -> (StreamKey, Pairs, bool) {
        match self.next() {
            Seen::Head { stream, fields, end } => (stream, fields, end),
            other => panic!("no head: {other:?}"),
        }
    }

    /// What comes of a body until another event, and whether that was its end.
    pub(super) fn body_of(&mut self, wanted: StreamKey) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        let mut ended = false;
        while !ended {
            match self.next() {
                Seen::Body { stream, bytes, end } if stream == wanted => {
                    body.extend_from_slice(&bytes);
                    ended = end;
                }
                other => {
                    self.seen.push_front(other);
                    break;
                }
            }
        }
        (body, ended)
    }

    pub(super) fn next(&mut self) -> Seen {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return seen;
            }
            self.take_in();
            self.flush();
            if self.seen.is_empty() && !self.fill() {
                return Seen::Closed;
            }
        }
    }

    /// Until the client ends the connection; what comes before does not matter.
    pub(super) fn until_closed(&mut self) {
        while !matches!(self.next(), Seen::Closed) {}
    }

    pub(super) fn answer(&mut self, stream: StreamKey, fields: &[(&str, &str)], end: bool) {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        for (name, value) in fields {
            self.encoder.field(name.as_bytes(), value.as_bytes(), Indexing::Plain, &mut block);
        }
        assert!(self.engine().send_head(stream, &block, end), "the stream takes a head");
        self.flush();
    }

    /// As much as the windows let through.
    pub(super) fn body(&mut self, stream: StreamKey, bytes: &[u8], end: bool) -> usize {
        let sent = self.engine().send_body(stream, bytes, end);
        self.flush();
        sent
    }

    /// Takes in what comes next, whatever it is.
    pub(super) fn pass(&mut self) {
        assert!(self.fill(), "the connection ended");
        self.take_in();
        self.flush();
    }

    /// The next head, past what comes of bodies and resets.
    pub(super) fn head_past_bodies(&mut self) -> (StreamKey, Pairs, bool) {
        loop {
            match self.next() {
                Seen::Head { stream, fields, end } => return (stream, fields, end),
                Seen::Closed => panic!("the connection ended"),
                _ => {}
            }
        }
    }

    /// Until the test has seen what it wanted to see.
    pub(super) fn wait_for_word(&self) {
        self.word.recv_timeout(PATIENCE).expect("the test goes on");
    }

    fn fill(&mut self) -> bool {
        let mut bytes = [0; 65_536];
        let count = self.socket.read(&mut bytes).unwrap_or(0);
        self.pending.extend_from_slice(&bytes[..count]);
        count > 0
    }

    fn take_in(&mut self) {
        loop {
            let now = self.clock.now();
            self.engine();
            let Self { engine, pending, decoder, seen, releases, .. } = self;
            let engine = engine.as_mut().expect("it was begun");
            let Ok(advanced) = engine.advance(pending, now) else {
                panic!("the client broke a rule: {:?}", engine.failure());
            };
            let consumed = advanced.consumed;
            let more = advanced.event.is_some();
            let mut release = None;
            match advanced.event {
                Some(Event::Head { stream, block, end, .. }) => {
                    let fields = decoded(decoder, block);
                    seen.push_back(Seen::Head { stream, fields, end });
                }
                Some(Event::Body { stream, bytes, end }) => {
                    release = releases.then_some((stream, bytes.len()));
                    seen.push_back(Seen::Body { stream, bytes: bytes.to_vec(), end });
                }
                Some(Event::Reset { stream, code, .. }) => {
                    seen.push_back(Seen::Reset { stream, code: code.0 });
                }
                _ => {}
            }
            if let Some((stream, bytes)) = release {
                engine.release(stream, bytes);
            }
            pending.drain(..consumed);
            if !more {
                return;
            }
        }
    }
}

fn decoded(decoder: &mut Decoder, block: &[u8]) -> Pairs {
    let mut fields = Fields::new();
    decoder.decode(block, &mut fields, &FieldLimits::default()).expect("a block");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}
