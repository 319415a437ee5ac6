//! What h2load prints at its end, read. Owns no state.

use std::time::Duration;

use super::{Errand, Fault};
use crate::load::Error;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) elapsed: Duration,
    pub(super) succeeded: u64,
    pub(super) good_statuses: u64,
    pub(super) body_bytes: u64,
    pub(super) protocol: String,
    pub(super) cipher: Option<String>,
}

impl Printed {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let line = |start: &'static str| {
            text.lines().find_map(|line| line.strip_prefix(start)).ok_or(Fault::Unread(start))
        };
        let finished = line("finished in ")?;
        let elapsed = finished.split(',').next().and_then(duration);
        let succeeded = count(line("requests: ")?, " succeeded");
        let good_statuses = count(line("status codes: ")?, " 2xx");
        // Of the totals in parentheses, the last is of the data.
        let body_bytes = line("traffic: ")?.rsplit_once('(').and_then(|(_, rest)| {
            let (digits, what) = rest.split_once(')')?;
            what.trim().eq("data").then(|| digits.parse().ok())?
        });
        Ok(Self {
            elapsed: elapsed.ok_or(Fault::Unread("time"))?,
            succeeded: succeeded.ok_or(Fault::Unread("succeeded"))?,
            good_statuses: good_statuses.ok_or(Fault::Unread("2xx"))?,
            body_bytes: body_bytes.ok_or(Fault::Unread("data"))?,
            protocol: line("Application protocol: ")?.trim().to_owned(),
            cipher: line("Cipher: ").ok().map(|cipher| cipher.trim().to_owned()),
        })
    }

    /// Whether this is the work that was asked for, all of it.
    pub(super) fn check(&self, errand: &Errand<'_>, asked: u64) -> Result<(), Error> {
        let succeeded = self.succeeded.min(self.good_statuses);
        if succeeded != asked {
            return Err(Fault::Unanswered { succeeded, asked }.into());
        }
        let spoke = |what: &str, instead_of| {
            let what = what.to_owned();
            Err(Fault::Spoke { what, instead_of }.into())
        };
        let protocol = errand.dialect.protocol();
        if self.protocol != protocol {
            return spoke(&self.protocol, protocol);
        }
        if let Some(cipher) = errand.dialect.cipher()
            && self.cipher.as_deref() != Some(cipher)
        {
            return spoke(self.cipher.as_deref().unwrap_or("no cipher"), cipher);
        }
        let (expected, announced) = (asked * errand.body_bytes as u64, self.body_bytes);
        if expected == announced { Ok(()) } else { Err(Error::BodyBytes { expected, announced }) }
    }
}

/// The number before `what` in a list with commas.
fn count(list: &str, what: &str) -> Option<u64> {
    list.split(',').find_map(|item| item.trim().strip_suffix(what)?.parse().ok())
}

/// A number with `us`, `ms` or `s`, as h2load chooses.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(number.parse::<f64>().ok()? * seconds))
}
