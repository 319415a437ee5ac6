//! All that is wrong with a configuration, at once: each problem with its path, its place and,
//! where one is known, a hint. It does not decide what is wrong. Owns no state beyond the list.

use std::fmt;

use serde::Serialize;

use crate::limits;

/// Where a problem stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// Counted from 1, in characters of the file as it was written.
    File {
        line: u32,
        column: u32,
    },
    /// A variable of the environment: it has no line.
    Environment,
    CommandLine,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub place: Place,
    /// As in `binds[0].listeners[1].routes[0].matches[0].path`; empty for the file as a whole.
    pub path: String,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    origin: String,
    problems: Vec<Problem>,
}

impl Diagnostics {
    /// `origin` is the name of the file in every message.
    pub fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), problems: Vec::new() }
    }

    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value if nothing is wrong with it, else all that is, in the order of the file.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => {
                debug_assert!(!self.problems.is_empty(), "no value, and nobody said why");
                Err(self.sorted())
            }
        }
    }

    /// In the order of the file.
    pub fn sorted(mut self) -> Self {
        self.problems.sort_by(|a, b| (a.place, &a.path).cmp(&(b.place, &b.path)));
        self
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(limits::CONFIG_PROBLEMS_MAX).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match problem.place {
                Place::File { line, column } => write!(f, "{}:{line}:{column}: ", self.origin)?,
                Place::Environment => write!(f, "environment: ")?,
                Place::CommandLine => write!(f, "command line: ")?,
            }
            if !problem.path.is_empty() {
                write!(f, "{}: ", problem.path)?;
            }
            write!(f, "{}", problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n    hint: {hint}")?;
            }
        }
        match self.problems.len().saturating_sub(limits::CONFIG_PROBLEMS_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// The known word that `written` was most likely meant to be.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(written);
    let allowed = (folded.len() / 3).clamp(1, 3);
    let near = known.into_iter().filter_map(|word| {
        let candidate = fold(word);
        let begins = folded.len() >= 3 && candidate.starts_with(&folded);
        let distance = if begins { 1 } else { distance(&folded, &candidate) };
        (distance <= allowed).then_some((distance, word))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

/// What a file says must not move the cursor of the terminal that it is told on.
pub fn visible(text: &str) -> String {
    let mut visible = String::new();
    for c in text.chars() {
        match c.is_control() {
            true => visible.extend(c.escape_default()),
            false => visible.push(c),
        }
    }
    visible
}

/// `connect_timeout`, `Connect-Timeout` and `connectTimeout` are one word to a reader.
fn fold(word: &str) -> Vec<u8> {
    let letters = word.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
    letters.map(|byte| byte.to_ascii_lowercase()).collect()
}

/// Levenshtein's distance, and a swap of neighbours counts as one.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests;
