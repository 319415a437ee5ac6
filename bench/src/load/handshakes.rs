//! A TLS connection for each request: says what a handshake costs, full or resumed. Blocking
//! threads, for the load's core has nothing better to do than to wait for the proxy.
//!
//! Each thread is a client of its own with its own tickets. A handshake that is not of the kind
//! that was asked for ends the measurement: full ones would hide among resumed ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::fleet::TURN_TIME_MAX;
use super::tls::{Client, Trust};
use super::{Error, Job, Tally};
use crate::stop;

pub(crate) struct Handshakes {
    shared: Arc<Shared>,
    failures: Receiver<Error>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    job: Job,
    resumed: bool,
    made: AtomicU64,
    over: AtomicBool,
}

impl Handshakes {
    /// `job` is of one request a connection.
    pub(crate) fn start(
        job: Job,
        trust: &Trust,
        resumed: bool,
        connections: usize,
    ) -> Result<Self, Error> {
        let (made, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { job, resumed, made, over });
        let (report, failures) = mpsc::channel();
        let mut load = Self { shared, failures, threads: Vec::with_capacity(connections) };
        for _ in 0..connections {
            let (shared, report) = (Arc::clone(&load.shared), report.clone());
            let client = trust.client(resumed)?;
            load.threads.push(thread::spawn(move || shared.work(&client, &report)));
        }
        Ok(load)
    }

    pub(crate) fn run(&self, window: Duration) -> Result<Tally, Error> {
        let (start, before) = (Instant::now(), self.shared.made.load(Ordering::Relaxed));
        while start.elapsed() < window {
            if stop::requested() {
                return Err(Error::Interrupted);
            }
            let left = window.saturating_sub(start.elapsed());
            if let Ok(error) = self.failures.recv_timeout(left.min(TURN_TIME_MAX)) {
                return Err(error);
            }
        }
        Tally::of(self.shared.made.load(Ordering::Relaxed) - before, start.elapsed())
    }

    /// Every connection that was opened must still get its answer.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.join();
        self.failures.try_recv().map_or(Ok(()), Err)
    }

    fn join(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so on standard error.
            let _ = thread.join();
        }
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        self.join();
    }
}

impl Shared {
    fn work(&self, client: &Client, report: &Sender<Error>) {
        if let Err(error) = self.repeat(client) {
            // Nobody listens when another failed before.
            let _ = report.send(error);
        }
    }

    fn repeat(&self, client: &Client) -> Result<(), Error> {
        let mut first = true;
        while !self.over.load(Ordering::Relaxed) {
            let exchanged = client.exchange(self.job.address, &self.job.request)?;
            // The first has no ticket yet.
            if exchanged.resumed != self.resumed && !first {
                return Err(Error::Handshake { resumed: exchanged.resumed });
            }
            first = false;
            let (expected, announced) = (self.job.body_bytes, exchanged.body.len() as u64);
            if announced != expected {
                return Err(Error::BodyBytes { expected, announced });
            }
            self.made.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
