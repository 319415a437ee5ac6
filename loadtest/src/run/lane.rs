//! A connection on which one thing is asked after the other, and what goes wrong with it. What is
//! said on it is its `Talk`.

use std::rc::Rc;
use std::time::Duration;

use super::core::{Core, Ticket};
use super::stream::Stream;
use super::watch::SlotId;
use crate::outcome::Fault;

pub(super) struct Lane {
    pub(super) core: Rc<Core>,
    pub(super) slot: SlotId,
    /// And whom it leads to: what `Talk::exchange` tells them apart by.
    pub(super) stream: Option<(usize, Stream)>,
    pub(super) buffer: Vec<u8>,
    pub(super) failures: u32,
    pub(super) served: u64,
}

pub(super) trait Talk {
    /// Opens the connection for a target.
    async fn open(lane: &mut Lane, target: usize) -> Result<(), Fault>;

    /// Asks, and looks at the answer.
    async fn exchange(lane: &mut Lane, ticket: &Ticket) -> Result<(), Fault>;
}

pub(super) async fn run<T: Talk>(core: Rc<Core>) {
    let mut lane = Lane::new(core);
    if lane.core.site.plan.requests_per_connection.is_none() {
        // The first message will see for itself what is wrong.
        let _ = T::open(&mut lane, 0).await;
    }
    lane.core.ready().await;
    while let Some(ticket) = lane.core.next().await {
        let result = T::exchange(&mut lane, &ticket).await;
        let late = lane.core.watch.disarm(lane.slot);
        match result {
            Ok(()) => {
                lane.core.answered(&ticket);
                lane.failures = 0;
                lane.wear();
            }
            Err(fault) => {
                lane.stream = None;
                lane.core.failed(&ticket, if late { lane.core.lateness() } else { fault });
                if !lane.core.site.plan.open_loop() {
                    lane.rest().await;
                }
            }
        }
    }
}

impl Lane {
    pub(super) fn new(core: Rc<Core>) -> Self {
        let slot = core.watch.slot();
        Self { core, slot, stream: None, buffer: Vec::new(), failures: 0, served: 0 }
    }

    /// Longer each time that something fails.
    pub(super) async fn rest(&mut self) {
        self.core.rest(Duration::from_millis(10) * 2u32.pow(self.failures.min(6))).await;
        self.failures += 1;
    }

    /// Reads more behind what the buffer holds.
    pub(super) async fn read(&mut self, stream: &mut Stream) -> Result<usize, Fault> {
        let buffer = std::mem::take(&mut self.buffer);
        let (result, buffer) = stream.receive(buffer).await;
        self.buffer = buffer;
        let count = result.map_err(|error| Fault::io(&error))?;
        self.core.book.borrow_mut().received_bytes += count as u64;
        Ok(count)
    }

    fn wear(&mut self) {
        self.served += 1;
        if self.core.site.plan.requests_per_connection.is_some_and(|most| self.served >= most) {
            self.stream = None;
        }
    }
}
