//! What budgets have used, on the disk: so that a restart forgets nothing, and a process that takes
//! over goes on where the last one is.
//!
//! A thread of its own writes, since a disk may take any time. It has the store open for as long as
//! it takes to add what was used since the last time, and no longer: so that two processes share
//! one while one takes the place of the other (or for good, if somebody runs two with one store).
//! Each adds its own and learns the other's in the same transaction, and neither owns it. What a
//! process that is killed had not written yet is lost: as much as is used in one interval.
//!
//! What cannot be written is kept in memory and tried again; it is counted, said once, and shown by
//! `Purses::lost`. A store that cannot be read is left as it is: nothing is written over what
//! somebody may want to repair.

mod store;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::store::{Change, Failure, Stamp};
use crate::base::account::{Balance, KINDS};
use crate::base::period::Period;
use crate::limits::{BUDGET_ORDERS_MAX, BUDGET_STORE_ANSWER_MS_MAX, BUDGET_SWEEP_SECONDS};
use crate::llm::budget::{Budgets, Purse};

/// Where it is kept, and how.
#[derive(Clone, Debug)]
pub struct LedgerSpec {
    pub path: PathBuf,
    pub interval: Duration,
    /// For how long a budget is known that is configured no more.
    pub kept_seconds: u64,
}

/// Control's end of the thread. Dropped without `stop`, it writes what there is and ends.
pub struct Ledger {
    orders: Sender<Order>,
    errors: Arc<AtomicU64>,
    thread: JoinHandle<()>,
    /// Or a file that may not grow would end the process.
    _oversized: Option<Signal>,
}

enum Order {
    /// These are in use from now on.
    Follow(Vec<Followed>, Sender<()>),
    Write,
    Stop(Sender<()>),
}

/// A budget as far as it is written down.
struct Followed {
    name: Box<str>,
    period: Period,
    purse: Arc<Purse>,
}

impl Ledger {
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(spec: LedgerSpec, lost: Arc<AtomicBool>) -> io::Result<Self> {
        let oversized = signal(SignalKind::from_raw(libc::SIGXFSZ)).ok();
        let (orders, inbox) = bounded(BUDGET_ORDERS_MAX);
        let errors = Arc::<AtomicU64>::default();
        let mut writing = Writing {
            spec,
            lost,
            errors: Arc::clone(&errors),
            followed: Vec::new(),
            written: BTreeMap::new(),
            stamp: None,
            swept: None,
            is_failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("ringway-ledger".to_owned())
            .spawn(move || writing.run(&inbox))?;
        Ok(Self { orders, errors, thread, _oversized: oversized })
    }

    /// Knows the budgets of this configuration from now on, and has looked up what they used: as
    /// far as the disk answers in time.
    pub fn follow(&self, budgets: &Budgets) {
        let followed = |budget: &crate::llm::budget::Budget| Followed {
            name: budget.name.clone(),
            period: budget.period,
            purse: Arc::clone(&budget.purse),
        };
        let all = budgets.list.iter().map(followed).collect();
        if !self.order(|done| Order::Follow(all, done)) {
            tracing::warn!("the store of budgets is slow: what they used is known later");
        }
    }

    /// Writes soon, without waiting for it.
    pub fn write(&self) {
        let _ = self.orders.try_send(Order::Write);
    }

    /// Writes what there is, and ends. False when that takes too long.
    pub fn stop(self) -> bool {
        self.order(Order::Stop) && self.thread.join().is_ok()
    }

    /// Times that nothing could be read or written.
    pub fn errors(&self) -> u64 {
        self.errors.load(Relaxed)
    }

    fn order(&self, order: impl FnOnce(Sender<()>) -> Order) -> bool {
        let patience = Duration::from_millis(BUDGET_STORE_ANSWER_MS_MAX);
        let (done, answer) = bounded(1);
        self.orders.send_timeout(order(done), patience).is_ok()
            && answer.recv_timeout(patience).is_ok()
    }
}

/// What the thread owns.
struct Writing {
    spec: LedgerSpec,
    lost: Arc<AtomicBool>,
    errors: Arc<AtomicU64>,
    followed: Vec<Followed>,
    /// What the store has of each by what we know: our own and that of others.
    written: BTreeMap<Box<str>, Balance>,
    /// The file as we left it.
    stamp: Option<Stamp>,
    /// When those that are configured no more were looked through.
    swept: Option<Instant>,
    is_failing: bool,
}

impl Writing {
    fn run(&mut self, inbox: &Receiver<Order>) {
        loop {
            match inbox.recv_timeout(self.spec.interval) {
                Err(RecvTimeoutError::Timeout) | Ok(Order::Write) => {
                    self.write();
                }
                Ok(Order::Follow(all, done)) => {
                    self.write();
                    self.followed = all;
                    self.stamp = None;
                    self.swept = None;
                    self.write();
                    // Who ordered may have lost its patience.
                    let _ = done.send(());
                }
                Ok(Order::Stop(done)) => {
                    // Whoever is at it now is done soon, and nobody writes for us afterwards.
                    let _ = (0..LAST_WRITES).any(|_| self.write());
                    let _ = done.send(());
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.write();
                    return;
                }
            }
        }
    }

