//! Streamed answers of Bedrock's Converse.

use super::super::{Broken, Caller, Event};

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub struct Reader;

impl Reader {
    /// Takes one event: its name, empty where it has none, and its data.
    ///
    /// # Errors
    /// It is nothing that the dialect has.
    pub fn read(
        &mut self,
        _name: &[u8],
        _data: &[u8],
        _sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), Broken> {
        Err(Broken)
    }

    /// The body came to its end.
    pub fn end(&mut self, _sink: &mut impl FnMut(&Event<'_>)) {}
}

/// Writes the events of one answer.
#[derive(Debug, Default)]
pub struct Writer;

impl Writer {
    /// Appends what the event is on the wire.
    pub fn write(&mut self, _event: &Event<'_>, _caller: &Caller, _out: &mut Vec<u8>) {}
}
