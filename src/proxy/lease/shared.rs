//! A lane of an HTTP/2 connection: of one that is there, of one that is being opened by somebody, or
//! of one that is opened now.
//!
//! Where the endpoint chooses between HTTP/1.1 and HTTP/2, nobody knows before the first handshake
//! what a connection will be. So one is opened while the others wait, as for lanes; when it turned
//! out to be HTTP/1.1 each opens its own. Whatever was learnt, both are offered each time, and
//! either answer is put to use: so an endpoint may choose otherwise after a restart.

use std::rc::Rc;

use super::{Caller, Lease, To, dial, taken};
use crate::http::client::h1::Connection;
use crate::http::client::h2::{self, Client, Meter, Options};
use crate::net::deadline::{Action, Deadline, Ends};
use crate::net::runtime;
use crate::net::stream::Stream;
use crate::net::tls::{Alpn, Session};
use crate::proto::http1::Scheme;
use crate::proxy::failure::Failure;
use crate::telemetry::value::Counter;
use crate::upstream::cluster::Wish;
use crate::upstream::shared::{Failures, Shared};

/// Waits for a lane, as long as a connection may take to open; or has a connection of HTTP/1.1,
/// where the endpoint chooses that.
///
/// # Errors
/// `StreamsFull` when too many wait already; `ConnectFailed`, `ConnectSlow`.
pub(super) async fn lane(caller: Caller<'_>, to: To<'_>) -> Result<Lease, Failure> {
    let shared = &to.local.shared[to.endpoint];
    let deadline = deadline(caller, to);
    // Those who wait already come first.
    let mut in_turn = shared.waiters.is_empty();
    let mut ticket = None;
    let mut before = None;
    loop {
        if to.wish == Wish::Either && shared.chosen() == Some(Alpn::Http1) {
            return alone(caller, to).await;
        }
        // Lanes that are there for gRPC say nothing of what the endpoint prefers.
        let is_http2 = to.wish == Wish::Http2 || shared.chosen() == Some(Alpn::H2);
        if in_turn
            && is_http2
            && let Some(lease) = vacant(caller, to)
        {
            return Ok(lease);
        }
        let before = before.get_or_insert_with(|| shared.failures());
        if let Some(failure) = failed_since(shared, before, to.wish) {
            return Err(failure);
        }
        let opens = if is_http2 { shared.wants_connection() } else { !shared.is_opening() };
        if opens {
            match open(caller, to).await? {
                Some(lease) => return Ok(lease),
                None => in_turn = true,
            }
            continue;
        }
        if ticket.is_none() && shared.waiters.len() >= to.local.cluster.settings.streams_waiting_max
        {
            return match is_http2 {
                true => Err(Failure::StreamsFull),
                // It may well be HTTP/1.1, which has no such bound.
                false => alone(caller, to).await,
            };
        }
        let ticket = *ticket.get_or_insert_with(|| shared.waiters.ticket());
        if !shared.waiters.turn(ticket, &deadline).await {
            return Err(Failure::ConnectSlow);
        }
        in_turn = true;
    }
}

/// What became of the connections that this request waited for too.
fn failed_since(shared: &Shared, before: &mut Failures, wish: Wish) -> Option<Failure> {
    let failures = shared.failures();
    if failures == *before {
        return None;
    }
    *before = failures;
    match (failures.slow, failures.of_http2 && wish == Wish::Either) {
        // Whoever asked would have had no answer but HTTP/2.
        (_, true) => None,
        (true, false) => Some(Failure::ConnectSlow),
        (false, false) => Some(Failure::ConnectFailed),
    }
}

/// A lane that can be had at once.
fn vacant(caller: Caller<'_>, to: To<'_>) -> Option<Lease> {
    let resources = &caller.view.resources;
    let shared = &to.local.shared[to.endpoint];
    if let Some(connection) = taken(caller, &shared.idle) {
        return Some(Lease::new(caller, to, connection, true, true));
    }
    let offer = shared.lane(&resources.wheel)?;
    let connection = Connection::new(offer.stream, &resources.buffers);
    let mut lease = Lease::new(caller, to, connection, offer.proven, true);
    // A connection that nobody has used yet is none that may have aged.
    lease.reused = offer.proven;
    Some(lease)
}

