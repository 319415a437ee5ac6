//! One client's connection, from its socket to its end. The state of a request lives in a future
//! of its own that is thrown away while the connection idles: ten thousand idle connections hold
//! a socket each, not a request each.

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::Worker;
use super::accept::Door;
use super::drain::Entry;
use crate::http::Exchange;
use crate::http::server::h1::{Arrival, Connection, Peer};
use crate::limits::PARK_FROM_CONNECTIONS;
use crate::net::socket;
use crate::net::stream::Stream;
use crate::policy::Changes;
use crate::proxy::failure::Failure;
use crate::proxy::place::Place;
use crate::proxy::{self, After};
use crate::telemetry::labels::{ListenerLabelsId, OVERFLOW};
use crate::telemetry::value::Timeout;

/// Serves a connection until it ends.
pub async fn serve(
    worker: Rc<Worker>,
    door: Rc<Door>,
    entry: Entry,
    socket: OwnedFd,
    peer: Option<SocketAddr>,
) {
    let stream = match Stream::adopt(socket, &worker.resources.wheel) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, "an accepted connection cannot be used");
            return;
        }
    };
    let connection = Connection::new(stream, Peer::new(peer));
    let counted = Counted::open(&worker, &door);
    loop {
        // Boxed for as long as requests come.
        let ended = Box::pin(requests(&worker, &door, &counted, &connection, &entry)).await;
        if ended == Ended::Closed {
            return;
        }
        let idle = match worker.view().snapshot.bind(door.bind.get()) {
            Some(bind) => bind.settings.limits.idle,
            None => return,
        };
        if !connection.parked(idle).await {
            return;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Ended {
    Closed,
    /// It idles.
    Parked,
}

/// Serves requests for as long as they come one after the other.
async fn requests(
    worker: &Rc<Worker>,
    door: &Door,
    counted: &Counted,
    connection: &Connection,
    entry: &Entry,
) -> Ended {
    let mut exchange = Exchange::default();
    let mut changes = Changes::default();
    let buffers = &worker.resources.buffers;
    loop {
        let view = worker.view();
        let Some(bind) = view.snapshot.bind(door.bind.get()) else { break };
        let limits = &bind.settings.limits;
        let park = worker.live.count() > PARK_FROM_CONNECTIONS;
        let arrival = connection.arrival(&mut exchange, buffers, limits, park).await;
        // What was adopted while the connection idled serves what came.
        let view = worker.view();
        let Some(bind) = view.snapshot.bind(door.bind.get()) else { break };
        let place = Place { view: &view, bind, connection };
        entry.set_busy(true);
        let after = match arrival {
            Arrival::Head => proxy::handle(&place, &mut exchange, &mut changes).await,
            Arrival::Malformed(error) => {
                proxy::refuse(&place, &mut exchange, Failure::Malformed(error)).await
            }
            Arrival::Slow => proxy::refuse(&place, &mut exchange, Failure::HeadSlow).await,
            Arrival::Idle => {
                entry.set_busy(false);
                worker.parked.set(worker.parked.get() + 1);
                return Ended::Parked;
            }
            Arrival::Expired => {
                worker.resources.shard.timed_out(Timeout::Idle);
                After::Close
            }
            Arrival::Gone => After::Close,
        };
        entry.set_busy(false);
        counted.bytes(connection);
        match after {
            After::Keep => exchange.advance(buffers),
            After::Close => break,
            After::Linger => {
                connection.linger(&mut exchange, buffers, &bind.settings.limits).await;
                break;
            }
            After::Reset => {
                let _ = socket::set_reset_on_close(connection.stream.fd());
                break;
            }
        }
    }
    exchange.release(buffers);
    Ended::Closed
}

/// The connection in the metrics, for as long as it is open.
struct Counted {
    worker: Rc<Worker>,
    labels: ListenerLabelsId,
    received: Cell<u64>,
    sent: Cell<u64>,
}

impl Counted {
    fn open(worker: &Rc<Worker>, door: &Door) -> Self {
        let view = worker.view();
        let labels = view
            .snapshot
            .bind(door.bind.get())
            .map_or(ListenerLabelsId(OVERFLOW), |bind| bind.connection_labels);
        worker.resources.shard.listener(labels).opened();
        Self { worker: Rc::clone(worker), labels, received: 0.into(), sent: 0.into() }
    }

    /// Adds what went through since the last call.
    fn bytes(&self, connection: &Connection) {
        let series = self.worker.resources.shard.listener(self.labels);
        let (received, sent) = (connection.received_bytes.get(), connection.sent_bytes.get());
        series.received_bytes.add(received - self.received.replace(received));
        series.sent_bytes.add(sent - self.sent.replace(sent));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.worker.resources.shard.listener(self.labels).closed();
    }
}

#[cfg(test)]
mod tests;
