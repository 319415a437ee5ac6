//! `Lease`: the right to use one connection to an endpoint for one exchange: a socket, or a lane of
//! an HTTP/2 connection. It is given back to the pool, or closed in a task of its own: a read that
//! is armed is never dropped.

mod shared;

use std::rc::Rc;
use std::time::Duration;

use super::failure::Failure;
use super::open;
use crate::base::buffer::Buffer;
use crate::http::client::h1::Connection;
use crate::http::server;
use crate::limits::READ_BUFFER_BYTES;
use crate::net::runtime;
use crate::net::stream::Stream;
use crate::net::tls::Alpn;
use crate::snapshot::resources::Resources;
use crate::snapshot::view::View;
use crate::telemetry::labels::ClusterLabelsId;
use crate::telemetry::value::Counter;
use crate::upstream::Local;
use crate::upstream::cluster::Wish;
use crate::upstream::pool::{Discarded, Pool};

pub struct Lease {
    pub connection: Connection,
    /// It carried an exchange before: it may have been closed by the endpoint just now.
    pub reused: bool,
    /// Of an HTTP/2 connection.
    is_lane: bool,
    local: Rc<Local>,
    endpoint: usize,
    _active: Active,
}

/// For whom a lease is asked for.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    pub view: &'a Rc<View>,
    /// How long a write may take.
    pub write: Duration,
    /// None: it is for ourselves, beside the exchange of a client.
    pub client: Option<&'a server::h1::Connection>,
}

/// What a lease is to lead to.
#[derive(Clone, Copy)]
pub struct To<'a> {
    pub local: &'a Rc<Local>,
    pub endpoint: usize,
    /// What the request goes out as.
    pub wish: Wish,
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
    pub fn reuse(caller: Caller<'_>, to: To<'_>) -> Option<Self> {
        let shared = &to.local.shared[to.endpoint];
        let is_lane = match to.wish {
            Wish::Http1 => false,
            Wish::Http2 => true,
            Wish::Either => shared.chosen() == Some(Alpn::H2),
        };
        // Those who wait for a lane come first.
        if is_lane && !shared.waiters.is_empty() {
            return None;
        }
        let pool = if is_lane { &shared.idle } else { &to.local.pools[to.endpoint] };
        Some(Self::new(caller, to, taken(caller, pool)?, true, is_lane))
    }

    /// A new connection to the endpoint.
    ///
    /// # Errors
    /// `ConnectFailed`, `ConnectSlow`; of a lane `StreamsFull` as well.
    pub async fn open(caller: Caller<'_>, to: To<'_>) -> Result<Self, Failure> {
        // Rare, as connections are kept: who finds one does not pay for the size of this.
        if to.wish != Wish::Http1 {
            return Box::pin(shared::lane(caller, to)).await;
        }
        let stream = Box::pin(dial(caller, to)).await?;
        let connection = Connection::new(stream, &caller.view.resources.buffers);
        Ok(Self::new(caller, to, connection, false, false))
    }

    fn new(
        caller: Caller<'_>,
        to: To<'_>,
        connection: Connection,
        reused: bool,
        is_lane: bool,
    ) -> Self {
        let resources = &caller.view.resources;
        let series = resources.shard.cluster(to.local.cluster.labels);
        if reused {
            series.hits.add(1);
        }
        let _active = Active::count(resources, to.local.cluster.labels);
        let To { endpoint, local, .. } = to;
        Self { connection, reused, is_lane, local: Rc::clone(local), endpoint, _active }
    }

    /// The exchange is over and left the connection clean: it goes back to the pool, with `buffer`
    /// armed for the next response.
    pub fn give_back(self, view: &Rc<View>, buffer: Buffer) {
        let Self { mut connection, local, endpoint, is_lane, .. } = self;
        let resources = &view.resources;
        let buffer = fresh(resources, buffer);
        connection.stream.deadline().clear();
        connection.rest(buffer, resources.clock.now());
        let settings = &local.cluster.settings;
        // What a header in front says of the client holds for no other: such a connection ends.
        let idle_max = match local.is_retired(endpoint) || settings.proxy_header.is_some() {
            false => settings.idle_per_worker_max,
            true => 0,
        };
        let shared = &local.shared[endpoint];
        let pool = if is_lane { &shared.idle } else { &local.pools[endpoint] };
        if let Some(surplus) = pool.give(connection, idle_max) {
            close_all(view, vec![surplus]);
        } else if is_lane {
            shared.waiters.wake(1);
        }
    }

    /// The connection is of no further use.
    pub fn discard(self, view: &Rc<View>) {
        if self.connection.is_armed() {
            close_all(view, vec![self.connection]);
        }
    }

    pub const fn endpoint(&self) -> usize {
        self.endpoint
    }

    pub fn endpoint_name(&self) -> &str {
        &self.local.cluster.endpoints[self.endpoint].name
    }
}

/// A connection of the pool that is quiet.
fn taken(caller: Caller<'_>, pool: &Pool) -> Option<Connection> {
    let mut discarded = Discarded::new();
    let taken = pool.take(&caller.view.resources.buffers, &mut discarded);
    if !discarded.is_empty() {
        close_all(caller.view, discarded);
    }
    taken
}

/// A new connection, ready to be used.
async fn dial(caller: Caller<'_>, to: To<'_>) -> Result<Stream, Failure> {
    let resources = &caller.view.resources;
    let cluster = &to.local.cluster;
    resources.shard.cluster(cluster.labels).misses.add(1);
    open::one(resources, cluster, to.endpoint, caller.client, to.wish).await
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
