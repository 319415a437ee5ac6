//! A client of one HTTP/2 connection that writes its frames by hand, so that it can be wrong on
//! purpose. Answers of the proxy are read strictly by frame; only field blocks are left to the
//! product's own decoder, which has tests against other people's encoders.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use ringway::proto::http2::fields::{FieldLimits, Fields};
use ringway::proto::http2::hpack::Decoder;

use super::socket::Socket;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const INTERNAL_ERROR: u32 = 2;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

pub const HEADER_TABLE_SIZE: u16 = 1;
pub const MAX_STREAMS: u16 = 3;
pub const INITIAL_WINDOW: u16 = 4;
pub const CONNECT_PROTOCOL: u16 = 8;

pub type Field<'a> = (&'a str, &'a str);

pub struct H2 {
    socket: Socket,
    unread: Vec<u8>,
    decoder: Decoder,
    next: u32,
    /// What came for each stream.
    pub streams: BTreeMap<u32, Reply>,
    /// Last stream and code of each GOAWAY.
    pub goaways: Vec<(u32, u32)>,
    /// The proxy's settings, as they came.
    pub settings: Vec<(u16, u32)>,
    /// PINGs that were not answered, since `answers_pings` is off.
    pub pings: Vec<Vec<u8>>,
    pub answers_pings: bool,
    /// Gives back what DATA takes of the windows.
    pub opens_windows: bool,
    initial_window: i64,
    /// What the connection may still send.
    window: i64,
}

/// A stream as the client sees it.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub interim: Vec<Vec<(String, String)>>,
    pub fields: Vec<(String, String)>,
    pub trailers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
    pub ended: bool,
    pub reset: Option<u32>,
    /// Sent by WINDOW_UPDATE, less what was sent.
    credit: i64,
}

/// The four pseudo-header fields of an honest request.
pub fn asked<'a>(method: &'a str, path: &'a str) -> Vec<Field<'a>> {
    vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")]
}

/// A field block in which nothing is compressed and nothing is indexed.
pub fn block(fields: &[Field<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(name, &mut block);
        string(value, &mut block);
    }
    block
}