fn deadline(caller: Caller<'_>, to: To<'_>) -> Deadline {
    let resources = &caller.view.resources;
    let deadline = resources.wheel.register(Ends::Nothing);
    let limit = to.local.cluster.settings.connect_timeout;
    deadline.set(resources.clock.now(), limit, Action::Wake);
    deadline
}

/// Opens a connection for all who wait: of HTTP/2, or one that is used as it is.
async fn open(caller: Caller<'_>, to: To<'_>) -> Result<Option<Lease>, Failure> {
    let shared = &to.local.shared[to.endpoint];
    let _opening = shared.opening();
    let stream = match dial(caller, to).await {
        Ok(stream) => stream,
        Err(failure) => {
            shared.failed(failure == Failure::ConnectSlow, to.wish == Wish::Http2);
            return Err(failure);
        }
    };
    if is_http2(shared, to.wish, &stream) {
        if to.local.is_retired(to.endpoint) {
            return own(caller, to, stream, true).map(Some);
        }
        shared.add(start(caller, to, stream));
        return Ok(None);
    }
    // Each of the others needs one of its own.
    shared.waiters.wake_all();
    Ok(Some(plain(caller, to, stream)))
}

/// Opens a connection for nobody else: most likely of HTTP/1.1.
async fn alone(caller: Caller<'_>, to: To<'_>) -> Result<Lease, Failure> {
    let shared = &to.local.shared[to.endpoint];
    let stream = match dial(caller, to).await {
        Ok(stream) => stream,
        Err(failure) => {
            shared.forget();
            return Err(failure);
        }
    };
    if !is_http2(shared, to.wish, &stream) {
        return Ok(plain(caller, to, stream));
    }
    // Several were opened at the same time: the others need no more than the first.
    let ends = shared.is_served() || to.local.is_retired(to.endpoint);
    own(caller, to, stream, ends)
}

/// The first lane of a connection of HTTP/2; with `ends` the connection has no further ones.
fn own(caller: Caller<'_>, to: To<'_>, stream: Stream, ends: bool) -> Result<Lease, Failure> {
    let resources = &caller.view.resources;
    let client = start(caller, to, stream);
    let lane = client.lane(&resources.wheel).ok_or(Failure::StreamsRefused)?;
    if ends {
        client.retire();
    }
    to.local.shared[to.endpoint].add(client);
    let connection = Connection::new(lane, &resources.buffers);
    Ok(Lease::new(caller, to, connection, false, true))
}

/// What the connection speaks; where the endpoint had the choice, it is kept in mind.
fn is_http2(shared: &Shared, wish: Wish, stream: &Stream) -> bool {
    match wish {
        Wish::Http1 => false,
        Wish::Http2 => true,
        Wish::Either => {
            // An endpoint that does not know of ALPN speaks HTTP/1.1.
            let chosen = stream.session(Session::alpn).flatten().unwrap_or(Alpn::Http1);
            shared.learn(chosen);
            chosen == Alpn::H2
        }
    }
}

fn plain(caller: Caller<'_>, to: To<'_>, stream: Stream) -> Lease {
    let connection = Connection::new(stream, &caller.view.resources.buffers);
    Lease::new(caller, to, connection, false, false)
}

/// Starts the task that carries a connection of HTTP/2.
fn start(caller: Caller<'_>, to: To<'_>, stream: Stream) -> Client {
    let resources = &caller.view.resources;
    let shared = &to.local.shared[to.endpoint];
    let cluster = &to.local.cluster;
    let is_tls = cluster.settings.tls.is_some();
    let options = Options {
        settings: cluster.settings.http2,
        scheme: if is_tls { Scheme::Https } else { Scheme::Http },
        write: caller.write,
        meter: Meter { shard: resources.shard.clone(), cluster: cluster.labels },
    };
    let (client, driver) = h2::start(stream, &resources.buffers, &shared.waiters, options);
    let panicked = Rc::clone(resources);
    runtime::spawn(driver.run(), None, move || panicked.shard.add(Counter::Panics, 1));
    client
}