    /// False where another process is at it.
    fn write(&mut self) -> bool {
        if self.followed.is_empty() {
            return true;
        }
        let written = self.try_write();
        let is_busy = matches!(written, Err(Failure::Busy));
        match written {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::warn!("the store of budgets is written again");
                }
                self.lost.store(false, Relaxed);
            }
            // Another process is at it: it is done in a moment.
            Err(Failure::Busy) if !self.is_failing && self.stamp.is_some() => (),
            Err(failure) => {
                let _ = self.errors.fetch_update(Relaxed, Relaxed, |n| Some(n.wrapping_add(1)));
                self.lost.store(true, Relaxed);
                if !std::mem::replace(&mut self.is_failing, true) {
                    let path = self.spec.path.display();
                    tracing::error!("what budgets use is kept in memory alone: {path}: {failure}");
                }
            }
        }
        !is_busy
    }

    fn try_write(&mut self) -> Result<(), Failure> {
        let now = unix_seconds();
        let balance = |one: &Followed| one.purse.account.balance(one.period.at(now).index);
        let balances: Vec<Balance> = self.followed.iter().map(balance).collect();
        let is_known = |(one, balance): (&Followed, &Balance)| {
            let nothing = Balance { used: [0; KINDS], ..*balance };
            let written = self.written.get(&one.name).copied();
            written.filter(|written| written.index == balance.index).unwrap_or(nothing) == *balance
        };
        let sweeps = self.swept.is_none_or(|at| at.elapsed() >= SWEEP);
        let unchanged = self.stamp.is_some() && Stamp::of(&self.spec.path) == self.stamp;
        if unchanged && !sweeps && self.followed.iter().zip(&balances).all(is_known) {
            return Ok(());
        }
        let changes = self.followed.iter().zip(&balances).map(|(one, balance)| {
            let written = self.written.get(&one.name);
            let written = written.filter(|written| written.index == balance.index);
            let before = written.map_or([0; KINDS], |written| written.used);
            Change {
                name: &one.name,
                index: balance.index,
                by: difference(balance.used, before),
                whole: balance.used,
                touch: sweeps,
            }
        });
        let changes: Vec<Change<'_>> = changes.collect();
        let kept_since = sweeps.then(|| now.saturating_sub_unsigned(self.spec.kept_seconds));
        let totals = store::apply(&self.spec.path, &changes, now, kept_since)?;
        for ((one, balance), total) in self.followed.iter().zip(&balances).zip(totals) {
            // What others used.
            one.purse.account.correct(balance.index, difference(total, balance.used));
            let written = Balance { index: balance.index, used: total };
            self.written.insert(one.name.clone(), written);
        }
        if sweeps {
            self.swept = Some(Instant::now());
            let known = |name: &str| self.followed.iter().any(|one| *one.name == *name);
            self.written.retain(|name, _| known(name));
        }
        self.stamp = Stamp::of(&self.spec.path);
        Ok(())
    }
}

fn difference(now: [u64; KINDS], before: [u64; KINDS]) -> [i64; KINDS] {
    // Both are far below what would not fit.
    [0, 1].map(|kind: usize| now[kind].cast_signed() - before[kind].cast_signed())
}

/// By the clock of the system: what is written has to mean the same after a restart.
pub fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A file for them in the folder that systemd keeps for the service.
pub fn default_path() -> Option<PathBuf> {
    let folder = std::env::var("STATE_DIRECTORY").ok()?;
    // Several are told with colons between them.
    let first = folder.split(':').next().filter(|first| !first.is_empty())?;
    Some(Path::new(first).join("budgets.redb"))
}

/// Tries of the last one to write, each as long as a store may be busy.
const LAST_WRITES: usize = 4;
const SWEEP: Duration = Duration::from_secs(BUDGET_SWEEP_SECONDS);

#[cfg(test)]
mod tests;
