//! `Scan`: finds named fields of a JSON text in one pass, without a tree, whatever the pieces that
//! the text comes in. It tells each value that stands at one of the wanted paths, with its place in
//! the text, so that an edit can be put in its place and all else stays as it was written.
//!
//! It is as strict as RFC 8259, and refuses more levels than `JSON_DEPTH_MAX`. Names are compared
//! as they are meant, not as they are written: `"mod\u0065l"` is `"model"`. A field that stands
//! twice is told twice, in the order of the text: who asks says what that means. It does not look
//! at UTF-8, and keeps no more of a text than `JSON_TEXT_BYTES_MAX`.

mod capture;
mod scalar;

use capture::Capture;

use super::scan;
use crate::limits::{JSON_DEPTH_MAX, JSON_PATH_DEPTH_MAX};

/// Names from the root down; `[]` is every item of an array, and no name at all the root itself.
pub type Path = &'static [&'static str];

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    False,
    True,
    Number,
    Text,
    /// Whether it has nothing in it.
    Array(bool),
    Object(bool),
}

/// A value at a wanted path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The place of its path among the wanted ones.
    pub path: usize,
    pub kind: Kind,
    /// A text as it is meant, without quotes; a number as it is written.
    pub text: &'a [u8],
    /// The text goes on.
    pub cut: bool,
    /// From the first byte of the value to the one behind it, counted from the begin of the text.
    pub start: usize,
    pub end: usize,
}

impl Found<'_> {
    /// A whole number that is not negative.
    pub fn count(&self) -> Option<u64> {
        if self.kind != Kind::Number {
            return None;
        }
        str::from_utf8(self.text).ok()?.parse().ok()
    }
}

/// Why a text is no JSON that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    Malformed,
    TooDeep,
}

/// How far a text is.
#[derive(Clone, Debug)]
pub struct Scan {
    paths: &'static [Path],
    /// Those whose first name has that many bytes, or more than fit: most fields of a root are not
    /// looked for, and few of those that are have a name as long.
    by_length: [u64; NAME_LENGTHS],
    state: State,
    depth: usize,
    /// A bit for each level: it is an object.
    objects: [u64; JSON_DEPTH_MAX / 64],
    /// Those that a wanted path can still be in.
    levels: [Level; JSON_PATH_DEPTH_MAX],
    /// Paths that the next value may be at, or be on the way of.
    here: u64,
    /// Of the text or number that is being read.
    start: usize,
    is_key: bool,
    capture: Capture,
    /// Bytes of the pieces before this one.
    seen: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// Paths that lead into it.
    alive: u64,
    /// The one that it stands at itself.
    wanted: Option<u8>,
    start: usize,
    filled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// Behind `[`.
    FirstItem,
    /// Behind `{`.
    FirstKey,
    Key,
    Colon,
    /// Behind a value.
    After,
    Text,
    Escape,
    /// So many hexadecimal digits are to come.
    Hex(u8),
    Number(Digits),
    Word(Word, u8),
    /// The text is complete.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Part,
    E,
    Sign,
    Exponent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    True,
    False,
    Null,
}

impl Scan {
    /// Looks for values at `paths`, 64 at the most.
    pub fn new(paths: &'static [Path]) -> Self {
        debug_assert!(paths.len() <= 64, "a mask has 64 bits");
        debug_assert!(paths.iter().all(|path| path.len() < JSON_PATH_DEPTH_MAX));
        let mut by_length = [0; NAME_LENGTHS];
        for (place, path) in paths.iter().enumerate() {
            if let Some(name) = path.first() {
                by_length[length(name.as_bytes())] |= 1 << place;
            }
        }
        Self {
            paths,
            by_length,
            state: State::Value,
            depth: 0,
            objects: [0; JSON_DEPTH_MAX / 64],
            levels: [Level::default(); JSON_PATH_DEPTH_MAX],
            here: mask(paths.len()),
            start: 0,
            is_key: false,
            capture: Capture::default(),
            seen: 0,
        }
    }

    /// Begins another text.
    pub fn reset(&mut self) {
        self.state = State::Value;
        self.depth = 0;
        self.here = mask(self.paths.len());
        self.seen = 0;
        self.capture.stop();
    }

    /// Nothing but white space came so far.
    pub fn is_fresh(&self) -> bool {
        self.state == State::Value && self.depth == 0
    }

