//! `Lease`: the right to use one connection to an endpoint for one exchange: a socket, or a lane of
//! an HTTP/2 connection. It is given back to the pool, or closed in a task of its own: a read that
//! is armed is never dropped.

mod shared;

use std::rc::Rc;

use super::failure::Failure;
use super::open;
use super::place::Place;
use crate::base::buffer::Buffer;
use crate::http::client::h1::Connection;
use crate::limits::READ_BUFFER_BYTES;
use crate::net::runtime;
use crate::net::stream::Stream;
use crate::snapshot::resources::Resources;
use crate::snapshot::view::View;
use crate::telemetry::labels::ClusterLabelsId;
use crate::telemetry::value::Counter;
use crate::upstream::Local;
use crate::upstream::pool::{Discarded, Pool};

pub struct Lease {
    pub connection: Connection,
    /// It carried an exchange before: it may have been closed by the endpoint just now.
    pub reused: bool,
    /// It is a lane.
    http2: bool,
    local: Rc<Local>,
    endpoint: usize,
    _active: Active,
}

/// Whom a lease is for.
#[derive(Clone, Copy)]
pub struct To<'a> {
    pub local: &'a Rc<Local>,
    pub endpoint: usize,
    /// The request goes out as HTTP/2.
    pub http2: bool,
}

/// Counts an exchange with a cluster, for as long as it lasts.
struct Active {
    resources: Rc<Resources>,
    labels: ClusterLabelsId,
}

impl Active {
    fn count(resources: &Rc<Resources>, labels: ClusterLabelsId) -> Self {
        resources.shard.cluster(labels).active_requests.add(1);
        Self { resources: Rc::clone(resources), labels }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.resources.shard.cluster(self.labels).active_requests.add(-1);
    }
}

impl Lease {
    /// An idle connection to the endpoint, or none.
    pub fn reuse(place: &Place<'_>, to: To<'_>) -> Option<Self> {
        let shared = &to.local.shared[to.endpoint];
        // Those who wait for a lane come first.
        if to.http2 && !shared.waiters.is_empty() {
            return None;
        }
        let pool = if to.http2 { &shared.idle } else { &to.local.pools[to.endpoint] };
        Some(Self::new(place, to, taken(place, pool)?, true))
    }

    /// A new connection to the endpoint.
    ///
    /// # Errors
    /// `ConnectFailed`, `ConnectSlow`; of a lane `StreamsFull` as well.
    pub async fn open(place: &Place<'_>, to: To<'_>) -> Result<Self, Failure> {
        // Rare, as connections are kept: who finds one does not pay for the size of this.
        if to.http2 {
            return Box::pin(shared::lane(place, to)).await;
        }
        let stream = Box::pin(dial(place, to)).await?;
        let connection = Connection::new(stream, &place.view.resources.buffers);
        Ok(Self::new(place, to, connection, false))
    }

    fn new(place: &Place<'_>, to: To<'_>, connection: Connection, reused: bool) -> Self {
        let resources = &place.view.resources;
        let series = resources.shard.cluster(to.local.cluster.labels);
        if reused {
            series.hits.add(1);
        }
        let _active = Active::count(resources, to.local.cluster.labels);
        let To { http2, endpoint, local } = to;
        Self { connection, reused, http2, local: Rc::clone(local), endpoint, _active }
    }

    /// The exchange is over and left the connection clean: it goes back to the pool, with `buffer`
    /// armed for the next response.
    pub fn give_back(self, view: &Rc<View>, buffer: Buffer) {
        let Self { mut connection, local, endpoint, http2, .. } = self;
        let resources = &view.resources;
        let buffer = fresh(resources, buffer);
        connection.stream.deadline().clear();
        connection.rest(buffer, resources.clock.now());
        let settings = &local.cluster.settings;
        // What a header in front says of the client holds for no other: such a connection ends.
        let idle_max = match local.retired.get() || settings.proxy_header.is_some() {
            false => settings.idle_per_worker_max,
            true => 0,
        };
        let shared = &local.shared[endpoint];
        let pool = if http2 { &shared.idle } else { &local.pools[endpoint] };
        if let Some(surplus) = pool.give(connection, idle_max) {
            close_all(view, vec![surplus]);
        } else if http2 {
            shared.waiters.wake(1);
        }
    }

    /// The connection is of no further use.
    pub fn discard(self, view: &Rc<View>) {
        if self.connection.is_armed() {
            close_all(view, vec![self.connection]);
        }
    }

    pub fn endpoint_name(&self) -> &str {
        &self.local.cluster.endpoints[self.endpoint].name
    }
}

/// A connection of the pool that is quiet.
fn taken(place: &Place<'_>, pool: &Pool) -> Option<Connection> {
    let mut discarded = Discarded::new();
    let taken = pool.take(&place.view.resources.buffers, &mut discarded);
    if !discarded.is_empty() {
        close_all(place.view, discarded);
    }
    taken
}

/// A new connection, ready to be used.
async fn dial(place: &Place<'_>, to: To<'_>) -> Result<Stream, Failure> {
    let resources = &place.view.resources;
    let cluster = &to.local.cluster;
    resources.shard.cluster(cluster.labels).misses.add(1);
    open::one(resources, cluster, to.endpoint, Some(place.connection), to.http2).await
}

/// An empty buffer of the size that is kept armed.
fn fresh(resources: &Resources, mut buffer: Buffer) -> Buffer {
    if buffer.capacity() >= 2 * READ_BUFFER_BYTES {
        resources.buffers.give(buffer);
        return resources.buffers.take();
    }
    buffer.clear();
    buffer
}

/// Ends connections whose reads are armed, and waits for those reads beside the traffic.
pub fn close_all(view: &Rc<View>, connections: Discarded) {
    let resources = Rc::clone(&view.resources);
    let panicked = Rc::clone(&resources);
    let close = async move {
        for connection in connections {
            connection.close(&resources.buffers).await;
        }
    };
    runtime::spawn(close, None, move || panicked.shard.add(Counter::Panics, 1));
}
