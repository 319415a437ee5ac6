//! `Splitter`: Server-Sent Events out of bytes, whatever the pieces that they come in (WHATWG HTML,
//! section 9.2.6). It tells where data is and where an event ends, and keeps nothing: an event of
//! any length costs no memory. Names, ids and comments are passed over. Lines end with LF, CRLF or
//! CR.

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Of a line of data.
    Data(&'a [u8]),
    /// Another line of data begins: a line end stands between the two.
    Line,
    /// The event is over: an empty line.
    End,
    /// What is no data: names of fields, line ends, other fields, comments.
    Other,
}

/// How far a stream is.
#[derive(Clone, Debug)]
pub struct Splitter {
    state: State,
    /// The last byte was a CR: an LF behind it belongs to the same line end.
    after_cr: bool,
    /// The event has a line of data already.
    has_data: bool,
    /// Bytes of a byte order mark that came, at the begin of the stream.
    mark: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Of a line; so many bytes of `data` came.
    Name(u8),
    /// Behind the colon: one space is passed over.
    Colon,
    Data,
    /// Whatever else, to the end of the line.
    Rest,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { state: State::Name(0), after_cr: false, has_data: false, mark: Some(0) }
    }
}

impl Splitter {
    /// The next piece of `bytes`, which are not empty, and how many bytes it has.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> (Piece<'a>, usize) {
        if self.state == State::Data {
            let end = memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
            if end > 0 {
                self.after_cr = false;
                return (Piece::Data(&bytes[..end]), end);
            }
        }
        if self.state == State::Rest {
            let end = memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
            if end > 0 {
                self.after_cr = false;
                return (Piece::Other, end);
            }
        }
        (self.byte(bytes[0]), 1)
    }

    /// Nothing of an event has come since the last one ended.
    pub fn is_between(&self) -> bool {
        self.state == State::Name(0) && !self.has_data
    }

    fn byte(&mut self, byte: u8) -> Piece<'static> {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        if byte == b'\n' && after_cr {
            return Piece::Other;
        }
        if self.is_mark(byte) {
            return Piece::Other;
        }
        if matches!(byte, b'\n' | b'\r') {
            return self.line_end();
        }
        match self.state {
            State::Name(NAME_LEN) if byte == b':' => return self.data(State::Colon),
            State::Name(count) if NAME.get(usize::from(count)) == Some(&byte) => {
                self.state = State::Name(count + 1);
            }
            State::Colon if byte == b' ' => self.state = State::Data,
            State::Colon | State::Data => {
                self.state = State::Data;
                // The caller gets a slice of what it gave, and this is one byte of that.
                return Piece::Data(&BYTES[usize::from(byte)..=usize::from(byte)]);
            }
            State::Name(_) | State::Rest => self.state = State::Rest,
        }
        Piece::Other
    }

    fn line_end(&mut self) -> Piece<'static> {
        let state = std::mem::replace(&mut self.state, State::Name(0));
        match state {
            State::Name(0) => {
                self.has_data = false;
                Piece::End
            }
            // A field without a colon has no value, and is there all the same.
            State::Name(NAME_LEN) => self.data(State::Name(0)),
            _ => Piece::Other,
        }
    }

    /// A line of data begins.
    fn data(&mut self, state: State) -> Piece<'static> {
        self.state = state;
        match std::mem::replace(&mut self.has_data, true) {
            true => Piece::Line,
            false => Piece::Other,
        }
    }

    /// Whether the byte is one of a byte order mark that the stream begins with.
    fn is_mark(&mut self, byte: u8) -> bool {
        let Some(count) = self.mark else { return false };
        let is_mark = MARK.get(usize::from(count)) == Some(&byte);
        self.mark = (is_mark && count < 2).then_some(count + 1);
        if !is_mark && count > 0 {
            self.state = State::Rest;
        }
        is_mark
    }
}

const NAME: &[u8] = b"data";
const NAME_LEN: u8 = NAME.len() as u8;
const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Every byte by itself.
static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = byte as u8;
        byte += 1;
    }
    bytes
};

#[cfg(test)]
mod tests;
