//! Whole answers of Anthropic's Messages.

use super::super::{Broken, Caller, Generation};

/// Reads an answer.
///
/// # Errors
/// It is none.
pub fn read(_body: &[u8]) -> Result<Generation, Broken> {
    Err(Broken)
}

/// Appends an answer.
pub fn write(_generation: &Generation, _caller: &Caller, _out: &mut Vec<u8>) {}
