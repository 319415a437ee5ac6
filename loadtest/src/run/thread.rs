//! One thread of the load: its runtime, its tasks, and what it reports.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use monoio::net::TcpStream;

use super::core::Core;
use super::site::Site;
use super::{Stop, lanes};
use crate::os::{self, TimerFd};
use crate::outcome::Tally;

/// What a thread is given.
pub(super) struct Share {
    pub(super) site: Arc<Site>,
    pub(super) index: usize,
    pub(super) connections: usize,
    pub(super) core: Option<usize>,
    pub(super) stop: Stop,
    /// All threads begin at once, when the last one has its connections.
    pub(super) line: Arc<Line>,
    pub(super) reports: Sender<Report>,
}

pub(super) struct Line {
    barrier: Barrier,
    start: OnceLock<Instant>,
}

/// What a thread says while it runs, and at its end.
pub(super) enum Report {
    Begun(Instant),
    /// What happened since the report before, within second `at` of the run.
    Interval {
        at: u64,
        tally: Box<Tally>,
    },
    Done(End),
    Failed(String),
}

pub(super) struct End {
    pub(super) elapsed: Duration,
    pub(super) cpu: Duration,
    /// The part of its running time that the thread was busy.
    pub(super) busy: f64,
}

impl Line {
    pub(super) fn new(threads: usize) -> Self {
        Self { barrier: Barrier::new(threads), start: OnceLock::new() }
    }

    /// Returns when all have come, with the moment that is the same for all.
    fn wait(&self) -> Instant {
        self.barrier.wait();
        *self.start.get_or_init(Instant::now)
    }
}

/// The thread's whole life; even a bug of ours must not leave the others waiting for its report.
pub(super) fn run_fenced(share: Share) {
    let reports = share.reports.clone();
    if catch_unwind(AssertUnwindSafe(|| run(share))).is_err() {
        let _ = reports.send(Report::Failed("a thread of the load panicked".to_owned()));
    }
}

/// The same without the fence. A thread that cannot begin still lets the others do so.
fn run(share: Share) {
    let reports = share.reports.clone();
    let line = Arc::clone(&share.line);
    if let Some(id) = share.core {
        core_affinity::set_for_current(core_affinity::CoreId { id });
    }
    os::sharpen_timers();
    let driver = share.site.driver;
    let ran = driver.run(share.connections, async move {
        // What fails here fails before the line.
        let prepared = prepare(&share);
        match prepared {
            Ok((core, ticker)) => {
                load(&share, core, ticker).await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    });
    if let Err(error) = ran.and_then(|result| result) {
        // Nobody listens any more only when the run was given up.
        let _ = reports.send(Report::Failed(format!("a thread of the load cannot run: {error}")));
        line.wait();
    }
}

fn prepare(share: &Share) -> io::Result<(Rc<Core>, Ticker)> {
    let lanes = lanes::count(&share.site.plan, share.connections);
    let core = Rc::new(Core::new(Arc::clone(&share.site), share.index, lanes)?);
    Ok((core, Ticker::new()?))
}

async fn load(share: &Share, core: Rc<Core>, ticker: Ticker) {
    let reporter = Reporter { core: Rc::clone(&core), reports: share.reports.clone() };
    let stop = share.stop.clone();
    drop(monoio::spawn(tick(Rc::clone(&core), ticker, stop, reporter)));
    let pacer = Rc::clone(&core);
    drop(monoio::spawn(async move { pacer.pace.keep().await }));
    lanes::spawn(&core, share.connections);
    core.all_ready().await;
    let start = share.line.wait();
    let cpu_before = os::thread_cpu();
    // Whether anybody still listens makes no difference to the load.
    let _ = share.reports.send(Report::Begun(start));
    core.begin(start);
    core.all_left().await;
    core.count_unsent();
    let cpu = os::thread_cpu().saturating_sub(cpu_before);
    let busy = cpu.as_secs_f64() / start.elapsed().as_secs_f64().max(1e-9);
    let tally = Box::new(core.book.take());
    let _ = share.reports.send(Report::Interval { at: start.elapsed().as_secs(), tally });
    let _ = share.reports.send(Report::Done(End { elapsed: core.elapsed(), cpu, busy }));
}

/// A timer that fires every few milliseconds, for all that needs no better grain.
struct Ticker {
    timer: TimerFd,
    polled: TcpStream,
}

struct Reporter {
    core: Rc<Core>,
    reports: Sender<Report>,
}

impl Ticker {
    fn new() -> io::Result<Self> {
        let timer = TimerFd::new()?;
        let polled = TcpStream::from_std(timer.as_stream()?)?;
        timer.set(TICK, TICK);
        Ok(Self { timer, polled })
    }
}

/// Ends with the thread.
async fn tick(core: Rc<Core>, ticker: Ticker, stop: Stop, reporter: Reporter) {
    let mut second = 0;
    while ticker.polled.readable(false).await.is_ok() {
        ticker.timer.clear();
        if stop.raised() {
            core.stop(GRACE_AT_STOP.min(core.site.plan.grace));
        }
        core.tick();
        if let Some(running) = core.running_for()
            && running.as_secs() > second
        {
            reporter.report(second);
            second = running.as_secs();
        }
    }
}

impl Reporter {
    fn report(&self, at: u64) {
        let tally = Box::new(self.core.book.take());
        let _ = self.reports.send(Report::Interval { at, tally });
    }
}

const TICK: Duration = Duration::from_millis(10);
/// Who stops a run does not want to wait long for what is still under way.
const GRACE_AT_STOP: Duration = Duration::from_millis(500);
