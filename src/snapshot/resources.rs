//! What one worker has of its own: clock, buffers, deadlines, randomness, its shard of the metrics.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::buffer::Buffers;
use crate::base::clock::{Clock, Instant};
use crate::base::id::WorkerId;
use crate::base::random::Random;
use crate::http::coders::Coders;
use crate::net::Wheel;
use crate::net::splice::Pipes;
use crate::snapshot::pressure::Pressure;
use crate::telemetry::access_log::Recorder;
use crate::telemetry::shard::{Shard, Shards};

pub struct Resources {
    pub worker: WorkerId,
    pub clock: Clock,
    pub buffers: Rc<Buffers>,
    pub pipes: Pipes,
    pub coders: Coders,
    pub wheel: Rc<Wheel>,
    pub random: Random,
    pub shard: Arc<Shard>,
    pub log: Recorder,
    pub shared: Shared,
    /// Requests that are being mirrored.
    pub mirrors: Cell<u32>,
    /// Every response says `Connection: close`.
    pub draining: Cell<bool>,
    /// `Date: ...` with its line end; renewed once a second.
    pub date: Cell<[u8; DATE_BYTES]>,
    /// Microseconds of the epoch at the clock's zero; renewed once a second, as clocks are set.
    epoch_micros: Cell<u64>,
}

/// What all workers read: whatever holds for the process as a whole is judged by it.
#[derive(Clone, Default)]
pub struct Shared {
    /// What holds for all workers together is summed up over these.
    pub shards: Arc<Shards>,
    pub pressure: Arc<Pressure>,
}

/// `Date: Sun, 06 Nov 1994 08:49:37 GMT` and the line end.
pub const DATE_BYTES: usize = 37;

impl Resources {
    pub fn new(
        worker: WorkerId,
        clock: Clock,
        wheel: Rc<Wheel>,
        shard: Arc<Shard>,
        log: Recorder,
        shared: Shared,
    ) -> Self {
        let resources = Self {
            worker,
            clock,
            buffers: Rc::default(),
            pipes: Pipes::default(),
            coders: Coders::default(),
            wheel,
            random: Random::from_entropy(),
            shard,
            log,
            shared,
            mirrors: Cell::new(0),
            draining: Cell::new(false),
            date: Cell::new([b' '; DATE_BYTES]),
            epoch_micros: Cell::new(0),
        };
        resources.renew_time();
        resources
    }

    /// Reads the wall clock, for the `Date` field and the access log. Once a second.
    pub fn renew_time(&self) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let since_zero = self.clock.now().nanos() / 1000;
        let micros = u64::try_from(unix.as_micros()).unwrap_or(u64::MAX);
        self.epoch_micros.set(micros.saturating_sub(since_zero));
        self.date.set(date_line(unix.as_secs()));
    }

    pub fn unix_micros(&self, at: Instant) -> u64 {
        self.epoch_micros.get() + at.nanos() / 1000
    }
}

/// RFC 9110 section 5.6.7.
fn date_line(unix_seconds: u64) -> [u8; DATE_BYTES] {
    let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(unix_seconds));
    let mut line = [b' '; DATE_BYTES];
    let mut free = &mut line[..];
    let written = write!(free, "Date: {date}\r\n");
    debug_assert!(written.is_ok() && free.is_empty(), "an IMF-fixdate has 29 characters");
    line
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_date_line_is_an_imf_fixdate() {
        assert_eq!(&super::date_line(784_111_777), b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    }
}
