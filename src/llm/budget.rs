//! Budgets: what may be used of models in a period, and what was. A request counts against all that
//! are for its key, its team and its model: each has something left, and an estimate is held of
//! each, or it is refused. What it used takes the place of the estimate when it is over.
//!
//! A budget is overdrawn by one request at the most, the last that was let in, and by what
//! estimates were too low. Who holds its limit is `base::account`: atomics, no lock.
//!
//! `Budgets` is compiled and immutable; a `Purse` is what all snapshots share of one budget, found
//! by its name. Owns no file: what was used is written down by control.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::base::account::{Account, Held, KINDS};
use crate::base::id::KeyId;
use crate::base::period::Period;
use crate::limits::{BUDGET_NANOS_PER_TOKEN, BUDGETS_MAX};
use crate::policy::api_key::Pattern;

/// See the module.
#[derive(Debug, Default)]
pub struct Budgets {
    pub list: Vec<Budget>,
    /// Those that are for a key, by its place.
    pub by_key: Vec<Box<[u32]>>,
    /// Those for who has none.
    pub others: Box<[u32]>,
    /// Nobody is let in while nothing can be written down.
    pub fails_closed: bool,
    /// That this is so.
    pub lost: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
pub struct Budget {
    pub name: Box<str>,
    /// Whom it is for.
    pub key: Option<Box<str>>,
    pub team: Option<Box<str>>,
    pub model: Option<(Box<str>, Pattern)>,
    /// By `TOKENS` and `NANOS_USD`.
    pub limits: [Option<u64>; KINDS],
    pub period: Period,
    pub purse: Arc<Purse>,
}

/// What is known of a budget, whatever its limits are.
#[derive(Debug)]
pub struct Purse {
    pub account: Account,
    /// Requests that it refused.
    denied: AtomicU64,
    /// What a token cost lately: billionths of a dollar.
    nanos_per_token: AtomicU64,
}

pub const TOKENS: usize = 0;
pub const NANOS_USD: usize = 1;

/// The purses of all budgets that there were, by their names. Control has it, and nobody else.
#[derive(Debug, Default)]
pub struct Purses {
    known: RefCell<BTreeMap<Box<str>, Arc<Purse>>>,
    /// What was used cannot be written down, or was not read.
    pub lost: Arc<AtomicBool>,
}

/// What was held of each budget for one request. Dropped, it gives all of it back.
#[derive(Debug)]
pub struct Hold<'a> {
    budgets: &'a Budgets,
    held: Vec<(u32, Held)>,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The seconds until there is another budget, where there will be one.
    Over(Option<u32>),
    Lost,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    pub tokens: u64,
    /// None: nobody knows the price.
    pub nanos_usd: Option<u64>,
}

impl Budgets {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Holds so many tokens, and what they may cost, of every budget that the request is for.
    ///
    /// # Errors
    /// Of one of them nothing is left.
    pub fn hold(
        &self,
        key: Option<KeyId>,
        model: &[u8],
        tokens: u64,
        now: i64,
    ) -> Result<Hold<'_>, Refused> {
        let mut hold = Hold { budgets: self, held: Vec::new() };
        for at in self.of(key) {
            let budget = &self.list[*at as usize];
            if budget.model.as_ref().is_some_and(|(_, pattern)| !pattern.fits(model)) {
                continue;
            }
            if self.fails_closed && self.lost.load(Relaxed) {
                return Err(Refused::Lost);
            }
            let turn = budget.period.at(now);
            let nanos = tokens.saturating_mul(budget.purse.nanos_per_token.load(Relaxed));
            let held = budget.purse.account.hold(turn.index, [tokens, nanos], budget.limits);
            let Ok(held) = held else {
                budget.purse.deny();
                return Err(Refused::Over(turn.end.map(|end| seconds(end - now))));
            };
            hold.held.push((*at, held));
        }
        Ok(hold)
    }

    fn of(&self, key: Option<KeyId>) -> &[u32] {
        key.and_then(|key| self.by_key.get(key.index())).unwrap_or(&self.others)
    }
}

/// One at the least: who comes back at once is refused again.
fn seconds(left: i64) -> u32 {
    u32::try_from(left.max(1)).unwrap_or(u32::MAX)
}

impl Hold<'_> {
    /// What was used takes the place of what was held.
    pub fn settle(mut self, bill: Bill) {
        for (at, held) in std::mem::take(&mut self.held) {
            let purse = &self.budgets.list[at as usize].purse;
            purse.account.settle(held, [bill.tokens, bill.nanos_usd.unwrap_or(0)]);
            purse.learn(bill);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        for (at, held) in &self.held {
            self.budgets.list[*at as usize].purse.account.settle(*held, [0; KINDS]);
        }
    }
}

impl Default for Purse {
    fn default() -> Self {
        Self {
            account: Account::default(),
            denied: AtomicU64::new(0),
            nanos_per_token: AtomicU64::new(BUDGET_NANOS_PER_TOKEN),
        }
    }
}

impl Purse {
    pub fn denied(&self) -> u64 {
        self.denied.load(Relaxed)
    }

    fn deny(&self) {
        let _ = self.denied.fetch_update(Relaxed, Relaxed, |count| Some(count.wrapping_add(1)));
    }

    /// A dearer token counts at once, a cheaper one by and by.
    fn learn(&self, bill: Bill) {
        let price = bill.nanos_usd.and_then(|nanos| nanos.checked_div(bill.tokens));
        if let Some(price) = price {
            let last = self.nanos_per_token.load(Relaxed);
            let next = if price >= last { price } else { last - (last - price).div_ceil(8) };
            self.nanos_per_token.store(next, Relaxed);
        }
    }
}

impl Purses {
    /// That of the budget of this name; a new one where there was none.
    pub fn of(&self, name: &str) -> Arc<Purse> {
        let mut known = self.known.borrow_mut();
        if known.len() >= 2 * BUDGETS_MAX {
            known.retain(|_, purse| Arc::strong_count(purse) > 1);
        }
        if let Some(purse) = known.get(name) {
            return Arc::clone(purse);
        }
        let purse = Arc::<Purse>::default();
        known.insert(name.into(), Arc::clone(&purse));
        purse
    }
}

#[cfg(test)]
mod tests;
