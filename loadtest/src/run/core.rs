//! What the tasks of one thread share: the book that is kept of what happens, the schedule, the
//! deadlines, spare memory. Nothing here is seen by another thread.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::pace::Pace;
use super::schedule::{Due, Schedule};
use super::site::{Ask, Site};
use super::watch::{SlotId, Watch};
use crate::outcome::{Fault, Tally, record, record_many};
use crate::plan::template::Filler;

pub(super) struct Core {
    pub(super) site: Arc<Site>,
    pub(super) book: RefCell<Tally>,
    pub(super) watch: Watch,
    pub(super) pace: Pace,
    schedule: RefCell<Schedule>,
    closed_loop: bool,
    filler: RefCell<Filler>,
    /// Until then no request is begun.
    start: Cell<Instant>,
    end: Cell<Instant>,
    stage: Cell<Stage>,
    /// Set while the lane that was answered last has not given the thread away since.
    answered_at: Cell<Option<Instant>>,
    /// Tasks that wait for the start, or for time to pass.
    resting: RefCell<Vec<(Instant, Waker)>>,
    unready: Cell<usize>,
    live: Cell<usize>,
    keeper: RefCell<Option<Waker>>,
    dialing: Cell<usize>,
    dial_queue: RefCell<Vec<Waker>>,
    spare: RefCell<Vec<Vec<u8>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Warming,
    Running,
    Over,
}

/// One request that is to be sent, and when it should have been.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) intended: Instant,
    /// When it was taken, which is never before.
    pub(super) begun: Instant,
    pub(super) target: usize,
}

impl Core {
    /// That of thread `index`, with `lanes` tasks that ask.
    pub(super) fn new(site: Arc<Site>, index: usize, lanes: usize) -> io::Result<Self> {
        let threads = site.plan.threads;
        let schedule = Schedule::new(&site.plan.pacing, index, threads);
        let now = Instant::now();
        Ok(Self {
            closed_loop: !site.plan.open_loop(),
            site,
            book: RefCell::default(),
            watch: Watch::default(),
            pace: Pace::new()?,
            schedule: RefCell::new(schedule),
            filler: RefCell::new(Filler::new(index, threads)),
            start: Cell::new(now),
            end: Cell::new(now),
            stage: Cell::new(Stage::Warming),
            answered_at: Cell::new(None),
            resting: RefCell::default(),
            unready: Cell::new(lanes),
            live: Cell::new(lanes),
            keeper: RefCell::default(),
            dialing: Cell::new(0),
            dial_queue: RefCell::default(),
            spare: RefCell::default(),
        })
    }

    pub(super) fn ask(&self, ticket: &Ticket) -> &Ask {
        &self.site.asks[ticket.target]
    }

    /// Calls `render` with what fills this thread's templates.
    pub(super) fn fill<T>(&self, render: impl FnOnce(&mut Filler) -> T) -> T {
        let mut filler = self.filler.borrow_mut();
        let rendered = render(&mut filler);
        filler.advance();
        rendered
    }

    /// The next request, when it is due; `None` when there is no more to be begun.
    pub(super) async fn next(&self) -> Option<Ticket> {
        // A lane that has just been answered comes at once: the clock need not be asked again.
        let mut now = self.answered_at.take().unwrap_or_else(Instant::now);
        if now >= self.end.get() {
            return None;
        }
        if self.closed_loop {
            return Some(Ticket { intended: now, begun: now, target: self.draw(None) });
        }
        let due = self.schedule.borrow_mut().next()?;
        let intended = self.start.get() + due.at;
        if intended > now {
            self.pace.wait_until(intended).await;
            now = Instant::now();
            if now < intended || intended >= self.end.get() {
                return None;
            }
            record(&mut self.book.borrow_mut().lag, now - intended);
        }
        Some(Ticket { intended, begun: now, target: self.draw(due.target) })
    }

    /// One more for the same write, if it is due already and asks the same place.
    pub(super) fn next_with(&self, first: &Ticket) -> Option<Ticket> {
        let single = self.site.places.len() == 1;
        if self.closed_loop {
            return single.then(|| Ticket { target: self.draw(None), ..*first });
        }
        let now = Instant::now();
        let mut schedule = self.schedule.borrow_mut();
        let due = schedule.next_if(|due| single && self.start.get() + due.at <= now)?;
        let intended = self.start.get() + due.at;
        Some(Ticket { intended, begun: now, target: self.draw(due.target) })
    }

    fn draw(&self, planned: Option<usize>) -> usize {
        planned.unwrap_or_else(|| self.site.draw(&mut self.filler.borrow_mut()))
    }

    /// A right answer came.
    pub(super) fn answered(&self, ticket: &Ticket) {
        let now = Instant::now();
        self.answered_at.set(Some(now));
        let mut book = self.book.borrow_mut();
        book.requests += 1;
        book.answers += 1;
        book.answers_in_time += u64::from(now <= self.end.get());
        record(&mut book.latency, now.saturating_duration_since(ticket.intended));
    }

    /// To be called before a lane that was answered waits for anything but its next request.
    pub(super) fn forget_clock(&self) {
        self.answered_at.set(None);
    }

    pub(super) fn failed(&self, ticket: &Ticket, fault: Fault) {
        let mut book = self.book.borrow_mut();
        book.requests += 1;
        if fault.waited() {
            record(&mut book.latency, ticket.intended.elapsed());
        }
        book.faults.add(fault);
    }

    /// What a wait that ended by its deadline is called.
    pub(super) fn lateness(&self) -> Fault {
        if self.watch.is_cut(Instant::now()) { Fault::Unanswered } else { Fault::Timeout }
    }

