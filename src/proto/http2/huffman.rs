//! The Huffman code of header compression, RFC 7541 section 5.2 and appendix B. Owns no state.
//!
//! The code is canonical: codes of one length follow each other in the order of their symbols, and
//! lengths rise with the codes. So the lengths are all there is to know; everything else is derived
//! by the compiler. Refuses padding of more than seven bits, padding that is not the beginning of
//! the end-of-string code, and that code itself.

/// What cannot be the output of an encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadCode;

/// Appends the text of `coded` to `out`. On an error `out` has no meaning beyond what it had.
pub fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), BadCode> {
    let start = out.len();
    // One more than there can be: two are written where one is meant.
    out.resize(start + coded.len() * u8::BITS as usize / SHORTEST_BITS as usize + 1, 0);
    let room = &mut out[start..];
    let mut written = 0;
    let mut window = Window { bits: 0, count: 0, rest: coded };
    loop {
        window.fill();
        // A full window holds a code of any length: no end can be met before it runs low.
        while window.count >= LONGEST_BITS {
            let pair = PAIRS[(window.bits >> (u64::BITS - PAIR_BITS)) as usize];
            if pair.symbols == 0 {
                room[written] = window.symbol()?;
                written += 1;
                continue;
            }
            room[written..written + 2].copy_from_slice(&pair.text);
            written += usize::from(pair.symbols);
            window.bits <<= pair.bits;
            window.count -= u32::from(pair.bits);
        }
        if window.rest.is_empty() {
            break;
        }
    }
    while window.count > 0 && !window.is_padding() {
        room[written] = window.symbol()?;
        written += 1;
    }
    out.truncate(start + written);
    Ok(())
}

/// How many bytes `text` takes when it is coded.
#[inline]
pub fn coded_bytes(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|&byte| LENGTHS[byte as usize] as usize).sum();
    bits.div_ceil(u8::BITS as usize)
}

/// Appends `text`, coded and padded.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    let mut bits: u64 = 0;
    let mut count = 0;
    for &byte in text {
        let length = u32::from(LENGTHS[byte as usize]);
        bits = bits << length | u64::from(CODES[byte as usize]);
        count += length;
        // Below 32 bits are left over, and no code is longer than 30: nothing is shifted out.
        if count >= u32::BITS {
            count -= u32::BITS;
            out.extend_from_slice(&((bits >> count) as u32).to_be_bytes());
        }
    }
    let padding = (u8::BITS - count % u8::BITS) % u8::BITS;
    bits = bits << padding | ((1 << padding) - 1);
    count += padding;
    let left = (count / u8::BITS) as usize;
    out.extend_from_slice(&bits.to_be_bytes()[size_of::<u64>() - left..]);
}

/// The next bits, the first of them highest. Below the `count` of them all is zero.
struct Window<'a> {
    bits: u64,
    count: u32,
    rest: &'a [u8],
}

impl Window<'_> {
    #[inline]
    fn fill(&mut self) {
        if let Some((word, rest)) = self.rest.split_first_chunk::<4>()
            && self.count <= u32::BITS
        {
            self.bits |= u64::from(u32::from_be_bytes(*word)) << (u32::BITS - self.count);
            self.count += u32::BITS;
            self.rest = rest;
            return;
        }
        while let Some((&byte, rest)) = self.rest.split_first()
            && self.count <= u64::BITS - u8::BITS
        {
            self.bits |= u64::from(byte) << (u64::BITS - u8::BITS - self.count);
            self.count += u8::BITS;
            self.rest = rest;
        }
    }

    /// Takes one symbol. Behind the last bit zeros are seen, and they may complete no code.
    #[inline]
    fn symbol(&mut self) -> Result<u8, BadCode> {
        let short = SHORT[(self.bits >> (u64::BITS - SHORT_BITS)) as usize];
        let (symbol, length) = if short.length != 0 {
            (short.symbol, u32::from(short.length))
        } else {
            long((self.bits >> u32::BITS) as u32)?
        };
        if length > self.count {
            return Err(BadCode);
        }
        self.bits <<= length;
        self.count -= length;
        Ok(symbol)
    }

    /// What is left is shorter than a byte and all ones.
    #[inline]
    fn is_padding(&self) -> bool {
        self.count < u8::BITS && self.bits.leading_ones() >= self.count
    }
}

/// The symbol of a code of more than `SHORT_BITS` at the top of `bits`.
fn long(bits: u32) -> Result<(u8, u32), BadCode> {
    for length in SHORT_BITS + 1..=LONGEST_BITS {
        let group = &GROUPS[length as usize];
        if bits < group.limit {
            let offset = (bits - group.first) >> (u32::BITS - length);
            let symbol = ORDER[group.symbols as usize + offset as usize];
            return u8::try_from(symbol).map(|symbol| (symbol, length)).map_err(|_| BadCode);
        }
    }
    // Only the end-of-string code is all ones.
    Err(BadCode)
}

