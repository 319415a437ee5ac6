//! `Shared`: the HTTP/2 connections of one worker to one endpoint, and their idle lanes.
//!
//! A connection that begins is waited for: however many requests come at once, one connection is
//! opened, and the next when it is known that the first is full. Refuses to connect: it says when
//! that has to be done, and whoever does it says how it ended.
//!
//! It also keeps in mind what the endpoint chose, where it is offered HTTP/1.1 and HTTP/2. That
//! says how to go about the next connection, never what it will speak.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::pool::Pool;
use crate::base::clock::Instant;
use crate::http::client::h2::Client;
use crate::http::client::waiters::Waiters;
use crate::limits::H2_CONNECTIONS_PER_ENDPOINT_MAX;
use crate::net::Wheel;
use crate::net::stream::Stream;
use crate::net::tls::Alpn;

#[derive(Default)]
pub struct Shared {
    /// Lanes that wait for their next request.
    pub idle: Pool,
    /// Requests that wait for a lane.
    pub waiters: Rc<Waiters>,
    connections: RefCell<Vec<Client>>,
    opening: Cell<bool>,
    failures: Cell<Failures>,
    /// What the endpoint chose last, where it was offered both.
    chosen: Cell<Option<Alpn>>,
}

/// Connections that could not be had, for those who waited for them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Failures {
    pub count: u64,
    /// Nobody answered in time, the last time.
    pub slow: bool,
    /// The last was one that had to speak HTTP/2.
    pub of_http2: bool,
}

/// A lane that was not used before.
pub struct Offer {
    pub stream: Stream,
    /// Its connection has carried other exchanges: it may be closed for its age just now.
    pub proven: bool,
}

impl Shared {
    /// A lane of a connection that has room.
    pub fn lane(&self, wheel: &Rc<Wheel>) -> Option<Offer> {
        self.forget_closed();
        let connections = self.connections.borrow();
        connections.iter().find_map(|client| {
            let stream = client.lane(wheel)?;
            Some(Offer { stream, proven: client.is_proven() })
        })
    }

    /// Whether another connection is to be opened for who found no lane.
    pub fn wants_connection(&self) -> bool {
        let connections = self.connections.borrow();
        // One that ends is replaced, whatever it still carries.
        let taking = || connections.iter().filter(|client| !client.is_ending());
        !self.opening.get()
            && connections.len() < 2 * H2_CONNECTIONS_PER_ENDPOINT_MAX
            && taking().count() < H2_CONNECTIONS_PER_ENDPOINT_MAX
            && !taking().any(Client::is_starting)
    }

    pub fn is_opening(&self) -> bool {
        self.opening.get()
    }

    /// Somebody opens a connection, until what is returned is dropped.
    pub fn opening(&self) -> Opening<'_> {
        debug_assert!(!self.opening.get(), "connections are opened one after the other");
        self.opening.set(true);
        Opening(self)
    }

    pub fn add(&self, client: Client) {
        self.connections.borrow_mut().push(client);
    }

    pub fn failures(&self) -> Failures {
        self.failures.get()
    }

    /// A connection could not be had: who waited for it does not wait for another. `of_http2`
    /// says that it could have spoken nothing else.
    pub fn failed(&self, slow: bool, of_http2: bool) {
        self.forget();
        self.failures.set(Failures { count: self.failures.get().count + 1, slow, of_http2 });
        self.waiters.wake_all();
    }

    /// What the endpoint chose when it was last asked, unless something failed since.
    pub fn chosen(&self) -> Option<Alpn> {
        self.chosen.get()
    }

    pub fn learn(&self, chosen: Alpn) {
        self.chosen.set(Some(chosen));
    }

    /// What comes next may be another endpoint: few connections are opened until that is known.
    pub fn forget(&self) {
        self.chosen.set(None);
    }

    /// There is a connection that takes streams, or will.
    pub fn is_served(&self) -> bool {
        self.connections.borrow().iter().any(|client| !client.is_ending())
    }

    /// Ends the connections on which nothing happened for so long.
    pub fn reap(&self, now: Instant, idle_timeout: Duration) {
        self.forget_closed();
        for client in self.connections.borrow().iter() {
            if client.unused_for(now).is_some_and(|unused| unused >= idle_timeout) {
                client.retire();
            }
        }
    }

    /// Ends each connection once its last exchange has.
    pub fn retire(&self) {
        self.connections.borrow().iter().for_each(Client::retire);
    }

    pub fn connections(&self) -> usize {
        self.connections.borrow().len()
    }

    fn forget_closed(&self) {
        let mut never_settled = false;
        self.connections.borrow_mut().retain(|client| {
            never_settled |= client.is_closed() && !client.is_settled();
            !client.is_closed()
        });
        if never_settled {
            // It does not speak HTTP/2, or not with us.
            self.failed(false, false);
        }
    }
}

/// See `Shared::opening`.
pub struct Opening<'a>(&'a Shared);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.opening.set(false);
        self.0.waiters.wake(1);
    }
}

#[cfg(test)]
mod tests;
