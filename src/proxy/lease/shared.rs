//! A lane of an HTTP/2 connection: of one that is there, of one that is being opened by somebody, or
//! of one that is opened now.

use std::rc::Rc;

use super::{Lease, To, dial, taken};
use crate::http::client::h1::Connection;
use crate::http::client::h2::{self, Meter, Options};
use crate::net::deadline::{Action, Deadline, Ends};
use crate::net::runtime;
use crate::proto::http1::Scheme;
use crate::proxy::failure::Failure;
use crate::proxy::place::Place;
use crate::telemetry::value::Counter;

/// Waits for a lane, as long as a connection may take to open.
///
/// # Errors
/// `StreamsFull` when too many wait already; `ConnectFailed`, `ConnectSlow`.
pub(super) async fn lane(place: &Place<'_>, to: To<'_>) -> Result<Lease, Failure> {
    let shared = &to.local.shared[to.endpoint];
    let deadline = deadline(place, to);
    // Those who wait already come first.
    let mut in_turn = shared.waiters.is_empty();
    let mut ticket = None;
    let mut before = None;
    loop {
        if in_turn && let Some(lease) = vacant(place, to) {
            return Ok(lease);
        }
        let failures = shared.failures();
        if failures != *before.get_or_insert(failures) {
            return Err(if failures.slow { Failure::ConnectSlow } else { Failure::ConnectFailed });
        }
        if shared.wants_connection() {
            open(place, to).await?;
            in_turn = true;
            continue;
        }
        if ticket.is_none() && shared.waiters.len() >= to.local.cluster.settings.streams_waiting_max
        {
            return Err(Failure::StreamsFull);
        }
        let ticket = *ticket.get_or_insert_with(|| shared.waiters.ticket());
        if !shared.waiters.turn(ticket, &deadline).await {
            return Err(Failure::ConnectSlow);
        }
        in_turn = true;
    }
}

/// A lane that can be had at once.
fn vacant(place: &Place<'_>, to: To<'_>) -> Option<Lease> {
    let resources = &place.view.resources;
    let shared = &to.local.shared[to.endpoint];
    if let Some(connection) = taken(place, &shared.idle) {
        return Some(Lease::new(place, to, connection, true));
    }
    let offer = shared.lane(&resources.wheel)?;
    let connection = Connection::new(offer.stream, &resources.buffers);
    let mut lease = Lease::new(place, to, connection, offer.proven);
    // A connection that nobody has used yet is none that may have aged.
    lease.reused = offer.proven;
    Some(lease)
}

fn deadline(place: &Place<'_>, to: To<'_>) -> Deadline {
    let resources = &place.view.resources;
    let deadline = resources.wheel.register(Ends::Nothing);
    let limit = to.local.cluster.settings.connect_timeout;
    deadline.set(resources.clock.now(), limit, Action::Wake);
    deadline
}

/// Opens a connection, and starts the task that carries it.
async fn open(place: &Place<'_>, to: To<'_>) -> Result<(), Failure> {
    let resources = &place.view.resources;
    let shared = &to.local.shared[to.endpoint];
    let _opening = shared.opening();
    let stream = match dial(place, to).await {
        Ok(stream) => stream,
        Err(failure) => {
            shared.failed(failure == Failure::ConnectSlow);
            return Err(failure);
        }
    };
    let cluster = &to.local.cluster;
    let is_tls = cluster.settings.tls.is_some();
    let options = Options {
        settings: cluster.settings.http2,
        scheme: if is_tls { Scheme::Https } else { Scheme::Http },
        write: place.bind.settings.limits.write,
        meter: Meter { shard: resources.shard.clone(), cluster: cluster.labels },
    };
    let (client, driver) = h2::start(stream, &resources.buffers, &shared.waiters, options);
    if to.local.is_retired(to.endpoint) {
        client.retire();
    }
    shared.add(client);
    let panicked = Rc::clone(resources);
    runtime::spawn(driver.run(), None, move || panicked.shard.add(Counter::Panics, 1));
    Ok(())
}
