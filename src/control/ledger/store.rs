//! The file: one table, a row for each budget. A transaction opens it, adds what changed, tells
//! what it has then, and closes it. redb says that two processes are never at it at once, and that
//! one that is killed in the middle leaves it as it was.

#![expect(clippy::disallowed_methods, reason = "a thread of control's own, which may wait")]

use std::fmt;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, ReadableTable, TableDefinition};

use crate::base::account::{Amounts, KINDS};
use crate::limits::{BUDGET_STORE_BUSY_MS, BUDGET_STORE_BUSY_MS_MAX, KIB};

/// What became of one budget since the last time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub name: &'a str,
    pub index: i64,
    pub by: [i64; KINDS],
    /// All that we know of: it counts where the store knows nothing of this period.
    pub whole: Amounts,
    /// It is in use, whether something changed or not.
    pub touch: bool,
}

#[derive(Debug)]
pub(super) enum Failure {
    /// Another process has it open.
    Busy,
    Broken(String),
}

/// What of a file changes with every transaction: its first bytes, where redb has their numbers.
/// The time of a file is too coarse to tell two of them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    head: Vec<u8>,
}

/// The number of the period, tokens, billionths of a dollar, when it was in use last.
type Row = (i64, u64, u64, i64);

const ROWS: TableDefinition<'_, &str, Row> = TableDefinition::new("budgets-1");

/// What the store has of each behind it, in the same order. Rows that were not in use since
/// `kept_since` are taken out.
pub(super) fn apply(
    path: &Path,
    changes: &[Change<'_>],
    now: i64,
    kept_since: Option<i64>,
) -> Result<Vec<Amounts>, Failure> {
    let began = Instant::now();
    loop {
        // A file that somebody else wrote may be anything: a panic over it is no reason to end.
        let tried = catch_unwind(AssertUnwindSafe(|| attempt(path, changes, now, kept_since)));
        match tried {
            Ok(Err(Failure::Busy)) if began.elapsed() < PATIENCE => thread::sleep(PAUSE),
            Ok(done) => return done,
            Err(_) => return Err(Failure::Broken("its pages make no sense".to_owned())),
        }
    }
}

fn attempt(
    path: &Path,
    changes: &[Change<'_>],
    now: i64,
    kept_since: Option<i64>,
) -> Result<Vec<Amounts>, Failure> {
    let database = Database::builder().set_cache_size(CACHE_BYTES).create(path)?;
    let transaction = database.begin_write().map_err(broken)?;
    let totals = {
        let mut rows = transaction.open_table(ROWS).map_err(broken)?;
        if let Some(since) = kept_since {
            rows.retain(|_, (_, _, _, seen)| seen >= since).map_err(broken)?;
        }
        let mut totals = Vec::with_capacity(changes.len());
        for change in changes {
            let known = rows.get(change.name).map_err(broken)?.map(|row| row.value());
            let (row, total) = change.on(known, now);
            if let Some(row) = row {
                rows.insert(change.name, row).map_err(broken)?;
            }
            totals.push(total);
        }
        totals
    };
    transaction.commit().map_err(broken)?;
    Ok(totals)
}

impl Change<'_> {
    /// The row that takes the place of the one that is there, if any does, and what is used then.
    fn on(&self, known: Option<Row>, now: i64) -> (Option<Row>, Amounts) {
        let changed = self.by != [0; KINDS];
        let row = |[tokens, nanos]: Amounts| Some((self.index, tokens, nanos, now));
        match known {
            Some((index, tokens, nanos, _)) if index == self.index => {
                let total = [
                    tokens.saturating_add_signed(self.by[0]),
                    nanos.saturating_add_signed(self.by[1]),
                ];
                (row(total).filter(|_| changed || self.touch), total)
            }
            // We are late: another process is in the next period already.
            Some((index, ..)) if index > self.index && index - self.index <= LATE_MAX => {
                (None, self.whole)
            }
            _ => {
                let anything = self.whole != [0; KINDS] || self.touch;
                (row(self.whole).filter(|_| anything), self.whole)
            }
        }
    }
}

fn broken(error: impl fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::Busy,
            other => broken(other),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another process has it open"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let file = fs::File::open(path).ok()?;
        let inode = file.metadata().ok()?.ino();
        let mut head = Vec::new();
        file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
        Some(Self { inode, head })
    }
}

/// A row has few bytes, and all of them are looked at once.
const CACHE_BYTES: usize = 4096 * KIB;
const HEAD_BYTES: u64 = 512;
const PATIENCE: Duration = Duration::from_millis(BUDGET_STORE_BUSY_MS_MAX);
const PAUSE: Duration = Duration::from_millis(BUDGET_STORE_BUSY_MS);
/// Periods that somebody may be late by.
const LATE_MAX: i64 = 16;
