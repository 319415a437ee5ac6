//! The way through the limits of a cluster: so many requests and connections at a time, so many that
//! wait for their turn, for so long. Who is let in holds its place until it is dropped.
//!
//! Waiting is by worker, first come first served; what another worker gives back is looked for now
//! and then. Only clusters with limits come here.

use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use super::failure::Failure;
use super::lease::{self, Caller, Lease, To};
use crate::base::clock::Instant;
use crate::http::client::waiters::Ticket;
use crate::limits::CIRCUIT_LOOK_EVERY;
use crate::net::deadline::{Action, Ends};
use crate::upstream::Local;
use crate::upstream::circuit::{Limits, Slot};
use crate::upstream::cluster::Traffic;

/// A request that was let in.
pub struct Entered<'a> {
    _slot: Option<Slot<'a>>,
    local: &'a Local,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // Before its place is free: whoever is woken looks a moment later.
        self.local.waiters.wake(1);
    }
}

/// The limits of a cluster that has some.
fn limits(local: &Local) -> Option<(&Limits, &Traffic)> {
    local.cluster.settings.circuit.as_ref().zip(local.cluster.traffic.as_deref())
}

/// Whether a request is let in at once.
pub enum Entry<'a> {
    /// With nothing where there are no limits.
    Free(Option<Entered<'a>>),
    Full,
}

/// Lets a request in, if there is room and nobody waits for it.
pub fn enter(local: &Rc<Local>) -> Entry<'_> {
    let Some((limits, traffic)) = limits(local) else { return Entry::Free(None) };
    let slot = match limits.requests_max {
        None => None,
        Some(_) if !local.waiters.is_empty() => return Entry::Full,
        Some(most) => match Slot::take(&traffic.board.requests, most) {
            None => return Entry::Full,
            taken => taken,
        },
    };
    Entry::Free(Some(Entered { _slot: slot, local }))
}

/// Lets a request in when its turn comes.
///
/// # Errors
/// `CircuitOpen`.
pub async fn wait_to_enter<'a>(
    caller: Caller<'_>,
    local: &'a Rc<Local>,
) -> Result<Entered<'a>, Failure> {
    let (limits, traffic) = limits(local).ok_or(Failure::CircuitOpen)?;
    let (gate, most) = (&traffic.board.requests, limits.requests_max.unwrap_or(u32::MAX));
    let again = || std::future::ready(Ok(Slot::take(gate, most)));
    let slot = wait(caller, local, limits.waiting_max, again).await?;
    Ok(Entered { _slot: Some(slot), local })
}

/// A connection to the endpoint, when there may be none at the moment: an idle one to another
/// endpoint makes room, or one that comes back is waited for.
///
/// # Errors
/// `CircuitOpen`, and those of `Lease::open`.
pub async fn connection(caller: Caller<'_>, to: To<'_>) -> Result<Lease, Failure> {
    let Some((limits, _)) = limits(to.local) else { return Err(Failure::CircuitOpen) };
    let others = || to.local.pools.iter().find_map(|pool| pool.evict());
    let made_room = match others() {
        Some(connection) => {
            lease::close_all(caller.view, vec![connection]);
            true
        }
        None => false,
    };
    // Room that was made is a moment away, and worth that moment.
    let waiting_max = if made_room { u32::MAX } else { limits.waiting_max };
    let again = || async {
        if let Some(lease) = Lease::reuse(caller, to) {
            return Ok(Some(lease));
        }
        match Lease::open(caller, to).await {
            Ok(lease) => Ok(Some(lease)),
            Err(Failure::CircuitOpen) => Ok(None),
            Err(failure) => Err(failure),
        }
    };
    wait(caller, to.local, waiting_max, again).await
}

/// Tries again whenever something may have become free, until the time is up.
async fn wait<T, F: Future<Output = Result<Option<T>, Failure>>>(
    caller: Caller<'_>,
    local: &Local,
    waiting_max: u32,
    mut again: impl FnMut() -> F,
) -> Result<T, Failure> {
    let resources = &caller.view.resources;
    let (limits, traffic) = limits(local).expect("who waits has something to wait for");
    let rejected = || {
        traffic.board.rejected.fetch_add(1, Relaxed);
        Failure::CircuitOpen
    };
    let Some(_waiting) = Slot::take(&traffic.board.waiting, waiting_max) else {
        return Err(rejected());
    };
    let until = resources.clock.now().plus(limits.wait);
    let ticket = local.waiters.ticket();
    loop {
        let left = until.nanos_since(resources.clock.now());
        if left == 0 || caller.client.is_some_and(|client| client.stream.is_dead()) {
            return Err(rejected());
        }
        turn(caller, local, ticket, until).await;
        if let Some(found) = again().await? {
            return Ok(found);
        }
    }
}

/// Waits until something may have become free, or a moment.
async fn turn(caller: Caller<'_>, local: &Local, ticket: Ticket, until: Instant) {
    let resources = &caller.view.resources;
    let now = resources.clock.now();
    let left = std::time::Duration::from_nanos(until.nanos_since(now));
    let deadline = resources.wheel.register(Ends::Nothing);
    // Together they look about as often, however many they are.
    let look = CIRCUIT_LOOK_EVERY.saturating_mul(1 + local.waiters.len() as u32 / CROWD);
    deadline.set(now, left.min(look), Action::Wake);
    local.waiters.turn(ticket, &deadline).await;
}

/// Those who wait look by themselves as often as they may, up to so many.
const CROWD: u32 = 8;
