//! A client's HTTP/2 connection: its streams are served over lanes, each of which is a connection
//! to `requests`.

use std::rc::Rc;

use super::{Ended, Record, requests};
use crate::base::buffer::Buffer;
use crate::http::Exchange;
use crate::http::server::h1::{Carrier, Connection, Peer};
use crate::http::server::h2::{self, Service, Terms};
use crate::net::lane::Bell;
use crate::net::stream::Stream;
use crate::proto::http2::fields::FieldLimits;
use crate::proto::http2::preface::{self, Match};
use crate::telemetry::value::Work;
use crate::worker::Worker;
use crate::worker::accept::Door;

/// Whether what came instead of a first request is the preface of HTTP/2, as far as it came. Over
/// TLS the protocol was agreed upon before, and is not guessed at.
pub(super) fn is_announced(connection: &Connection, exchange: &Exchange) -> bool {
    let carrier = &connection.carrier;
    connection.requests.get() == 0
        && !carrier.http2
        && !carrier.tls
        && preface::matches(exchange.head_bytes()) != Match::No
}

/// Serves the connection to its end. `first` is what was read of it already.
pub(super) async fn serve(
    worker: &Rc<Worker>,
    door: &Rc<Door>,
    connection: &Connection,
    record: &Record<'_>,
    first: Buffer,
) {
    let view = worker.view();
    let Some(bind) = view.snapshot.bind(door.bind.get()) else { return };
    let limits = &bind.settings.limits;
    let resources = &worker.resources;
    let head_bytes_max = limits.head.head_bytes_max;
    let terms = Terms {
        settings: bind.settings.http2,
        fields: FieldLimits { list_bytes_max: head_bytes_max, ..FieldLimits::default() },
        header: limits.header,
        idle: limits.idle,
        write: limits.write,
        until: limits.connection.map(|limit| connection.opened.plus(limit)),
        buffers: &resources.buffers,
        shard: &resources.shard,
    };
    let bell = Rc::new(Bell::default());
    record.entry.tell(Rc::clone(&bell));
    let carrier = Carrier { http2: true, ..connection.carrier.clone() };
    let service =
        Lanes { worker, door, peer: &connection.peer, carrier: &carrier, connection, record };
    h2::serve(&connection.stream, first, &terms, bell, &service).await;
}

struct Lanes<'a> {
    worker: &'a Rc<Worker>,
    door: &'a Rc<Door>,
    peer: &'a Peer,
    carrier: &'a Carrier,
    connection: &'a Connection,
    record: &'a Record<'a>,
}

impl Service for Lanes<'_> {
    fn open(&self, lane: Stream) {
        let connection = Connection::carried(lane, self.peer.clone(), self.carrier.clone());
        let (worker, door) = (Rc::clone(self.worker), Rc::clone(self.door));
        self.worker.spawn(async move {
            let ended = Box::pin(requests(&worker, &door, &connection, None)).await;
            debug_assert!(matches!(ended, Ended::Closed), "a lane is not parked");
        });
    }

    fn is_draining(&self) -> bool {
        self.worker.resources.draining.get()
    }

    fn told(&self, busy: bool, received: u64, sent: u64) {
        self.record.entry.set_work(if busy { Work::Request } else { Work::Idle });
        let connection = self.connection;
        connection.received_bytes.set(connection.received_bytes.get() + received);
        connection.sent_bytes.set(connection.sent_bytes.get() + sent);
        self.record.counted.bytes(connection);
    }
}
