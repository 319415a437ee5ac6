//! What the executable does beside being a gateway: it prints something and ends.

use clap::CommandFactory;
use clap_mangen::Man;

use super::cli::{Action, Options};
use super::{EXIT_FAILED, EXIT_OK, doctor, fail, print};

/// The exit code; `None` for what takes the runtime: a gateway, an upgrade.
pub(super) fn run(options: &Options) -> Option<u8> {
    let mut text = Vec::new();
    match options.command.as_ref()? {
        Action::Upgrade(_) => return None,
        Action::Doctor { json } => return Some(examine(*json)),
        Action::Man => {
            if let Err(error) = Man::new(Options::command()).render(&mut text) {
                return Some(fail(&format!("ringway: no manual page: {error}")));
            }
        }
        Action::Completions { shell } => {
            clap_complete::generate(*shell, &mut Options::command(), "ringway", &mut text);
        }
    }
    print(String::from_utf8_lossy(&text).trim_end());
    Some(EXIT_OK)
}

fn examine(json: bool) -> u8 {
    let findings = doctor::examine(&doctor::Machine::here());
    let text = if json { doctor::json(&findings) } else { doctor::text(&findings) };
    print(text.trim_end());
    if doctor::failed(&findings) { EXIT_FAILED } else { EXIT_OK }
}