const SYMBOLS: usize = 257;
const SHORTEST_BITS: u32 = 5;
const LONGEST_BITS: u32 = 30;
/// Most text has two codes in so many bits.
const PAIR_BITS: u32 = 11;
/// Nearly all text has codes of up to so many bits: one small table finds them.
const SHORT_BITS: u32 = 8;

/// Bits of the code of each byte; the last is the end of the string.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The codes of one length, in their order.
#[derive(Clone, Copy)]
struct Group {
    /// The first code, and the first number behind the last one, at the top of 32 bits.
    first: u32,
    limit: u32,
    /// Where in `ORDER` its symbols begin.
    symbols: u16,
}

#[derive(Clone, Copy)]
struct Short {
    symbol: u8,
    /// 0: the code is longer.
    length: u8,
}

/// What the next bits begin with: one code or two, as far as they fit in whole.
#[derive(Clone, Copy)]
struct Pair {
    text: [u8; 2],
    /// 0: the first code is longer.
    symbols: u8,
    bits: u8,
}

struct Derived {
    codes: [u32; SYMBOLS],
    order: [u16; SYMBOLS],
    groups: [Group; LONGEST_BITS as usize + 1],
    short: [Short; 1 << SHORT_BITS],
}

const DERIVED: Derived = derived();
static CODES: [u32; SYMBOLS] = DERIVED.codes;
static ORDER: [u16; SYMBOLS] = DERIVED.order;
static GROUPS: [Group; LONGEST_BITS as usize + 1] = DERIVED.groups;
static SHORT: [Short; 1 << SHORT_BITS] = DERIVED.short;
static PAIRS: [Pair; 1 << PAIR_BITS] = pairs(&DERIVED.short);

const fn derived() -> Derived {
    let mut derived = Derived {
        codes: [0; SYMBOLS],
        order: [0; SYMBOLS],
        groups: [Group { first: 0, limit: 0, symbols: 0 }; LONGEST_BITS as usize + 1],
        short: [Short { symbol: 0, length: 0 }; 1 << SHORT_BITS],
    };
    let mut placed = 0;
    // At the top of 33 bits, so that the number behind the last code can be said.
    let mut next: u64 = 0;
    let mut length = SHORTEST_BITS;
    while length <= LONGEST_BITS {
        let group = Group { first: next as u32, limit: 0, symbols: placed as u16 };
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as u32 == length {
                derived.codes[symbol] = (next >> (u32::BITS - length)) as u32;
                derived.order[placed] = symbol as u16;
                placed += 1;
                place_short(&mut derived.short, symbol as u8, length, next);
                next += 1 << (u32::BITS - length);
            }
            symbol += 1;
        }
        let last = if next > u32::MAX as u64 { u32::MAX } else { next as u32 };
        derived.groups[length as usize] = Group { limit: last, ..group };
        length += 1;
    }
    assert!(next == 1 << u32::BITS, "a complete code");
    derived
}

const fn pairs(short: &[Short; 1 << SHORT_BITS]) -> [Pair; 1 << PAIR_BITS] {
    let mut pairs = [Pair { text: [0; 2], symbols: 0, bits: 0 }; 1 << PAIR_BITS];
    let mut at = 0;
    while at < pairs.len() {
        let first = short[at >> (PAIR_BITS - SHORT_BITS)];
        if first.length > 0 {
            // What follows the first code, with zeros behind it.
            let rest = (at << first.length) & (pairs.len() - 1);
            let second = short[rest >> (PAIR_BITS - SHORT_BITS)];
            let both = first.length + second.length;
            let two = second.length > 0 && both as u32 <= PAIR_BITS;
            pairs[at] = Pair {
                text: [first.symbol, second.symbol],
                symbols: 1 + two as u8,
                bits: if two { both } else { first.length },
            };
        }
        at += 1;
    }
    pairs
}

/// Every byte that starts with a short code leads to its symbol.
const fn place_short(table: &mut [Short; 1 << SHORT_BITS], symbol: u8, length: u32, code: u64) {
    if length > SHORT_BITS {
        return;
    }
    let first = (code >> (u32::BITS - SHORT_BITS)) as usize;
    let mut at = 0;
    while at < 1 << (SHORT_BITS - length) {
        table[first + at] = Short { symbol, length: length as u8 };
        at += 1;
    }
}

#[cfg(test)]
mod tests;
