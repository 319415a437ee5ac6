//! A handshake message read across the records it came in: no copy, no state beyond the call.

use super::{ClientHelloError, HANDSHAKE};
use crate::limits::KIB;

/// Why a read went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes are not there yet.
    Short,
    Bad(ClientHelloError),
}

const PLAIN_BYTES_MAX: usize = 16 * KIB;

pub(super) struct Message<'a> {
    input: &'a [u8],
    at: usize,
    /// Bytes of the current record that were not read.
    record: usize,
    /// Bytes of the message that were not read.
    message: usize,
}

impl<'a> Message<'a> {
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, record: 0, message: usize::MAX }
    }

    /// The message has so many bytes from here.
    pub(super) const fn enter(&mut self, bytes: usize) {
        self.message = bytes;
    }

    pub(super) const fn left(&self) -> usize {
        self.message
    }

    /// Bytes of the input that were read, heads of records included.
    pub(super) const fn consumed(&self) -> usize {
        self.at
    }

    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        let mut byte = [0];
        self.read(&mut byte)?;
        Ok(byte[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        let mut bytes = [0; 2];
        self.read(&mut bytes)?;
        Ok(u16::from_be_bytes(bytes))
    }

    pub(super) fn u24(&mut self) -> Result<usize, Fault> {
        let mut bytes = [0; 4];
        self.read(&mut bytes[1..])?;
        Ok(u32::from_be_bytes(bytes) as usize)
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<(), Fault> {
        let mut done = 0;
        self.walk(into.len(), |piece| {
            into[done..done + piece.len()].copy_from_slice(piece);
            done += piece.len();
        })
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), Fault> {
        self.walk(count, |_| {})
    }

    fn walk(&mut self, mut count: usize, mut each: impl FnMut(&[u8])) -> Result<(), Fault> {
        if count > self.message {
            return Err(Fault::Bad(ClientHelloError::BadLength));
        }
        while count > 0 {
            if self.record == 0 {
                self.next_record()?;
            }
            let end = self.input.len().min(self.at + count.min(self.record));
            let piece = &self.input[self.at..end];
            if piece.is_empty() {
                return Err(Fault::Short);
            }
            each(piece);
            self.at = end;
            self.record -= piece.len();
            self.message -= piece.len();
            count -= piece.len();
        }
        Ok(())
    }

    fn next_record(&mut self) -> Result<(), Fault> {
        let head = &self.input[self.at..];
        // The first bytes tell, before a length is believed.
        let known = head.first().is_none_or(|&kind| kind == HANDSHAKE)
            && head.get(1).is_none_or(|&major| major == 3)
            && head.get(2).is_none_or(|&minor| minor <= 4);
        if !known {
            return Err(Fault::Bad(ClientHelloError::NotTls));
        }
        let [_, _, _, high, low, ..] = head else { return Err(Fault::Short) };
        let bytes = usize::from(u16::from_be_bytes([*high, *low]));
        // RFC 8446 section 5.1 forbids empty ones.
        if bytes == 0 || bytes > PLAIN_BYTES_MAX {
            return Err(Fault::Bad(ClientHelloError::NotTls));
        }
        self.at += 5;
        self.record = bytes;
        Ok(())
    }
}
