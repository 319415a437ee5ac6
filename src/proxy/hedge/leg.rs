//! `Leg`: the second attempt of a hedged request, as the exchange has it; and the task that runs it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Hedging;
use crate::base::buffer::{Buffer, Buffers};
use crate::base::clock::Instant;
use crate::http::Exchange;
use crate::net::deadline::Action;
use crate::net::runtime;
use crate::net::socket::Side;
use crate::proxy::circuit::{self, Entry};
use crate::proxy::failure::Failure;
use crate::proxy::forward::attempt_limit;
use crate::proxy::judge;
use crate::proxy::lease::{Caller, Lease, To};
use crate::proxy::place::Routed;
use crate::snapshot::view::View;
use crate::telemetry::value::Counter;
use crate::upstream::Local;
use crate::upstream::cluster::Wish;
use crate::upstream::local::Turn;
use crate::upstream::retry::Retrying;

/// What an attempt wins with. Nothing is under way on its connection.
pub(super) struct Won {
    pub(super) lease: Lease,
    /// The first bytes of the answer.
    pub(super) first: Buffer,
    pub(super) sent: Instant,
    pub(super) turn: Option<Turn>,
}

/// A second attempt. It is ended when this is dropped.
pub(super) struct Leg(Rc<Handover>);

/// Where the task and the exchange meet.
struct Handover {
    state: RefCell<State>,
    /// The exchange that waits, and the task that does.
    exchange: Cell<Option<Waker>>,
    task: Cell<Option<Waker>>,
    buffers: Rc<Buffers>,
}

enum State {
    Running,
    Won(Box<Won>),
    Failed,
    /// Nobody waits for it any more.
    Late,
}

impl Leg {
    /// Asks another endpoint, if there is one, and the budget has room for it.
    pub(super) fn begin(
        routed: &Routed<'_>,
        exchange: &mut Exchange,
        hedging: &mut Hedging<'_>,
    ) -> Option<Self> {
        let To { local, endpoint, wish } = hedging.to;
        let resources = &routed.view.resources;
        let mut choice = hedging.choice;
        choice.avoid(endpoint);
        let other = choice.pick(resources, local).ok().filter(|other| *other != endpoint)?;
        let (retrying, message) = hedging.replay.hedge(routed, exchange, local)?;
        resources.shard.add(Counter::Hedges, 1);
        let handover = Rc::new(Handover {
            state: RefCell::new(State::Running),
            exchange: Cell::default(),
            task: Cell::default(),
            buffers: Rc::clone(&resources.buffers),
        });
        let task = Task {
            view: Rc::clone(routed.view),
            local: Rc::clone(local),
            endpoint: other,
            wish,
            limit: attempt_limit(routed, exchange).map(|(limit, _)| limit),
            write: routed.bind.settings.limits.write,
            handover: Rc::clone(&handover),
            _retrying: retrying,
        };
        let panicked = Rc::clone(resources);
        runtime::spawn(task.run(message), None, move || panicked.shard.add(Counter::Panics, 1));
        Some(Self(handover))
    }

    /// Ready with what it won with, or nothing when it failed.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Option<Box<Won>>> {
        let mut state = self.0.state.borrow_mut();
        if matches!(*state, State::Running) {
            self.0.exchange.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Late) {
            State::Won(won) => Poll::Ready(Some(won)),
            _ => Poll::Ready(None),
        }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        let state = self.0.state.replace(State::Late);
        if let State::Won(won) = state {
            // It came at the same moment as the other. Nothing is under way: it is closed.
            self.0.buffers.give(won.first);
        }
        if let Some(task) = self.0.task.take() {
            task.wake();
        }
    }
}

impl Handover {
    fn is_late(&self) -> bool {
        matches!(*self.state.borrow(), State::Late)
    }

    /// Ends the task's part; what it won with comes back if nobody waits for it.
    fn end(&self, won: Option<Box<Won>>) {
        if self.is_late() {
            if let Some(won) = won {
                self.buffers.give(won.first);
            }
            return;
        }
        *self.state.borrow_mut() = won.map_or(State::Failed, State::Won);
        if let Some(exchange) = self.exchange.take() {
            exchange.wake();
        }
    }
}

struct Task {
    view: Rc<View>,
    local: Rc<Local>,
    endpoint: usize,
    wish: Wish,
    limit: Option<Duration>,
    write: Duration,
    handover: Rc<Handover>,
    _retrying: Retrying,
}

impl Task {
    async fn run(self, message: Buffer) {
        let won = self.attempt(message).await;
        self.handover.end(won);
    }

    async fn attempt(&self, message: Buffer) -> Option<Box<Won>> {
        let resources = &self.view.resources;
        let lease = match circuit::enter(&self.local) {
            Entry::Free(entered) => {
                let turn = self.local.begin(self.endpoint);
                self.lease().await.map(|lease| (lease, turn, entered))
            }
            Entry::Full => None,
        };
        let Some((mut lease, turn, _entered)) = lease else {
            resources.buffers.give(message);
            return None;
        };
        if self.handover.is_late() {
            resources.buffers.give(message);
            lease.discard(&self.view);
            return None;
        }
        let sent = resources.clock.now();
        match self.first_bytes(&mut lease, message).await {
            Some(first) => Some(Box::new(Won { lease, first, sent, turn })),
            None => {
                lease.discard(&self.view);
                None
            }
        }
    }

    async fn lease(&self) -> Option<Lease> {
        let caller = Caller { view: &self.view, write: self.write, client: None };
        let to = To { local: &self.local, endpoint: self.endpoint, wish: self.wish };
        if let Some(lease) = Lease::reuse(caller, to) {
            return Some(lease);
        }
        let begun = self.view.resources.clock.now();
        let opened = Lease::open(caller, to).await;
        opened.inspect_err(|failure| self.judge(begun, *failure)).ok()
    }

    /// Sends the request and waits for what comes of it.
    async fn first_bytes(&self, lease: &mut Lease, message: Buffer) -> Option<Buffer> {
        let resources = &self.view.resources;
        let (buffers, clock) = (&resources.buffers, &resources.clock);
        let (begun, reused) = (clock.now(), lease.reused);
        let (stream, armed) = lease.connection.parts();
        let write = self.limit.map_or(self.write, |limit| limit.min(self.write));
        stream.deadline().set(begun, write, Action::EndBoth);
        let (sent, message) = stream.send_all(message).await;
        buffers.give(message);
        match self.limit {
            Some(limit) if sent.is_ok() => stream.deadline().set(begun, limit, Action::EndBoth),
            None if sent.is_ok() => stream.deadline().clear(),
            _ => (),
        }
        let done = poll_fn(|context| {
            if let Poll::Ready(done) = armed.poll(context) {
                return Poll::Ready(Some(done));
            }
            if self.handover.is_late() {
                return Poll::Ready(None);
            }
            self.handover.task.set(Some(context.waker().clone()));
            Poll::Pending
        });
        let Some((result, first)) = done.await else {
            stream.shutdown(Side::Both);
            let (_, first) = armed.finish().await;
            buffers.give(first);
            return None;
        };
        if matches!(result, Ok(1..)) {
            return Some(first);
        }
        let fired = stream.deadline().fired();
        buffers.give(first);
        if fired || !reused {
            let failure = if fired { Failure::AttemptSlow } else { Failure::UpstreamClosed };
            self.judge(begun, failure);
        }
        None
    }

    fn judge(&self, begun: Instant, failure: Failure) {
        let resources = &self.view.resources;
        judge::opened(resources, (&self.local, self.endpoint), begun, Some(failure));
    }
}
