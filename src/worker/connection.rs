//! One client's connection, from its socket to its end. The state of a request lives in a future
//! of its own that is thrown away while the connection idles: ten thousand idle connections hold
//! a socket each, not a request each.

mod http2;
mod proxy_header;
mod tcp;
mod tls;

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use self::tls::Spoken;
use super::Worker;
use super::accept::Door;
use super::drain::Entry;
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::server::h1::{Arrival, Connection, Peer};
use crate::limits::{PARK_FROM_CONNECTIONS, WRITE_TIMEOUT_SECONDS};
use crate::net::stream::Stream;
use crate::policy::Changes;
use crate::proxy::failure::Failure;
use crate::proxy::place::Place;
use crate::proxy::{self, After};
use crate::snapshot::sources::{Seat, Unseated};
use crate::telemetry::labels::{ListenerLabelsId, OVERFLOW};
use crate::telemetry::value::{Refusal, Timeout, Work};

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
    let mut connection = Connection::new(stream, Peer::new(peer));
    connection.work = entry.work();
    let counted = Counted::open(&worker, &door);
    if !proxy_header::take(&worker, &door, &mut connection).await {
        counted.bytes(&connection);
        return;
    }
    let Ok(_seat) = seat(&worker, &connection) else {
        if let Some(early) = connection.early.take() {
            worker.resources.buffers.give(early);
        }
        return counted.bytes(&connection);
    };
    let spoken = tls::meet(&worker, &door, &counted, &mut connection).await;
    let record = Record { counted: &counted, entry: &entry };
    match spoken {
        None => {
            if let Some(early) = connection.early.take() {
                worker.resources.buffers.give(early);
            }
            return counted.bytes(&connection);
        }
        Some(Spoken::Bytes) => {
            return Box::pin(tcp::serve(&worker, door.bind.get(), &counted, &connection)).await;
        }
        Some(Spoken::Http2) => {
            let first = connection.early.take().unwrap_or_else(|| worker.resources.buffers.take());
            return Box::pin(http2::serve(&worker, &door, &connection, &record, first)).await;
        }
        Some(Spoken::Http) => {}
    }
    loop {
        // Boxed for as long as requests come.
        match Box::pin(requests(&worker, &door, &connection, Some(&record))).await {
            Ended::Closed => return,
            Ended::Parked => {}
            Ended::Http2(first) => {
                return Box::pin(http2::serve(&worker, &door, &connection, &record, first)).await;
            }
        }
        let idle = match worker.view().snapshot.bind(door.bind.get()) {
            Some(bind) => bind.settings.limits.idle,
            None => return,
        };
        if !connection.parked(idle).await {
            worker.resources.shard.timed_out(Timeout::Idle);
            return;
        }
    }
}

/// Counts the connection for its source.
fn seat(worker: &Worker, connection: &Connection) -> Result<Option<Seat>, Unseated> {
    let view = worker.view();
    let Some(sources) = &view.snapshot.sources else { return Ok(None) };
    let address = connection.peer.address.map(|address| address.ip());
    sources.seat(address, connection.opened).inspect_err(|unseated| {
        worker.resources.shard.refused(match unseated {
            Unseated::Connections => Refusal::SourceConnections,
            Unseated::Rate => Refusal::SourceRate,
        });
    })
}

enum Ended {
    Closed,
    /// It idles.
    Parked,
    /// It speaks HTTP/2, as it was known to the client that we do: RFC 9113 section 3.3. What was
    /// read of it comes along.
    Http2(Buffer),
}

/// A connection in the books of its worker. A lane has none: its connection has.
struct Record<'a> {
    counted: &'a Counted,
    entry: &'a Entry,
}

/// Serves requests for as long as they come one after the other.
async fn requests(
    worker: &Rc<Worker>,
    door: &Door,
    connection: &Connection,
    record: Option<&Record<'_>>,
) -> Ended {
    let set_work = |work| {
        if let Some(record) = record {
            record.entry.set_work(work);
        }
    };
    let mut exchange = Exchange { input: connection.early.take(), ..Exchange::default() };
    let mut changes = Changes::default();
    let buffers = &worker.resources.buffers;
    loop {
        let view = worker.view();
        let Some(bind) = view.snapshot.bind(door.bind.get()) else {
            // It went with a reload, and its limits with it, while the last answer was sent.
            let limit = Duration::from_secs(WRITE_TIMEOUT_SECONDS);
            Box::pin(connection.settle(buffers, limit)).await;
            break;
        };
        let limits = &bind.settings.limits;
        let park = record.is_some() && worker.live.count() > PARK_FROM_CONNECTIONS;
        let arrival = connection.arrival(&mut exchange, buffers, limits, park).await;
        // What was adopted while the connection idled serves what came.
        let view = worker.view();
        let Some(bind) = view.snapshot.bind(door.bind.get()) else { break };
        let place = Place { view: &view, bind, connection };
        set_work(Work::Request);
        let after = match arrival {
            Arrival::Head => proxy::handle(&place, &mut exchange, &mut changes).await,
            Arrival::Malformed(_) if http2::is_announced(connection, &exchange) => {
                set_work(Work::Idle);
                return Ended::Http2(exchange.input.take().unwrap_or_else(|| buffers.take()));
            }
            Arrival::Malformed(error) => {
                proxy::refuse(&place, &mut exchange, Failure::Malformed(error)).await
            }
            Arrival::Overloaded => {
                let failure = proxy::admission::full(&worker.resources);
                proxy::refuse(&place, &mut exchange, failure).await
            }
            Arrival::Slow => proxy::refuse(&place, &mut exchange, Failure::HeadSlow).await,
            Arrival::Idle => {
                set_work(Work::Idle);
                worker.parked.set(worker.parked.get() + 1);
                return Ended::Parked;
            }
            Arrival::Expired => {
                worker.resources.shard.timed_out(Timeout::Idle);
                After::Close
            }
            Arrival::Gone => After::Close,
        };
        set_work(Work::Idle);
        if let Some(record) = record {
            record.counted.bytes(connection);
        }
        match after {
            After::Keep => exchange.advance(buffers),
            After::Close => break,
            After::Linger => {
                connection.linger(&mut exchange, buffers, &bind.settings.limits).await;
                break;
            }
            After::Reset => {
                connection.stream.reset_on_close();
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