fn string(text: &str, block: &mut Vec<u8>) {
    let mut rest = text.len();
    if rest < 127 {
        block.push(rest as u8);
    } else {
        block.push(127);
        rest -= 127;
        while rest >= 128 {
            block.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        block.push(rest as u8);
    }
    block.extend_from_slice(text.as_bytes());
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn setting_bytes(settings: &[(u16, u32)]) -> Vec<u8> {
    let each = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    settings.iter().flat_map(each).collect()
}

impl H2 {
    pub fn connect(address: SocketAddr) -> Self {
        Self::with(address, &[])
    }

    /// One that announces these settings.
    pub fn with(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let socket = Socket::connect(address).expect("the proxy accepts connections");
        Self::over(socket, settings)
    }

    /// Over a connection that is there: behind a handshake of TLS.
    pub fn over(socket: Socket, settings: &[(u16, u32)]) -> Self {
        let mut client = Self {
            socket,
            unread: Vec::new(),
            decoder: Decoder::new(4096),
            next: 1,
            streams: BTreeMap::new(),
            goaways: Vec::new(),
            settings: Vec::new(),
            pings: Vec::new(),
            answers_pings: true,
            opens_windows: true,
            initial_window: 65_535,
            window: 65_535,
        };
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.settings(settings);
        client
    }

    /// A failure shows when the answer is read: the proxy may have closed for a reason.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) {
        self.send(&frame(kind, flags, stream, payload.as_ref()));
    }

    pub fn settings(&mut self, settings: &[(u16, u32)]) {
        for (id, value) in settings {
            if *id == HEADER_TABLE_SIZE {
                self.decoder.set_table_max((*value as usize).min(4096));
            }
        }
        self.frame(SETTINGS, 0, 0, setting_bytes(settings));
    }

    pub fn open_window(&mut self, stream: u32, bytes: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, bytes.to_be_bytes());
    }

    pub fn reset(&mut self, stream: u32, code: u32) {
        self.frame(RESET, 0, stream, code.to_be_bytes());
    }

    pub fn head(&mut self, stream: u32, fields: &[Field<'_>], end: bool) {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, block(fields));
    }

    /// The id of the stream that the next `open` opens.
    pub fn next_stream(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    pub fn open(&mut self, fields: &[Field<'_>], end: bool) -> u32 {
        let id = self.next_stream();
        self.head(id, fields, end);
        id
    }

    pub fn get(&mut self, path: &str) -> Reply {
        let id = self.open(&asked("GET", path), true);
        self.reply(id)
    }

    pub fn post(&mut self, path: &str, body: &[u8]) -> Reply {
        let id = self.open(&asked("POST", path), false);
        self.send_body(id, body, true);
        self.reply(id)
    }

    /// DATA within the windows; what comes meanwhile is taken in.
    pub fn send_body(&mut self, stream: u32, bytes: &[u8], end: bool) {
        let mut rest = bytes;
        loop {
            let room = self.window.min(self.initial_window + self.stream(stream).credit);
            let count = rest.len().min(16_384).min(room.max(0) as usize);
            if count == 0 && !rest.is_empty() {
                assert!(self.step().expect("a window opens"), "it closes before it has all");
                continue;
            }
            let (piece, others) = rest.split_at(count);
            let last = others.is_empty();
            self.frame(DATA, if last && end { END_STREAM } else { 0 }, stream, piece);
            self.window -= count as i64;
            self.stream(stream).credit -= count as i64;
            rest = others;
            if last {
                return;
            }
        }
    }

    /// Everything of a stream, until it ends or is reset.
    pub fn reply(&mut self, stream: u32) -> Reply {
        self.until("the stream ends", |client| {
            let reply = client.stream(stream);
            reply.ended || reply.reset.is_some()
        });
        self.stream(stream).clone()
    }

    pub fn stream(&mut self, id: u32) -> &mut Reply {
        self.streams.entry(id).or_default()
    }

    /// Reads until it holds.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        while !holds(self) {
            match self.step() {
                Ok(true) => {}
                other => panic!("{other:?} before {what}; GOAWAY: {:?}", self.goaways),
            }
        }
    }

    /// All that was sent so far is taken in: a PING behind it is answered.
    pub fn settle(&mut self) {
        self.frame(PING, 0, 0, *b"settled!");
        self.until("a PING is answered", |client| {
            client.pings.iter().any(|ping| ping == b"settled!")
        });
        self.pings.retain(|ping| ping != b"settled!");
    }

    /// Reads to the end of the connection: the code of the last GOAWAY.
    pub fn end(&mut self) -> Option<u32> {
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}: the proxy keeps it; GOAWAY: {:?}", self.goaways),
            }
        }
        self.goaways.last().map(|(_, code)| *code)
    }

    /// Takes one frame in; false at the end of the connection.
    pub fn step(&mut self) -> io::Result<bool> {
        while self.unread.len() < 9 {
            if !self.fill()? {
                return Ok(false);
            }
        }
        let length = u32::from_be_bytes([0, self.unread[0], self.unread[1], self.unread[2]]);
        let end = 9 + length as usize;
        while self.unread.len() < end {
            if !self.fill()? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let bytes: Vec<u8> = self.unread.drain(..end).collect();
        let stream = u32::from_be_bytes([bytes[5] & 0x7F, bytes[6], bytes[7], bytes[8]]);
        self.take(bytes[3], bytes[4], stream, &bytes[9..]);
        Ok(true)
    }

    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        let count = self.socket.read(&mut piece)?;
        self.unread.extend_from_slice(&piece[..count]);
        Ok(count > 0)
    }

    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match kind {
            DATA => self.take_data(flags, stream, payload),
            HEADERS => self.take_head(flags, stream, payload),
            RESET => self.stream(stream).reset = Some(word(0)),
            SETTINGS if flags & ACK == 0 => self.take_settings(payload),
            PING if flags & ACK != 0 => self.pings.push(payload.to_vec()),
            PING if self.answers_pings => self.frame(PING, ACK, 0, payload),
            PING => self.pings.push(payload.to_vec()),
            GOAWAY => self.goaways.push((word(0), word(4))),
            WINDOW_UPDATE if stream == 0 => self.window += i64::from(word(0)),
            WINDOW_UPDATE => self.stream(stream).credit += i64::from(word(0)),
            SETTINGS => {}
            _ => panic!("a frame of type {kind} from a server"),
        }
    }

    fn take_settings(&mut self, payload: &[u8]) {
        for setting in payload.chunks_exact(6) {
            let id = u16::from_be_bytes([setting[0], setting[1]]);
            let value = u32::from_be_bytes(setting[2..].try_into().unwrap());
            if id == INITIAL_WINDOW {
                self.initial_window = i64::from(value);
            }
            self.settings.push((id, value));
        }
        self.frame(SETTINGS, ACK, 0, []);
    }

    fn take_data(&mut self, flags: u8, stream: u32, payload: &[u8]) {
        let reply = self.stream(stream);
        assert!(!reply.ended && reply.reset.is_none(), "DATA on {stream}, which is over");
        assert!(!reply.fields.is_empty(), "DATA before a head on {stream}");
        reply.bytes.extend_from_slice(payload);
        reply.ended = flags & END_STREAM != 0;
        let ended = reply.ended;
        if self.opens_windows && !payload.is_empty() {
            self.open_window(0, payload.len() as u32);
            if !ended {
                self.open_window(stream, payload.len() as u32);
            }
        }
    }

    fn take_head(&mut self, flags: u8, stream: u32, payload: &[u8]) {
        assert!(flags & END_HEADERS != 0, "a head of one frame");
        let mut fields = Fields::new();
        let decoded = self.decoder.decode(payload, &mut fields, &FieldLimits::default());
        assert!(decoded.is_ok(), "a field block of the proxy: {decoded:?}");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields: Vec<_> = fields.iter().map(|(n, v)| (text(n), text(v))).collect();
        let reply = self.stream(stream);
        assert!(!reply.ended && reply.reset.is_none(), "HEADERS on {stream}, which is over");
        let interim = fields.iter().any(|(name, v)| name == ":status" && v.starts_with('1'));
        match (interim, reply.fields.is_empty()) {
            (true, _) => reply.interim.push(fields),
            (false, true) => reply.fields = fields,
            (false, false) => reply.trailers = fields,
        }
        reply.ended = flags & END_STREAM != 0;
    }
}

impl Reply {
    pub fn status(&self) -> u16 {
        self.field(":status").and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.0 == name).map(|field| field.1.as_str())
    }

    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
