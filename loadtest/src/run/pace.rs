//! Waiting until a request is due, to some microseconds: a timer of the kernel's and a queue of
//! tasks. Times are handed out in order, so that the queue is sorted by itself.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use monoio::net::TcpStream;

use crate::os::TimerFd;

pub(super) struct Pace {
    timer: TimerFd,
    polled: TcpStream,
    waiting: RefCell<VecDeque<(Instant, Waker)>>,
    /// The task that watches the timer, when nothing is waiting.
    keeper: RefCell<Option<Waker>>,
    over: Cell<bool>,
}

impl Pace {
    pub(super) fn new() -> io::Result<Self> {
        let timer = TimerFd::new()?;
        let polled = TcpStream::from_std(timer.as_stream()?)?;
        Ok(Self {
            timer,
            polled,
            waiting: RefCell::default(),
            keeper: RefCell::default(),
            over: Cell::new(false),
        })
    }

    /// Waits until then, or until all waiting is over. Called with times that do not fall.
    pub(super) async fn wait_until(&self, when: Instant) {
        let mut queued = false;
        poll_fn(|context| {
            if self.over.get() || Instant::now() >= when {
                return Poll::Ready(());
            }
            if !queued {
                queued = true;
                self.waiting.borrow_mut().push_back((when, context.waker().clone()));
                self.wake_keeper();
            }
            Poll::Pending
        })
        .await;
    }

    /// Nobody waits any more, now or later.
    pub(super) fn end(&self) {
        self.over.set(true);
        self.waiting.borrow_mut().drain(..).for_each(|(_, waker)| waker.wake());
        self.wake_keeper();
        // A keeper that waits for the timer sees it fire.
        self.timer.set(Duration::ZERO, Duration::ZERO);
    }

    /// Runs beside the tasks that wait, until the end.
    pub(super) async fn keep(&self) {
        while let Some(next) = self.first().await {
            let now = Instant::now();
            if next > now && self.sleep(next - now).await.is_err() {
                return;
            }
            self.wake_due(Instant::now());
        }
    }

    async fn sleep(&self, time: Duration) -> io::Result<()> {
        self.timer.set(time, Duration::ZERO);
        self.polled.readable(false).await?;
        self.timer.clear();
        Ok(())
    }

    fn wake_keeper(&self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.wake();
        }
    }

    /// When the first of those that wait is due. Waits for one to come; `None` at the end.
    async fn first(&self) -> Option<Instant> {
        poll_fn(|context| {
            if self.over.get() {
                return Poll::Ready(None);
            }
            if let Some((when, _)) = self.waiting.borrow().front() {
                return Poll::Ready(Some(*when));
            }
            *self.keeper.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn wake_due(&self, now: Instant) {
        let mut waiting = self.waiting.borrow_mut();
        while waiting.front().is_some_and(|(when, _)| *when <= now) {
            if let Some((_, waker)) = waiting.pop_front() {
                waker.wake();
            }
        }
    }
}
