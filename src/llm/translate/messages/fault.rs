//! Errors of Anthropic's Messages.

use super::super::Fault;
use super::super::fault::Trouble;

/// Reads the body of an answer that is an error, whatever it is. `kind`: what a head says of it
/// (`x-amzn-errortype`).
pub fn read(status: u16, _kind: Option<&str>, _body: &[u8]) -> Fault {
    let trouble = Trouble::of_status(status);
    Fault { trouble, message: String::new(), code: None, param: None }
}

/// Appends the body of an answer that is an error.
pub fn write(_fault: &Fault, _out: &mut Vec<u8>) {}