    /// The fault as it is, unless the deadline was behind it.
    pub(super) fn judge(&self, slot: SlotId, fault: Fault) -> Fault {
        if self.watch.disarm(slot) { self.lateness() } else { fault }
    }

    /// A request may wait so long from now on.
    pub(super) fn answer_deadline(&self) -> Instant {
        Instant::now() + self.site.plan.timeout
    }

    pub(super) fn over(&self) -> bool {
        self.stage.get() == Stage::Over
            || self.stage.get() == Stage::Running && Instant::now() >= self.end.get()
    }

    /// When the last request may be begun.
    pub(super) fn end(&self) -> Instant {
        self.end.get()
    }

    // The start and the end.

    /// Called by each lane when it is ready; returns when the run begins.
    pub(super) async fn ready(&self) {
        self.unready.set(self.unready.get() - 1);
        self.wake_keeper();
        self.rest_while(|| self.stage.get() == Stage::Warming).await;
    }

    /// Returns when every lane is ready.
    pub(super) async fn all_ready(&self) {
        self.keep_until(|| self.unready.get() == 0).await;
    }

    pub(super) fn begin(&self, start: Instant) {
        let end = start + self.site.plan.duration;
        self.start.set(start);
        self.end.set(end);
        self.watch.cut_at(end + self.site.plan.grace);
        self.stage.set(Stage::Running);
        self.wake_resting(|_| true);
    }

    /// Nothing new is begun; what is under way may still take `grace`.
    pub(super) fn stop(&self, grace: Duration) {
        let now = Instant::now();
        self.end.set(self.end.get().min(now));
        self.watch.cut_at(now + grace);
        self.pace.end();
    }

    /// A lane has ended for good.
    pub(super) fn leave(&self) {
        self.live.set(self.live.get() - 1);
        self.wake_keeper();
    }

    pub(super) async fn all_left(&self) {
        self.keep_until(|| self.live.get() == 0).await;
        self.stage.set(Stage::Over);
        self.pace.end();
    }

    /// What was due before the end and found no free connection. When that is very much, one in so
    /// many stands for its neighbours, so that the count does not take as long as the load.
    pub(super) fn count_unsent(&self) {
        let mut schedule = self.schedule.borrow_mut();
        let mut book = self.book.borrow_mut();
        let span = self.end.get().saturating_duration_since(self.start.get());
        let stride = schedule.left_before(span) / UNSENT_SAMPLES_MAX + 1;
        while let Some(Due { at, .. }) = schedule.next() {
            let intended = self.start.get() + at;
            if intended >= self.end.get() {
                return;
            }
            book.requests += stride;
            record_many(&mut book.latency, self.end.get() - intended, stride);
            book.faults.add_many(Fault::Unsent, stride);
            schedule.skip(stride - 1);
        }
    }

    /// Since the start, once there was one and until the last lane has left.
    pub(super) fn running_for(&self) -> Option<Duration> {
        (self.stage.get() == Stage::Running).then(|| self.start.get().elapsed())
    }

    /// How long requests were begun.
    pub(super) fn elapsed(&self) -> Duration {
        self.end.get().min(Instant::now()).saturating_duration_since(self.start.get())
    }

    async fn keep_until(&self, done: impl Fn() -> bool) {
        poll_fn(|context| {
            if done() {
                return Poll::Ready(());
            }
            *self.keeper.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn wake_keeper(&self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.wake();
        }
    }

    // Waiting, to the grain of the tick.

    /// Waits so long, or until the run is over.
    pub(super) async fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        self.rest_while_until(|| Instant::now() < until && !self.over(), until).await;
    }

    async fn rest_while(&self, condition: impl Fn() -> bool) {
        let far = Instant::now() + Duration::from_secs(86_400);
        self.rest_while_until(condition, far).await;
    }

    async fn rest_while_until(&self, condition: impl Fn() -> bool, until: Instant) {
        poll_fn(|context| {
            if !condition() {
                return Poll::Ready(());
            }
            self.resting.borrow_mut().push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Every few milliseconds.
    pub(super) fn tick(&self) {
        let now = Instant::now();
        self.watch.sweep(now);
        let over = self.over();
        if over {
            self.pace.end();
        }
        self.wake_resting(|until| over || until <= now);
    }

    fn wake_resting(&self, when: impl Fn(Instant) -> bool) {
        self.resting.borrow_mut().retain(|(until, waker)| {
            let wake = when(*until);
            if wake {
                waker.wake_by_ref();
            }
            !wake
        });
    }

    // Connections are opened a few at a time: more would overflow a server's queue.

    pub(super) async fn may_dial(&self) -> Dialing<'_> {
        poll_fn(|context| {
            if self.dialing.get() < DIALS_MAX {
                self.dialing.set(self.dialing.get() + 1);
                return Poll::Ready(());
            }
            self.dial_queue.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
        Dialing(self)
    }

    // Memory for large bodies, lent to those connections that read one.

    pub(super) fn take_large(&self) -> Vec<u8> {
        let spare = self.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(LARGE_BUFFER_BYTES))
    }

    pub(super) fn give_large(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_BUFFERS_MAX {
            spare.push(buffer);
        }
    }
}

/// The right to open a connection, given back when dropped.
pub(super) struct Dialing<'a>(&'a Core);

impl Drop for Dialing<'_> {
    fn drop(&mut self) {
        self.0.dialing.set(self.0.dialing.get() - 1);
        if let Some(next) = self.0.dial_queue.borrow_mut().pop() {
            next.wake();
        }
    }
}

const UNSENT_SAMPLES_MAX: u64 = 200_000;
const DIALS_MAX: usize = 64;
pub(super) const LARGE_BUFFER_BYTES: usize = 256 * 1024;
const SPARE_BUFFERS_MAX: usize = 16;
