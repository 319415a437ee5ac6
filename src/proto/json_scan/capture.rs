//! What a scan keeps of one text: its first bytes, as they are meant.

use crate::limits::JSON_TEXT_BYTES_MAX;

#[derive(Clone, Debug)]
pub(super) struct Capture {
    bytes: [u8; JSON_TEXT_BYTES_MAX],
    len: usize,
    on: bool,
    cut: bool,
    /// Of an escape: what its digits say so far.
    unit: u16,
    /// The first half of a pair, whose second has to follow at once.
    high: Option<u16>,
}

impl Default for Capture {
    fn default() -> Self {
        let bytes = [0; JSON_TEXT_BYTES_MAX];
        Self { bytes, len: 0, on: false, cut: false, unit: 0, high: None }
    }
}

impl Capture {
    /// Begins a text, which matters or does not.
    pub(super) fn begin(&mut self, matters: bool) {
        (self.len, self.cut, self.on) = (0, false, matters);
        (self.unit, self.high) = (0, None);
    }

    pub(super) fn stop(&mut self) {
        self.on = false;
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if !self.on || bytes.is_empty() {
            return;
        }
        if self.high.take().is_some() {
            self.append(REPLACEMENT);
        }
        self.append(bytes);
    }

    pub(super) fn digit(&mut self, digit: u8) {
        self.unit = self.unit << 4 | u16::from(digit);
    }

    /// Four digits are there: a UTF-16 code unit. Half a pair stands for nothing.
    pub(super) fn unit(&mut self) {
        let unit = std::mem::take(&mut self.unit);
        if !self.on {
            return;
        }
        let high = self.high.take();
        if (0xD800..0xDC00).contains(&unit) {
            if high.is_some() {
                self.append(REPLACEMENT);
            }
            self.high = Some(unit);
            return;
        }
        let units = [high.unwrap_or(unit), unit];
        let units = if high.is_some() { &units[..] } else { &units[..1] };
        for decoded in char::decode_utf16(units.iter().copied()) {
            let meant = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.append(meant.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// The text is complete.
    pub(super) fn finish(&mut self) {
        if self.high.take().is_some() {
            self.append(REPLACEMENT);
        }
    }

    /// All of it, if it was kept.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (self.on && !self.cut).then(|| self.text().0)
    }

    /// What was kept, and whether that is less than there was.
    pub(super) fn text(&self) -> (&[u8], bool) {
        (&self.bytes[..self.len], self.cut)
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = self.bytes.len() - self.len;
        let kept = bytes.len().min(room);
        self.bytes[self.len..self.len + kept].copy_from_slice(&bytes[..kept]);
        self.len += kept;
        self.cut |= kept < bytes.len();
    }
}

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();
