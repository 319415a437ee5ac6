//! Upstreams to test against: `loadtest origin http|llm|sse|tcp`.

use std::process::ExitCode;

use crate::plan::Refusal;

#[derive(clap::Args, Clone, Debug)]
pub struct Args {}

/// # Errors
/// Why it cannot be started.
pub fn main(_args: &Args) -> Result<ExitCode, Refusal> {
    Err(Refusal("origin: not there yet".to_owned()))
}
