//! An outcome as text, JSON, HTML, or for other tools; and against an earlier one.

use crate::outcome::Outcome;

/// The report for a terminal, without colour.
pub fn text(outcome: &Outcome) -> String {
    format!("{} answers, {} errors", outcome.tally.answers, outcome.errors())
}
