//! The thread that drains every worker's log ring, makes lines of the records and writes them. It
//! alone touches the file: a disk that is full or slow costs records, which are counted, and never
//! a worker's time. Refuses to wait for the disk at a stop longer than it is told to.

mod sink;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::base::ring::Consumer;
use crate::limits::{LOG_BLOCK_BYTES, LOG_ORDERS_MAX, LOG_POLL_BUSY_MS, LOG_POLL_MS};
use crate::telemetry::access_log::line::{Formatter, LineFormat};
use crate::telemetry::labels::Names;
use crate::telemetry::tally::Tally;
use sink::Sink;

/// Where the access log goes. (The process log goes to standard error: see `telemetry::log`.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    #[default]
    Stdout,
    File(PathBuf),
}

/// Control's end of the thread. Dropped without `stop`, the thread writes what waits and ends.
pub struct LogWriter {
    orders: Sender<Order>,
    losses: Arc<Losses>,
    thread: JoinHandle<()>,
}

impl LogWriter {
    /// Opens the target and starts the thread.
    pub fn start(
        rings: Vec<Consumer>,
        names: Arc<Names>,
        target: &Target,
        format: LineFormat,
    ) -> io::Result<Self> {
        let losses = Arc::new(Losses::default());
        let sink = Sink::open(target, Arc::clone(&losses))?;
        let (orders, inbox) = bounded(LOG_ORDERS_MAX);
        let lines = Lines {
            formatter: Formatter::new(format, names),
            sink,
            losses: Arc::clone(&losses),
            text: Vec::new(),
        };
        let mut writing = Writing { rings, lines };
        let thread = std::thread::Builder::new()
            .name("ringway-log".to_owned())
            .spawn(move || writing.run(&inbox))?;
        Ok(Self { orders, losses, thread })
    }

    /// Opens the file anew, under its name: a rotated one is let go. False when the thread is
    /// behind with what it was told before.
    pub fn reopen(&self) -> bool {
        self.orders.try_send(Order::Reopen).is_ok()
    }

    /// Waits until all is written that was recorded before. False when that takes longer.
    pub fn flush(&self, patience: Duration) -> bool {
        self.order(Order::Flush, patience)
    }

    /// Writes what waits and ends the thread. False when that takes longer, as with a pipe that
    /// nobody reads: the thread is left behind.
    pub fn stop(self, patience: Duration) -> bool {
        self.order(Order::Stop, patience) && self.thread.join().is_ok()
    }

    /// Records that could not be written.
    pub fn lost_records(&self) -> u64 {
        self.losses.records.value()
    }

    /// Writes and openings that failed.
    pub fn errors(&self) -> u64 {
        self.losses.errors.value()
    }

    fn order(&self, order: fn(Sender<()>) -> Order, patience: Duration) -> bool {
        let (done, answer) = bounded(1);
        self.orders.send_timeout(order(done), patience).is_ok()
            && answer.recv_timeout(patience).is_ok()
    }
}

/// What was not written. The writer's thread counts, control reads.
#[derive(Debug, Default)]
struct Losses {
    records: Tally,
    errors: Tally,
}

enum Order {
    Reopen,
    Flush(Sender<()>),
    Stop(Sender<()>),
}

/// What the thread owns.
struct Writing {
    rings: Vec<Consumer>,
    lines: Lines,
}

impl Writing {
    fn run(&mut self, inbox: &Receiver<Order>) {
        loop {
            let pause = self.pause();
            self.drain();
            match inbox.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => (),
                Ok(Order::Reopen) => {
                    self.drain();
                    self.lines.sink.reopen();
                }
                Ok(Order::Flush(done)) => {
                    self.drain();
                    // Who ordered may have lost its patience.
                    let _ = done.send(());
                }
                Ok(Order::Stop(done)) => {
                    self.drain();
                    let _ = done.send(());
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => return self.drain(),
            }
        }
    }

    /// How long to let records gather: less when a ring fills fast.
    fn pause(&self) -> Duration {
        let busy = self.rings.iter().any(|ring| ring.waiting_bytes() > LOG_BLOCK_BYTES);
        Duration::from_millis(if busy { LOG_POLL_BUSY_MS } else { LOG_POLL_MS })
    }

    /// Writes what every ring has now.
    fn drain(&mut self) {
        for ring in &mut self.rings {
            ring.drain(|record| self.lines.add(record));
        }
        self.lines.write();
    }
}

/// Lines of records, on their way to the sink.
struct Lines {
    formatter: Formatter,
    sink: Sink,
    losses: Arc<Losses>,
    text: Vec<u8>,
}

impl Lines {
    fn add(&mut self, record: &[u8]) {
        if !self.formatter.append(&mut self.text, record) {
            debug_assert!(false, "a ring of the access log has its records only");
            self.losses.records.add(1);
        }
        if self.text.len() >= LOG_BLOCK_BYTES {
            self.write();
        }
    }

    fn write(&mut self) {
        self.sink.write(&self.text);
        self.text.clear();
    }
}

#[cfg(test)]
mod tests;
