//! Operations that are kept with their connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{Done, Stream};
use crate::base::buffer::Buffer;
use crate::limits::SEND_QUIETLY_BYTES_MAX;

/// An operation that is kept with its connection: put on the ring before anybody waits for it, or
/// when nobody does. The one box is used again for each, so that only the first allocates.
struct Kept {
    future: Pin<Box<dyn Future<Output = Done>>>,
    /// What a first look brought at once.
    early: Option<Done>,
    done: bool,
}

impl Kept {
    fn new(operation: impl Future<Output = Done> + 'static) -> Self {
        Self { future: Box::pin(operation), early: None, done: false }
    }

    /// Puts the next operation into the box of the last one, which must be finished.
    fn put(&mut self, operation: impl Future<Output = Done> + 'static) {
        assert!(self.done, "an operation in flight is finished, never dropped");
        let empty: Pin<Box<dyn Future<Output = Done>>> = Box::pin(std::future::pending());
        let old = std::mem::replace(&mut self.future, empty);
        self.future = replace(old, operation);
        self.done = false;
    }

    /// Begins an operation that only begins when it is polled.
    fn begin(&mut self) {
        if let Poll::Ready(done) =
            self.future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            self.early = Some(done);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Done> {
        debug_assert!(!self.done, "an operation is taken once");
        let polled = match self.early.take() {
            Some(done) => Poll::Ready(done),
            None => self.future.as_mut().poll(context),
        };
        self.done = polled.is_ready();
        polled
    }
}

/// A read that is armed before anybody waits for it: an idle upstream connection notices in it that
/// the peer closed, or sent what nobody asked for.
pub struct ArmedRead(Kept);

impl ArmedRead {
    pub fn new(stream: &Stream, buffer: Buffer) -> Self {
        let mut kept = Kept::new(stream.recv(buffer));
        if !stream.is_plain() {
            kept.begin();
        }
        Self(kept)
    }

    /// Arms the next read. The last one must be finished.
    pub fn arm(&mut self, stream: &Stream, buffer: Buffer) {
        self.0.put(stream.recv(buffer));
        if !stream.is_plain() {
            self.0.begin();
        }
    }

    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Done> {
        self.0.poll(context)
    }

    /// Waits for the read.
    pub async fn finish(&mut self) -> Done {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Where its operation lies.
    #[cfg(test)]
    pub(super) fn place(&self) -> *const () {
        (&raw const *self.0.future).cast()
    }

    pub fn is_armed(&self) -> bool {
        !self.0.done
    }
}

/// The last small write of a connection, which nobody waits for: it is on the ring, and done by the
/// time that the next request comes, which is when it is looked at.
#[derive(Default)]
pub struct LastSend(Option<Kept>);

impl LastSend {
    /// Whether a write of `bytes` may be left to itself: not a large one, and none on epoll, where
    /// an operation is done by whoever polls it.
    pub fn takes(stream: &Stream, bytes: usize) -> bool {
        bytes <= SEND_QUIETLY_BYTES_MAX && stream.goes_on_by_itself()
    }

    /// Puts the write on the ring. The last one must be finished.
    pub fn start(&mut self, stream: &Stream, buffer: Buffer) {
        match &mut self.0 {
            Some(kept) => kept.put(stream.send(buffer)),
            None => self.0 = Some(Kept::new(stream.send(buffer))),
        }
    }

    pub fn is_under_way(&self) -> bool {
        self.0.as_ref().is_some_and(|kept| !kept.done)
    }

    /// How it ended. One must be under way.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Done> {
        self.0.as_mut().expect("a write is under way").poll(context)
    }
}

/// Puts `next` into the box that `old` is in, whose future is finished. All operations of one kind
/// are of one type, so the box fits.
fn replace<F: Future<Output = Done> + 'static>(
    old: Pin<Box<dyn Future<Output = Done>>>,
    next: F,
) -> Pin<Box<dyn Future<Output = Done>>> {
    if size_of_val(&*old) != size_of::<F>() || align_of_val(&*old) != align_of::<F>() {
        return Box::pin(next);
    }
    // SAFETY: the box has the size and alignment of `F`. The finished future in it is dropped in
    // place first, and pinning is kept: the place does not move, its old content is gone.
    unsafe {
        let place = Box::into_raw(Pin::into_inner_unchecked(old));
        std::ptr::drop_in_place(place);
        let place = place.cast::<F>();
        place.write(next);
        Pin::new_unchecked(Box::from_raw(place))
    }
}
