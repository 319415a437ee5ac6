//! `Waiters`: tasks that wait for their turn at what is scarce, first come first served. To be woken
//! is a hint: who finds nothing waits again, in its old place.
//!
//! Owned by what is waited for. Refuses to bound itself: whoever waits looks at `len` first.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::net::deadline::Deadline;

#[derive(Default)]
pub struct Waiters {
    /// By ticket.
    queue: RefCell<VecDeque<Rc<Waiter>>>,
    tickets: Cell<u64>,
}

struct Waiter {
    ticket: u64,
    woken: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

/// A place in the queue, kept from one wait to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(u64);

impl Waiters {
    pub fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    pub fn ticket(&self) -> Ticket {
        self.tickets.set(self.tickets.get() + 1);
        Ticket(self.tickets.get())
    }

    /// Wakes those who have waited longest.
    pub fn wake(&self, count: usize) {
        for _ in 0..count {
            let Some(waiter) = self.queue.borrow_mut().pop_front() else { return };
            waiter.woken.set(true);
            if let Some(waker) = waiter.waker.take() {
                waker.wake();
            }
        }
    }

    pub fn wake_all(&self) {
        self.wake(self.len());
    }

    /// Waits to be woken, until the deadline fires: false then.
    pub async fn turn(&self, ticket: Ticket, deadline: &Deadline) -> bool {
        let place = self.enter(ticket);
        poll_fn(|context| place.poll(deadline, context)).await
    }

    fn enter(&self, ticket: Ticket) -> Place<'_> {
        let waiter =
            Rc::new(Waiter { ticket: ticket.0, woken: Cell::new(false), waker: Cell::default() });
        let mut queue = self.queue.borrow_mut();
        let at = queue.iter().position(|other| other.ticket > ticket.0);
        let at = at.unwrap_or(queue.len());
        queue.insert(at, Rc::clone(&waiter));
        Place { waiters: self, waiter, used: Cell::new(false) }
    }
}

/// One wait. Who leaves without having used its turn passes it on.
struct Place<'a> {
    waiters: &'a Waiters,
    waiter: Rc<Waiter>,
    used: Cell<bool>,
}

impl Place<'_> {
    fn poll(&self, deadline: &Deadline, context: &Context<'_>) -> Poll<bool> {
        if self.waiter.woken.get() {
            self.used.set(true);
            return Poll::Ready(true);
        }
        self.waiter.waker.set(Some(context.waker().clone()));
        deadline.poll_fired(context).map(|()| false)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.waiter.woken.get() {
            let mut queue = self.waiters.queue.borrow_mut();
            queue.retain(|other| !Rc::ptr_eq(other, &self.waiter));
        } else if !self.used.get() {
            self.waiters.wake(1);
        }
    }
}

#[cfg(test)]
mod tests;
