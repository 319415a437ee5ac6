//! Carries out a plan: threads, each with a loop of its own and nothing shared, and the caller's
//! own, which gathers what they report once a second and watches the server beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use self::gather::Gathering;
use self::site::{Obstacle, Site};
use self::thread::{Line, Share};
use crate::os;
use crate::outcome::{Fault, Outcome, Second, Tally};
use crate::plan::{Plan, Refusal};

mod core;
mod dial;
mod driver;
mod duplex;
mod exam;
mod gather;
mod http1;
mod http2;
mod lane;
mod lanes;
mod pace;
mod schedule;
mod site;
mod slow;
mod stream;
mod tcp;
mod thread;
mod tls;
mod watch;
mod websocket;

/// What the caller wants to know and to say while a run is under way.
#[derive(Default)]
pub struct Hooks<'a> {
    /// Called on the caller's thread, once for each second that is over.
    pub progress: Option<Progress<'a>>,
    /// Ends the run in good order when it is raised: what came so far is reported.
    pub stop: Stop,
}

pub type Progress<'a> = Box<dyn FnMut(&Second) + 'a>;

/// A flag that ends a run early. Clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    signals: bool,
}

impl Stop {
    /// One that SIGINT and SIGTERM raise, too. The second signal still ends the process.
    pub fn at_signals() -> Self {
        os::count_interruptions();
        Self { signals: true, ..Self::default() }
    }

    pub fn raise(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    pub fn raised(&self) -> bool {
        self.flag.load(Ordering::Relaxed) || self.signals && os::interruptions() > 0
    }
}

/// Carries out the plan and says what came of it. Blocks until it is over. May run on several
/// threads at a time, each with a plan of its own.
///
/// # Errors
/// Why the plan cannot be begun at all. What goes wrong later is in the outcome.
pub fn execute(plan: &Plan, hooks: &mut Hooks<'_>) -> Result<Outcome, Refusal> {
    let mut plan = plan.clone();
    let mut notes = Vec::new();
    cap(&mut plan, &mut notes);
    let site = match Site::prepare(&plan) {
        Ok(site) => Arc::new(site),
        Err(Obstacle::Refusal(refusal)) => return Err(refusal),
        Err(Obstacle::Fault(fault)) => return Ok(nothing(&plan, fault)),
    };
    if !site.driver.is_uring() {
        notes.push("the load runs on epoll: io_uring is not to be had here".to_owned());
    }
    let (reports, reported) = channel();
    let line = Arc::new(Line::new(plan.threads));
    let mut gathering = Gathering::new(&plan, notes)?;
    std::thread::scope(|scope| {
        for index in 0..plan.threads {
            let share = Share {
                site: Arc::clone(&site),
                index,
                connections: share_of(plan.connections, index, plan.threads),
                core: (!plan.cores.is_empty()).then(|| plan.cores[index % plan.cores.len()]),
                stop: hooks.stop.clone(),
                line: Arc::clone(&line),
                reports: reports.clone(),
            };
            scope.spawn(move || thread::run_fenced(share));
        }
        drop(reports);
        gathering.gather(&reported, hooks);
    });
    Ok(gathering.finish(hooks.stop.raised()))
}

/// No more threads than connections, no more connections than descriptors.
fn cap(plan: &mut Plan, notes: &mut Vec<String>) {
    let limit = os::raise_descriptor_limit().unwrap_or(1024);
    let own = DESCRIPTORS_OWN + 8 * plan.threads as u64;
    let most = usize::try_from(limit.saturating_sub(own)).unwrap_or(usize::MAX).max(1);
    if plan.connections > most {
        let wanted = plan.connections;
        notes.push(format!("{most} connections, not {wanted}: {limit} files may be open"));
        plan.connections = most;
    }
    plan.threads = plan.threads.min(plan.connections).max(1);
}

fn share_of(all: usize, index: usize, shares: usize) -> usize {
    all / shares + usize::from(index < all % shares)
}

/// The outcome of a run that ended before its first request.
fn nothing(plan: &Plan, fault: Fault) -> Outcome {
    let mut tally = Tally::default();
    tally.faults.add(fault);
    Outcome {
        open_loop: plan.open_loop(),
        elapsed: Duration::ZERO,
        connections: 0,
        tally,
        timeline: Vec::new(),
        own_cpu: Duration::ZERO,
        own_busy: 0.0,
        own_resident_bytes_max: os::resident_bytes_max(),
        server: None,
        notes: Vec::new(),
        interrupted: false,
    }
}

/// What is open besides connections.
const DESCRIPTORS_OWN: u64 = 64;
