//! A request body on its way to the endpoint, beside the wait for the response: an endpoint may
//! answer before it has read all, and a client may wait for a word (100) before it sends any.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use super::forward::Rest;
use super::place::Place;
use crate::base::buffer::Buffer;
use crate::http::Broke;
use crate::http::transfer::Transfer;
use crate::net::deadline::{Action, Deadline};
use crate::net::socket::Side;
use crate::net::stream::Stream;

type Run<'a> = Pin<Box<dyn Future<Output = Result<Buffer, Broke>> + 'a>>;

/// One body under way. Boxed: most requests have none, and theirs must not pay for its size.
pub struct Upload<'a> {
    run: Run<'a>,
    done: Option<Result<Buffer, Broke>>,
    /// The client has not sent on in time. It is still read from, so that what it sends on behind
    /// its 408 does not reset the connection.
    slow: bool,
    deadlines: &'a UploadDeadlines,
    place: Place<'a>,
    up: &'a Stream,
}

/// Runs `main` to its end, and the upload, if there is one, as far as it gets meanwhile.
pub async fn beside<F: Future>(upload: &mut Option<Upload<'_>>, main: F) -> F::Output {
    let mut main = pin!(main);
    poll_fn(|context| {
        if let Some(upload) = upload {
            upload.advance(context);
        }
        main.as_mut().poll(context)
    })
    .await
}

/// Deadlines of the two directions that an upload uses, apart from those of the response.
pub struct UploadDeadlines {
    read: Deadline,
    write: Deadline,
    pub moved: Cell<u64>,
}

impl UploadDeadlines {
    pub fn new(place: &Place<'_>, up: &Stream) -> Self {
        let (read, write) = (place.connection.stream.another_deadline(), up.another_deadline());
        Self { read, write, moved: Cell::new(0) }
    }
}

impl<'a> Upload<'a> {
    /// Of a body whose begin was sent with the head.
    pub fn begin(
        place: Place<'a>,
        up: &'a Stream,
        deadlines: &'a UploadDeadlines,
        rest: Rest,
    ) -> Self {
        let Rest { mut body, came, tee } = rest;
        let limits = &place.bind.settings.limits;
        let transfer = Transfer {
            from: &place.connection.stream,
            to: up,
            read_deadline: &deadlines.read,
            write_deadline: &deadlines.write,
            read_limit: limits.read,
            read_ends: Action::Wake,
            write_limit: limits.write,
            until: None,
            buffers: &place.view.resources.buffers,
            pipes: &place.view.resources.pipes,
            ends_with_receiver: false,
            chunk: false,
            moved: &deadlines.moved,
            tee: None,
        };
        let run = Box::pin(async move {
            let transfer = Transfer { tee: tee.as_deref(), ..transfer };
            let buffers = transfer.buffers;
            let mut front = buffers.take();
            let result = transfer.run(&mut front, &mut body, came).await;
            buffers.give(front);
            result
        });
        Self { run, done: None, slow: false, deadlines, place, up }
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        if self.done.is_some() {
            return;
        }
        if let Poll::Ready(done) = self.run.as_mut().poll(context) {
            // Without the rest of the body no response is worth waiting for. An endpoint that
            // stopped reading is another matter: it may have said why.
            if let Err(Broke::Malformed(_) | Broke::ReadClosed | Broke::ReadSlow) = done {
                self.up.shutdown(Side::Both);
            }
            self.done = Some(done);
        } else if !self.slow && self.deadlines.read.poll_fired(context).is_ready() {
            self.slow = true;
            self.up.shutdown(Side::Both);
        }
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<Result<(), Broke>> {
        match &self.done {
            _ if self.slow => Some(Err(Broke::ReadSlow)),
            done => done.as_ref().map(|done| done.as_ref().map(drop).map_err(|broke| *broke)),
        }
    }

    /// Waits for its end. Gives what came behind the body.
    pub async fn finish(mut self) -> Result<Buffer, Broke> {
        match self.done.take() {
            Some(done) => done,
            None => self.run.await,
        }
    }

    /// The client has its answer and the body is not complete: nobody wants the rest. The client is
    /// told that no more will be sent, and is listened to for a while so that it reads its answer:
    /// `linger`; none where all of the body had come from the client.
    pub async fn abandon(self, deadlines: &UploadDeadlines, linger: Option<Duration>) {
        self.up.shutdown(Side::Both);
        if let Some(linger) = linger
            && self.done.is_none()
        {
            self.place.connection.stream.shutdown(Side::Write);
            deadlines.read.set(self.place.connection.now(), linger, Action::EndRead);
        }
        let buffers = &self.place.view.resources.buffers;
        if let Ok(rest) = self.finish().await {
            buffers.give(rest);
        }
    }
}
