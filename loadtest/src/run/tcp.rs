//! Raw TCP: a message out, so many bytes in. And connections that are only held.

use std::rc::Rc;
use std::time::Duration;

use super::core::{Core, Ticket};
use super::dial::dial;
use super::exam::Exam;
use super::stream::Stream;
use super::watch::SlotId;
use crate::outcome::Fault;
use crate::plan::Protocol;

struct Lane {
    core: Rc<Core>,
    slot: SlotId,
    stream: Option<(usize, Stream)>,
    buffer: Vec<u8>,
    failures: u32,
    served: u64,
}

pub(super) async fn run(core: Rc<Core>) {
    let mut lane = Lane::new(core);
    if lane.core.site.plan.requests_per_connection.is_none() {
        // The first message will see for itself what is wrong.
        let _ = lane.open(lane.core.site.asks[0].place).await;
    }
    lane.core.ready().await;
    while let Some(ticket) = lane.core.next().await {
        let result = lane.exchange(&ticket).await;
        let late = lane.core.watch.disarm(lane.slot);
        match result {
            Ok(()) => {
                lane.core.answered(&ticket);
                lane.failures = 0;
                lane.served += 1;
                let worn = lane.core.site.plan.requests_per_connection;
                if worn.is_some_and(|most| lane.served >= most) {
                    lane.stream = None;
                }
            }
            Err(fault) => {
                lane.stream = None;
                lane.core.failed(&ticket, if late { lane.core.lateness() } else { fault });
                lane.rest().await;
            }
        }
    }
}

/// Opens a connection and holds it to the end; opens another when it is closed.
pub(super) async fn hold(core: Rc<Core>) {
    let mut lane = Lane::new(core);
    let mut opened = lane.open(lane.core.site.asks[0].place).await;
    lane.core.ready().await;
    while !lane.core.over() {
        let fault = match opened {
            Ok(()) => lane.watch_until_the_end().await,
            Err(fault) => Some(fault),
        };
        if let Some(fault) = fault {
            lane.core.book.borrow_mut().faults.add(fault);
            lane.core.rest(Duration::from_millis(10) * 2u32.pow(lane.failures.min(6))).await;
            lane.failures += 1;
        }
        if lane.core.over() {
            return;
        }
        opened = lane.open(lane.core.site.asks[0].place).await;
    }
}

impl Lane {
    fn new(core: Rc<Core>) -> Self {
        let slot = core.watch.slot();
        Self { core, slot, stream: None, buffer: Vec::new(), failures: 0, served: 0 }
    }

    async fn rest(&mut self) {
        if !self.core.site.plan.open_loop() {
            self.core.rest(Duration::from_millis(10) * 2u32.pow(self.failures.min(6))).await;
            self.failures += 1;
        }
    }

    async fn open(&mut self, place: usize) -> Result<(), Fault> {
        let core = Rc::clone(&self.core);
        let stream = Box::pin(dial(&core, self.slot, &core.site.places[place])).await?;
        self.stream = Some((place, stream));
        self.served = 0;
        Ok(())
    }

    async fn exchange(&mut self, ticket: &Ticket) -> Result<(), Fault> {
        let core = Rc::clone(&self.core);
        let ask = core.ask(ticket);
        if self.stream.as_ref().is_none_or(|(place, _)| *place != ask.place) {
            self.stream = None;
            self.open(ask.place).await?;
        }
        let (place, mut stream) = self.stream.take().expect("it was opened just above");
        core.watch.arm(self.slot, stream.fd(), core.answer_deadline());
        let message = core.fill(|filler| ask.message(filler));
        let wanted = match core.site.plan.protocol {
            Protocol::Tcp { answer_bytes } if answer_bytes > 0 => answer_bytes,
            _ => message.len(),
        };
        core.book.borrow_mut().sent_bytes += message.len() as u64;
        stream.send(message).await.map_err(|error| Fault::io(&error))?;
        let mut exam = Exam::new(&ask.check, None);
        let mut left = wanted;
        while left > 0 {
            match self.read(&mut stream).await? {
                0 if left == wanted => return Err(Fault::ClosedUnanswered),
                0 => return Err(Fault::ClosedMidway),
                count if count > left => return Err(Fault::Unasked),
                count => left -= count,
            }
            exam.body_part(&self.buffer);
        }
        exam.finish(&core)?;
        self.stream = Some((place, stream));
        Ok(())
    }

    async fn read(&mut self, stream: &mut Stream) -> Result<usize, Fault> {
        self.buffer.clear();
        let buffer = std::mem::take(&mut self.buffer);
        let (result, buffer) = stream.receive(buffer).await;
        self.buffer = buffer;
        let count = result.map_err(|error| Fault::io(&error))?;
        self.core.book.borrow_mut().received_bytes += count as u64;
        Ok(count)
    }

    /// What ended it, if it was not the end of the run.
    async fn watch_until_the_end(&mut self) -> Option<Fault> {
        let (_, mut stream) = self.stream.take()?;
        loop {
            self.core.watch.arm(self.slot, stream.fd(), self.core.end());
            let result = self.read(&mut stream).await;
            self.core.watch.disarm(self.slot);
            match result {
                _ if self.core.over() => return None,
                Ok(0) => return Some(Fault::ClosedUnanswered),
                // A greeting, as some protocols have it.
                Ok(_) => (),
                Err(fault) => return Some(fault),
            }
        }
    }
}
