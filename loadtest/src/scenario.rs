//! A file that says what to do to a gateway, and what it must hold: `loadtest scenario FILE`.

use std::process::ExitCode;

use crate::plan::Refusal;

#[derive(clap::Args, Clone, Debug)]
pub struct Args {}

/// # Errors
/// Why it cannot be run.
pub fn main(_args: &Args) -> Result<ExitCode, Refusal> {
    Err(Refusal("scenario: not there yet".to_owned()))
}
