//! One line on a terminal's standard error that says how it goes, once a second.

use std::io::{IsTerminal, Write};

use super::units;
use crate::os;
use crate::outcome::Second;
use crate::plan::Plan;

pub struct Line {
    on: bool,
    open_loop: bool,
    seconds: u64,
}

impl Line {
    pub fn new(plan: &Plan, quiet: bool) -> Self {
        let on = !quiet && std::io::stderr().is_terminal();
        let seconds = plan.duration.as_secs_f64().ceil() as u64;
        Self { on, open_loop: plan.open_loop(), seconds }
    }

    pub fn show(&self, second: &Second) {
        if !self.on {
            return;
        }
        let columns = os::terminal_columns().unwrap_or(80);
        let text = self.text(second);
        let text: String = text.chars().take(columns.saturating_sub(1)).collect();
        let mut terminal = std::io::stderr().lock();
        // A terminal that is gone is no reason to end the load.
        let _ = write!(terminal, "\r\x1b[K{text}").and_then(|()| terminal.flush());
    }

    fn text(&self, second: &Second) -> String {
        let (at, of, rate) = (second.at + 1, self.seconds, units::count(second.answers));
        let (p50, p99) = (units::nanos(second.p50_ns), units::nanos(second.p99_ns));
        let kind = if self.open_loop { "" } else { " (closed loop)" };
        let errors = units::count(second.errors);
        let done = (at.min(of) * 20 / of.max(1)) as usize;
        let bar = "━".repeat(done) + &"─".repeat(20 - done);
        format!("{bar} {at}/{of} s  {rate}/s  p50 {p50}  p99 {p99}{kind}  {errors} errors")
    }

    pub fn clear(&self) {
        if self.on {
            eprint!("\r\x1b[K");
        }
    }
}
