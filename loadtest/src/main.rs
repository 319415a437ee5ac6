//! The command line of the load harness. See the library's documentation for what it does.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use loadtest::{Refusal, origin, scenario};

/// Says what the gateway, or any HTTP service, can take, and at what cost.
#[derive(Parser)]
#[command(name = "loadtest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts an upstream to test against.
    Origin(origin::Args),
    /// Runs a scenario, and says by its exit code whether it passed.
    Scenario(scenario::Args),
}

fn main() -> ExitCode {
    let result: Result<ExitCode, Refusal> = match Cli::parse().command {
        Command::Origin(args) => origin::main(&args),
        Command::Scenario(args) => scenario::main(&args),
    };
    result.unwrap_or_else(|refusal| {
        eprintln!("loadtest: {refusal}");
        ExitCode::from(2)
    })
}
