//! `Tee`: a body that goes to two places. Who moves it to the one never waits for the other: what is
//! sent on is copied into a bounded buffer, and when that is full the copy breaks off. A copy that
//! broke off is never ended. Of one worker.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use crate::limits::TEE_BYTES_MAX;

#[derive(Default)]
pub struct Tee {
    copied: RefCell<Vec<u8>>,
    state: Cell<State>,
    reader: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// All of the body was copied.
    Ended,
    /// Some of it was not.
    Broken,
}

/// What the reader gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Copied {
    Bytes(Vec<u8>),
    End,
    /// The rest never comes.
    Broken,
}

impl Tee {
    /// Copies what is sent on.
    pub fn push(&self, bytes: &[u8]) {
        if self.state.get() != State::Open || bytes.is_empty() {
            return;
        }
        if self.copied.borrow().len() + bytes.len() > TEE_BYTES_MAX {
            return self.close(State::Broken);
        }
        self.copied.borrow_mut().extend_from_slice(bytes);
        self.wake();
    }

    /// The body is complete.
    pub fn end(&self) {
        self.close(State::Ended);
    }

    /// The body ends here, complete or not: without effect behind `end`.
    pub fn break_off(&self) {
        self.close(State::Broken);
    }

    /// What was copied since the last time; waits while there is nothing.
    pub async fn next(&self) -> Copied {
        poll_fn(|context| {
            let mut copied = self.copied.borrow_mut();
            match self.state.get() {
                State::Broken => Poll::Ready(Copied::Broken),
                _ if !copied.is_empty() => Poll::Ready(Copied::Bytes(std::mem::take(&mut *copied))),
                State::Ended => Poll::Ready(Copied::End),
                State::Open => {
                    *self.reader.borrow_mut() = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn close(&self, state: State) {
        if self.state.get() == State::Open {
            self.state.set(state);
            if state == State::Broken {
                self.copied.take();
            }
            self.wake();
        }
    }

    fn wake(&self) {
        let reader = self.reader.borrow_mut().take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests;
