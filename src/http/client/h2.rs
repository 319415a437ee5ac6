//! An HTTP/2 connection to an endpoint, shared by many exchanges: each has a lane, on which it
//! writes a request and reads a response of HTTP/1.1 (`h1::Connection`), one after the other. A
//! task of its own, the driver, carries the lanes over the one socket.
//!
//! Everything that one turn of the driver makes leaves in one write. What the windows do not take
//! stays in its lane, and what a reader has not read keeps the window of its stream closed.
//! Refuses to hold bodies, and to send a request again: a lane says whether that would be safe
//! (`Stream::is_unprocessed`).

mod carrier;
mod lanes;
mod turn;
mod wire;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub use super::waiters::Waiters;
use crate::base::buffer::Buffers;
use crate::base::clock::Instant;
use crate::net::Wheel;
use crate::net::stream::Stream;
use crate::proto::http1::Scheme;
use crate::proto::http2::Settings;
use crate::telemetry::labels::ClusterLabelsId;
use crate::telemetry::shard::Shard;
use carrier::Carrier;
use lanes::{Lanes, Stage};
use wire::Wire;

/// How a connection is run.
pub struct Options {
    /// `streams_max` bounds the lanes.
    pub settings: Settings,
    pub scheme: Scheme,
    /// Without a byte taken by the endpoint.
    pub write: Duration,
    pub meter: Meter,
}

/// Where a connection is counted.
#[derive(Clone)]
pub struct Meter {
    pub shard: Arc<Shard>,
    pub cluster: ClusterLabelsId,
}

/// Those who use a connection have this of it.
#[derive(Clone)]
pub struct Client {
    lanes: Rc<Lanes>,
}

/// What runs a connection: `run` is to be spawned as a task.
pub struct Driver {
    wire: Wire,
    carrier: Carrier,
}

/// Begins a connection on a stream that is ready for it. `waiters` are woken when there may be a
/// lane for them, here or elsewhere.
pub fn start(
    stream: Stream,
    buffers: &Rc<Buffers>,
    waiters: &Rc<Waiters>,
    options: Options,
) -> (Client, Driver) {
    let now = stream.deadline().wheel().clock().now();
    let most = options.settings.streams_max as usize;
    let lanes = Rc::new(Lanes::new(most, Rc::clone(waiters), now));
    let client = Client { lanes: Rc::clone(&lanes) };
    let wire = Wire::new(stream, Rc::clone(buffers), options.write);
    let carrier = Carrier::new(lanes, &options, now);
    (client, Driver { wire, carrier })
}

impl Client {
    /// A connection in memory; none when the connection is full, ends, or is dead.
    pub fn lane(&self, wheel: &Rc<Wheel>) -> Option<Stream> {
        Some(Stream::of_lane(self.lanes.offer()?, wheel))
    }

    /// The endpoint has not told its settings yet: one stream has to do.
    pub fn is_starting(&self) -> bool {
        self.lanes.stage.get() == Stage::Starting
    }

    pub fn is_closed(&self) -> bool {
        self.lanes.stage.get() == Stage::Closed
    }

    /// It takes no more streams.
    pub fn is_ending(&self) -> bool {
        matches!(self.lanes.stage.get(), Stage::Draining | Stage::Closed) || self.lanes.is_retired()
    }

    /// The endpoint has told its settings, so it speaks HTTP/2.
    pub fn is_settled(&self) -> bool {
        self.lanes.settled.get()
    }

    /// It has carried an exchange: when it breaks, it may have been closed for its age.
    pub fn is_proven(&self) -> bool {
        self.lanes.proven.get()
    }

    /// How long nobody has had a lane; nothing while somebody has.
    pub fn unused_for(&self, now: Instant) -> Option<Duration> {
        let unused = self.lanes.count() == 0;
        unused.then(|| Duration::from_nanos(now.nanos_since(self.lanes.used_at.get())))
    }

    /// Takes no more streams, and closes the connection when the last lane is gone.
    pub fn retire(&self) {
        self.lanes.retire();
    }
}

#[cfg(test)]
mod tests;