    /// Takes the next piece of the text, and tells what ends in it.
    ///
    /// # Errors
    /// It is no JSON. What comes behind that is not to be given.
    pub fn push(&mut self, bytes: &[u8], found: &mut impl FnMut(&Found<'_>)) -> Result<(), Error> {
        let mut at = 0;
        while at < bytes.len() {
            at = match self.state {
                State::Text => self.run(bytes, at, found)?,
                _ => at + usize::from(self.step(bytes[at], self.seen + at, found)?),
            };
        }
        self.seen += bytes.len();
        Ok(())
    }

    /// Takes a run of a text, and what ends it. Returns where to go on.
    fn run(
        &mut self,
        bytes: &[u8],
        at: usize,
        found: &mut impl FnMut(&Found<'_>),
    ) -> Result<usize, Error> {
        let end = scan::json_text_end(bytes, at);
        self.capture.put(&bytes[at..end]);
        let Some(&byte) = bytes.get(end) else { return Ok(end) };
        self.in_text(byte, self.seen + end, found)?;
        Ok(end + 1)
    }

    /// The text ends here.
    ///
    /// # Errors
    /// Something of it is missing.
    pub fn end(&mut self, found: &mut impl FnMut(&Found<'_>)) -> Result<(), Error> {
        if let State::Number(digits) = self.state {
            self.number_done(digits, self.seen, found)?;
        }
        match self.state {
            State::Done => Ok(()),
            _ => Err(Error::Malformed),
        }
    }

    /// Looks at one byte outside of texts; whether it is used up.
    fn step(
        &mut self,
        byte: u8,
        at: usize,
        found: &mut impl FnMut(&Found<'_>),
    ) -> Result<bool, Error> {
        match self.state {
            State::Escape => self.escape(byte)?,
            State::Hex(left) => self.hex(byte, left)?,
            State::Number(digits) => return self.digit(digits, byte, at, found),
            State::Word(word, next) => self.letter(word, next, byte, at, found)?,
            State::Text => debug_assert!(false, "texts are read by runs"),
            _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => (),
            State::Value => self.value(byte, at)?,
            State::FirstItem if byte == b']' => self.close(at, found),
            State::FirstItem => {
                self.fill();
                self.value(byte, at)?;
            }
            State::FirstKey if byte == b'}' => self.close(at, found),
            State::FirstKey | State::Key if byte == b'"' => {
                self.fill();
                self.open_text(at, true);
            }
            State::Colon if byte == b':' => self.state = State::Value,
            State::After => self.after(byte, at, found)?,
            _ => return Err(Error::Malformed),
        }
        Ok(true)
    }

    fn value(&mut self, byte: u8, at: usize) -> Result<(), Error> {
        match byte {
            b'"' => self.open_text(at, false),
            b'{' => self.open(true, at)?,
            b'[' => self.open(false, at)?,
            b't' => self.open_word(Word::True, at),
            b'f' => self.open_word(Word::False, at),
            b'n' => self.open_word(Word::Null, at),
            b'-' => self.open_number(Digits::Minus, byte, at),
            b'0' => self.open_number(Digits::Zero, byte, at),
            b'1'..=b'9' => self.open_number(Digits::Whole, byte, at),
            _ => return Err(Error::Malformed),
        }
        Ok(())
    }

    fn after(
        &mut self,
        byte: u8,
        at: usize,
        found: &mut impl FnMut(&Found<'_>),
    ) -> Result<(), Error> {
        match (byte, self.in_object()) {
            (b',', true) => self.state = State::Key,
            (b',', false) => {
                self.state = State::Value;
                self.here = self.items();
            }
            (b'}', true) | (b']', false) => self.close(at, found),
            _ => return Err(Error::Malformed),
        }
        Ok(())
    }

    /// The path that ends at the next value.
    fn wanted(&self) -> Option<u8> {
        let mut left = self.here;
        while left != 0 {
            let place = left.trailing_zeros();
            left &= left - 1;
            if self.paths[place as usize].len() == self.depth {
                return Some(place as u8);
            }
        }
        None
    }

    /// Those of `alive` that go on with `name` below this level.
    fn narrowed(&self, alive: u64, name: &[u8]) -> u64 {
        let mut left = alive;
        if self.depth == 1 {
            left &= self.by_length[length(name)];
        }
        let mut narrowed = 0;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= left - 1;
            let next = self.paths[place].get(self.depth - 1);
            let is_like = |next: &&str| next.as_bytes().first() == name.first();
            if next.is_some_and(|next| is_like(next) && next.as_bytes() == name) {
                narrowed |= 1 << place;
            }
        }
        narrowed
    }

    fn alive(&self) -> u64 {
        self.depth.checked_sub(1).and_then(|level| self.levels.get(level)).map_or(0, |l| l.alive)
    }

    fn items(&self) -> u64 {
        match self.alive() {
            0 => 0,
            alive => self.narrowed(alive, ITEMS),
        }
    }

    fn open(&mut self, object: bool, at: usize) -> Result<(), Error> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        let wanted = self.wanted();
        if let Some(level) = self.levels.get_mut(self.depth) {
            *level = Level { alive: self.here, wanted, start: at, filled: false };
        }
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        match object {
            true => self.objects[word] |= bit,
            false => self.objects[word] &= !bit,
        }
        self.depth += 1;
        self.state = if object { State::FirstKey } else { State::FirstItem };
        self.here = if object { 0 } else { self.items() };
        Ok(())
    }

    /// Something stands in the level.
    fn fill(&mut self) {
        if let Some(level) = self.levels.get_mut(self.depth - 1) {
            level.filled = true;
        }
    }

    fn close(&mut self, at: usize, found: &mut impl FnMut(&Found<'_>)) {
        let object = self.in_object();
        self.depth -= 1;
        self.state = if self.depth == 0 { State::Done } else { State::After };
        let Some(Level { wanted: Some(path), start, filled, .. }) =
            self.levels.get(self.depth).copied()
        else {
            return;
        };
        let kind = if object { Kind::Object(!filled) } else { Kind::Array(!filled) };
        let path = usize::from(path);
        found(&Found { path, kind, text: b"", cut: false, start, end: at + 1 });
    }

    fn in_object(&self) -> bool {
        let level = self.depth - 1;
        self.objects[level / 64] & (1 << (level % 64)) != 0
    }
}

/// The place of a name in `by_length`.
const fn length(name: &[u8]) -> usize {
    if name.len() < NAME_LENGTHS { name.len() } else { NAME_LENGTHS - 1 }
}

/// As many low bits.
const fn mask(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

const NAME_LENGTHS: usize = 16;
const ITEMS: &[u8] = b"[]";

#[cfg(test)]
mod tests;
