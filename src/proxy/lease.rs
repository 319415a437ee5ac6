//! `Lease`: the right to use one connection to an endpoint for one exchange. It is given back to
//! the pool, or closed in a task of its own: a read that is armed is never dropped.

use std::rc::Rc;

use super::failure::Failure;
use super::place::Place;
use crate::base::buffer::Buffer;
use crate::http::client::h1::Connection;
use crate::limits::READ_BUFFER_BYTES;
use crate::net::connect::{ConnectError, connect};
use crate::net::runtime;
use crate::snapshot::resources::Resources;
use crate::snapshot::view::View;
use crate::telemetry::labels::ClusterLabelsId;
use crate::telemetry::value::{Counter, Transport};
use crate::upstream::Local;
use crate::upstream::pool::Discarded;

pub struct Lease {
    pub connection: Connection,
    /// It carried an exchange before: it may have been closed by the endpoint just now.
    pub reused: bool,
    local: Rc<Local>,
    endpoint: usize,
    _active: Active,
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
    pub fn reuse(place: &Place<'_>, local: &Rc<Local>, endpoint: usize) -> Option<Self> {
        let resources = &place.view.resources;
        let mut discarded = Discarded::new();
        let taken = local.pools[endpoint].take(&resources.buffers, &mut discarded);
        if !discarded.is_empty() {
            close_all(place.view, discarded);
        }
        let connection = taken?;
        let series = resources.shard.cluster(local.cluster.labels);
        series.hits.add(1);
        let _active = Active::count(resources, local.cluster.labels);
        Some(Self { connection, reused: true, local: Rc::clone(local), endpoint, _active })
    }

    /// A new connection to the endpoint.
    ///
    /// # Errors
    /// `ConnectFailed`, `ConnectSlow`.
    pub async fn open(
        place: &Place<'_>,
        local: &Rc<Local>,
        endpoint: usize,
    ) -> Result<Self, Failure> {
        let resources = &place.view.resources;
        let cluster = &local.cluster;
        resources.shard.cluster(cluster.labels).misses.add(1);
        let begun = resources.clock.now();
        let settings = &cluster.settings;
        let stream = connect(
            &cluster.endpoints[endpoint].address,
            settings.keepalive.as_ref(),
            settings.connect_timeout,
            &resources.wheel,
        )
        .await
        .map_err(|error| match error {
            ConnectError::Slow => Failure::ConnectSlow,
            ConnectError::Failed(_) => Failure::ConnectFailed,
        })?;
        let nanos = resources.clock.now().nanos_since(begun);
        resources.shard.connected(Transport::Plaintext, nanos);
        let connection = Connection::new(stream, &resources.buffers);
        let _active = Active::count(resources, cluster.labels);
        Ok(Self { connection, reused: false, local: Rc::clone(local), endpoint, _active })
    }

    /// The exchange is over and left the connection clean: it goes back to the pool, with `buffer`
    /// armed for the next response.
    pub fn give_back(self, view: &Rc<View>, buffer: Buffer) {
        let Self { mut connection, local, endpoint, .. } = self;
        let resources = &view.resources;
        let buffer = fresh(resources, buffer);
        connection.stream.deadline().clear();
        connection.rest(buffer, resources.clock.now());
        let idle_max = match local.retired.get() {
            false => local.cluster.settings.idle_per_worker_max,
            true => 0,
        };
        if let Some(surplus) = local.pools[endpoint].give(connection, idle_max) {
            close_all(view, vec![surplus]);
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
