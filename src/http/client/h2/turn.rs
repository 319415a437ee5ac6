//! The turns of a driver: wait until something happened, look at all of it, write once.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::carrier::Carrier;
use super::lanes::Stage;
use super::{Driver, Meter};
use crate::base::clock::Instant;
use crate::net;
use crate::net::deadline::{Action, Deadline, Ends};
use crate::proto::http2::ErrorCode;
use crate::telemetry::series::ClusterSeries;
use crate::telemetry::value::StreamReset;

impl Driver {
    /// Carries the lanes until the connection ends: it breaks, the endpoint closes it, or nobody
    /// uses it any more.
    pub async fn run(mut self) {
        let wheel = self.wire.deadline().wheel().clone();
        let due = wheel.register(Ends::Nothing);
        loop {
            let now = wheel.clock().now();
            self.turn(now);
            if self.is_over() {
                break;
            }
            self.set_due(&due, now);
            // Whoever got bytes by this turn has his say first: his requests leave in the next
            // write together, and what comes meanwhile is there for one read.
            if self.wire.rests() {
                net::runtime::pause().await;
                self.wire.arm();
            }
            poll_fn(|context| self.poll(&due, context)).await;
        }
        self.carrier.end();
        self.wire.close().await;
    }

    fn turn(&mut self, now: Instant) {
        let Self { wire, carrier } = self;
        // A failure is looked at below, with those of `advance`.
        let _ = carrier.engine.tick(now);
        carrier.look(now);
        wire.take(|input| carrier.advance(input, now));
        carrier.settle();
        if let Some(error) = carrier.engine.failure() {
            carrier.fail_all(error);
        }
        wire.write(|written| carrier.swap_out(written));
    }

    fn poll(&mut self, due: &Deadline, context: &mut Context<'_>) -> Poll<()> {
        self.carrier.lanes.watch(context);
        let more = !self.carrier.engine.out().is_empty() || self.is_done();
        let moved = self.wire.poll(context, more).is_ready();
        let rung = self.carrier.lanes.bell.poll_rung(context).is_ready();
        let fired = due.poll_fired(context).is_ready();
        if moved || rung || fired || self.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Nothing more is to be carried.
    fn is_done(&self) -> bool {
        let Carrier { engine, lanes, .. } = &self.carrier;
        let drained = lanes.stage.get() == Stage::Draining && engine.live() == 0;
        engine.failure().is_some() || drained || lanes.is_deserted()
    }

    /// Nor is anything left to be written.
    fn is_over(&self) -> bool {
        let written = self.wire.is_written() && self.carrier.engine.out().is_empty();
        self.wire.is_closed() || (written && self.is_done())
    }

    fn set_due(&self, due: &Deadline, now: Instant) {
        match self.carrier.engine.next_deadline() {
            Some(at) => {
                let after = std::time::Duration::from_nanos(at.nanos_since(now));
                due.set(now, after, Action::Wake);
            }
            None => due.clear(),
        }
    }
}

impl Meter {
    pub(super) fn series(&self) -> &ClusterSeries {
        self.shard.cluster(self.cluster)
    }

    pub(super) fn reset(&self, code: ErrorCode) {
        let cause = StreamReset::from_index(code.0 as usize).unwrap_or(StreamReset::Unknown);
        self.shard.upstream_reset(cause);
    }
}
