//! Raw TCP: a message out, so many bytes in. And connections that are only held.

use std::rc::Rc;

use super::core::{Core, Ticket};
use super::dial::dial;
use super::exam::Exam;
use super::lane::{Lane, Talk};
use super::stream::Stream;
use crate::outcome::Fault;
use crate::plan::Protocol;

pub(super) struct Messages;

impl Talk for Messages {
    async fn open(lane: &mut Lane, target: usize) -> Result<(), Fault> {
        lane.open(lane.core.site.asks[target].place).await
    }

    async fn exchange(lane: &mut Lane, ticket: &Ticket) -> Result<(), Fault> {
        lane.exchange(ticket).await
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
            lane.rest().await;
        }
        if lane.core.over() {
            return;
        }
        opened = lane.open(lane.core.site.asks[0].place).await;
    }
}

impl Lane {
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
            match self.read_anew(&mut stream).await? {
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

    /// What came before has been looked at.
    async fn read_anew(&mut self, stream: &mut Stream) -> Result<usize, Fault> {
        self.buffer.clear();
        self.read(stream).await
    }

    /// What ended it, if it was not the end of the run.
    async fn watch_until_the_end(&mut self) -> Option<Fault> {
        let (_, mut stream) = self.stream.take()?;
        loop {
            self.core.watch.arm(self.slot, stream.fd(), self.core.end());
            let result = self.read_anew(&mut stream).await;
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
