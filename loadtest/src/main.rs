//! The command line of the load harness. See the library's documentation for what it does.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use loadtest::args::RunArgs;
use loadtest::capacity::CapacityArgs;
use loadtest::{origin, scenario};

/// Says what the gateway, or any HTTP service, can take, and at what cost.
#[derive(Parser)]
#[command(name = "loadtest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Loads a target, and reports what it did.
    Run(Box<RunArgs>),
    /// Finds the highest rate that holds an objective.
    Capacity(Box<CapacityArgs>),
    /// Starts an upstream to test against.
    Origin(origin::Args),
    /// Runs a scenario, and says by its exit code whether it passed.
    Scenario(scenario::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let result = match cli.command {
        Command::Run(args) => args.main(),
        Command::Capacity(args) => args.main(),
        Command::Origin(args) => origin::main(&args),
        Command::Scenario(args) => scenario::main(&args),
    };
    result.unwrap_or_else(|refusal| {
        eprintln!("loadtest: {refusal}");
        ExitCode::from(2)
    })
}

/// Help as it is; of an error the one line that says it.
fn explain(error: &clap::Error) -> ExitCode {
    let help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if help {
        let _ = error.print();
        return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    eprintln!("loadtest: {}", line.strip_prefix("error: ").unwrap_or(line));
    ExitCode::from(2)
}
