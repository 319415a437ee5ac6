//! Requests of OpenAI's chat completions.

use super::super::{Caller, Line, Prompt, Provider, Refused};

/// Reads a request.
///
/// # Errors
/// It is none, or says what no other dialect can.
pub fn read(_body: &[u8], _line: Line<'_>) -> Result<Prompt, Refused> {
    Err(LATER)
}

/// Appends the body of a request. What `caller` has to know of it is put down there.
///
/// # Errors
/// The dialect cannot say it.
pub fn write(
    _prompt: &Prompt,
    _provider: &Provider<'_>,
    _caller: &mut Caller,
    _out: &mut Vec<u8>,
) -> Result<(), Refused> {
    Err(LATER)
}

const LATER: Refused = Refused(std::borrow::Cow::Borrowed("not translated yet"));
