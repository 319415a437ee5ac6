//! HTTP/1.1 messages off a socket, read plainly and strictly: CRLF only, framing as RFC 9112
//! section 6.3 says. A reader of its own, so that it shares no mistake with the product's.

use std::io::{self, Read, Write};

use super::socket::Socket;

pub type Trailers = Vec<(String, String)>;

/// A socket and what was read from it and not used.
#[derive(Debug)]
pub struct Wire {
    pub socket: Socket,
    pub unread: Vec<u8>,
}

/// The head of a request, a response or an interim response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub first_line: String,
    pub fields: Vec<(String, String)>,
    /// As it came, with its empty line.
    pub raw: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub struct Response {
    pub status: u16,
    pub head: Head,
    pub interim: Vec<Head>,
    pub bytes: Vec<u8>,
    pub trailers: Trailers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Empty,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Wire {
    pub fn new(socket: Socket) -> Self {
        Self { socket, unread: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    /// Reads once more; false at the end of the stream.
    pub fn fill(&mut self) -> io::Result<bool> {
        let mut piece = vec![0; 64 * 1024];
        let count = self.socket.read(&mut piece)?;
        self.unread.extend_from_slice(&piece[..count]);
        Ok(count > 0)
    }

    /// The next head; `None` when the stream ends before it begins.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = position(&self.unread, b"\r\n\r\n") {
                let raw: Vec<u8> = self.unread.drain(..end + 4).collect();
                return Head::parse(raw).map(Some);
            }
            if !self.fill()? {
                return match self.unread.is_empty() {
                    true => Ok(None),
                    false => Err(truncated("head")),
                };
            }
        }
    }

    pub fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            if !self.fill()? {
                return Err(truncated("body"));
            }
        }
        Ok(self.unread.drain(..count).collect())
    }

    pub fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = position(&self.unread, b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.fill()? {
                return Err(truncated("line"));
            }
        }
    }

    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? {}
        Ok(std::mem::take(&mut self.unread))
    }

    /// The body, and the trailers behind it.
    pub fn body(&mut self, framing: Framing) -> io::Result<(Vec<u8>, Trailers)> {
        match framing {
            Framing::Empty => Ok(Default::default()),
            Framing::Length(length) => Ok((self.exactly(length)?, Vec::new())),
            Framing::UntilClose => Ok((self.rest()?, Vec::new())),
            Framing::Chunked => self.chunked(),
        }
    }

    fn chunked(&mut self) -> io::Result<(Vec<u8>, Trailers)> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(&line, 16);
            let size = size.map_err(|_| wrong(&format!("chunk size {line:?}")))?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&self.exactly(size)?);
            if self.exactly(2)? != b"\r\n" {
                return Err(wrong("no CRLF behind a chunk"));
            }
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((body, trailers));
            }
            trailers.push(field(&line)?);
        }
    }

    /// A final response to a request of that method, with the interim ones before it.
    pub fn response(&mut self, method: &str) -> io::Result<Response> {
        let mut interim = Vec::new();
        loop {
            let head = self.head()?.ok_or_else(|| truncated("connection: no response"))?;
            let status = head.status()?;
            if (100..200).contains(&status) && status != 101 {
                interim.push(head);
                continue;
            }
            let framing = head.response_framing(method)?;
            let (bytes, trailers) = self.body(framing)?;
            return Ok(Response { status, head, interim, bytes, trailers });
        }
    }
}

impl Head {
    pub fn parse(raw: Vec<u8>) -> io::Result<Self> {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let fields = lines.map(field).collect::<io::Result<_>>()?;
        Ok(Self { first_line, fields, raw })
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields.iter().filter(named).map(|(_, value)| value.as_str()).collect()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn status(&self) -> io::Result<u16> {
        let mut words = self.first_line.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        let status = words.next().and_then(|word| word.parse().ok());
        match status {
            Some(status) if version == "HTTP/1.1" || version == "HTTP/1.0" => Ok(status),
            _ => Err(wrong(&format!("status line {:?}", self.first_line))),
        }
    }

    pub fn response_framing(&self, method: &str) -> io::Result<Framing> {
        let status = self.status()?;
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Ok(Framing::Empty);
        }
        self.framing(Framing::UntilClose)
    }

    pub fn framing(&self, none: Framing) -> io::Result<Framing> {
        let (codings, lengths) = (self.all("transfer-encoding"), self.all("content-length"));
        match (codings.as_slice(), lengths.as_slice()) {
            ([], []) => Ok(none),
            (["chunked"], []) => Ok(Framing::Chunked),
            ([], [length]) => match length.parse() {
                Ok(length) => Ok(Framing::Length(length)),
                Err(_) => Err(wrong(&format!("length {length:?}"))),
            },
            both => Err(wrong(&format!("framing {both:?}"))),
        }
    }
}

impl Response {
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    /// Whether the connection ends with it, as it says.
    pub fn closes(&self) -> bool {
        let listed = self.head.all("connection");
        listed.iter().flat_map(|value| value.split(',')).any(|option| option.trim() == "close")
    }
}

pub fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn field(line: &str) -> io::Result<(String, String)> {
    let (name, value) = line.split_once(':').ok_or_else(|| wrong(&format!("field {line:?}")))?;
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

fn truncated(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("truncated {what}"))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
