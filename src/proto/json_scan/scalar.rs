//! Texts, numbers and words: what has no levels. What a text holds is kept only where it matters.

use super::super::scan;
use super::{Digits, Error, Found, Kind, Scan, State, Word};

impl Scan {
    pub(super) fn open_text(&mut self, at: usize, is_key: bool) {
        self.is_key = is_key;
        self.start = at;
        self.state = State::Text;
        let matters = if is_key { self.alive() != 0 } else { self.wanted().is_some() };
        self.capture.begin(matters);
    }

    pub(super) fn in_text(
        &mut self,
        byte: u8,
        at: usize,
        found: &mut impl FnMut(&Found<'_>),
    ) -> Result<(), Error> {
        match byte {
            b'"' if self.is_key => {
                self.capture.finish();
                self.here = match self.capture.whole() {
                    Some(name) => self.narrowed(self.alive(), name),
                    None => 0,
                };
                self.capture.stop();
                self.state = State::Colon;
            }
            b'"' => {
                self.capture.finish();
                self.tell(Kind::Text, at + 1, found);
            }
            b'\\' => self.state = State::Escape,
            _ => return Err(Error::Malformed),
        }
        Ok(())
    }

    pub(super) fn escape(&mut self, byte: u8) -> Result<(), Error> {
        let meant = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.state = State::Hex(4);
                return Ok(());
            }
            _ => return Err(Error::Malformed),
        };
        self.capture.put(&[meant]);
        self.state = State::Text;
        Ok(())
    }

    pub(super) fn hex(&mut self, byte: u8, left: u8) -> Result<(), Error> {
        let digit = scan::hex_value(byte).ok_or(Error::Malformed)?;
        self.capture.digit(digit);
        self.state = match left {
            1 => {
                self.capture.unit();
                State::Text
            }
            _ => State::Hex(left - 1),
        };
        Ok(())
    }

    pub(super) fn open_word(&mut self, word: Word, at: usize) {
        self.start = at;
        self.state = State::Word(word, 1);
    }

    pub(super) fn letter(
        &mut self,
        word: Word,
        next: u8,
        byte: u8,
        at: usize,
        found: &mut impl FnMut(&Found<'_>),
    ) -> Result<(), Error> {
        let (spelled, kind): (&[u8], _) = match word {
            Word::True => (b"true", Kind::True),
            Word::False => (b"false", Kind::False),
            Word::Null => (b"null", Kind::Null),
        };
        if spelled[usize::from(next)] != byte {
            return Err(Error::Malformed);
        }
        match usize::from(next) + 1 == spelled.len() {
            true => self.tell(kind, at + 1, found),
            false => self.state = State::Word(word, next + 1),
        }
        Ok(())
    }

    pub(super) fn open_number(&mut self, digits: Digits, byte: u8, at: usize) {
        self.start = at;
        self.state = State::Number(digits);
        self.capture.begin(self.wanted().is_some());
        self.capture.put(&[byte]);
    }

    pub(super) fn digit(
        &mut self,
        digits: Digits,
        byte: u8,
        at: usize,
        found: &mut impl FnMut(&Found<'_>),
    ) -> Result<bool, Error> {
        use Digits::{E, Exponent, Minus, Part, Point, Sign, Whole, Zero};
        let next = match (digits, byte) {
            (Minus, b'0') => Zero,
            (Minus | Whole, b'0'..=b'9') => Whole,
            (Zero | Whole, b'.') => Point,
            (Point | Part, b'0'..=b'9') => Part,
            (Zero | Whole | Part, b'e' | b'E') => E,
            (E, b'+' | b'-') => Sign,
            (E | Sign | Exponent, b'0'..=b'9') => Exponent,
            _ => {
                self.number_done(digits, at, found)?;
                return Ok(false);
            }
        };
        self.capture.put(&[byte]);
        self.state = State::Number(next);
        Ok(true)
    }

    pub(super) fn number_done(
        &mut self,
        digits: Digits,
        end: usize,
        found: &mut impl FnMut(&Found<'_>),
    ) -> Result<(), Error> {
        use Digits::{Exponent, Part, Whole, Zero};
        if !matches!(digits, Zero | Whole | Part | Exponent) {
            return Err(Error::Malformed);
        }
        self.tell(Kind::Number, end, found);
        Ok(())
    }

    /// A value without levels ends.
    fn tell(&mut self, kind: Kind, end: usize, found: &mut impl FnMut(&Found<'_>)) {
        self.state = if self.depth == 0 { State::Done } else { State::After };
        if let Some(path) = self.wanted() {
            let has_text = matches!(kind, Kind::Text | Kind::Number);
            let (text, cut) = if has_text { self.capture.text() } else { (&b""[..], false) };
            let path = usize::from(path);
            found(&Found { path, kind, text, cut, start: self.start, end });
        }
        self.capture.stop();
    }
}
