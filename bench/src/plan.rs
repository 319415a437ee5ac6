//! What is measured, and in which order: row by row, and within a row round by round, every
//! subject once a round (A B C A B C ...), each started afresh. A drift of the machine then meets
//! all subjects alike, and a ratio is taken within a round.

use std::fmt;
use std::time::Duration;

pub(crate) use self::measure::Sample;
use self::measure::Trial;
use crate::load::Life;
use crate::rival::origin::{FILES, MEMORY_BYTES, MEMORY_PATH};
use crate::rival::{Refusal, Site, Subject};
use crate::stop;

mod measure;

/// One line of the table of measures.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) word: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) work: Work,
    /// What it is a ratio of: of several, the one with the lowest median.
    pub(crate) base: &'static [Subject],
    /// The ratio that Ringway may have at most; the logged one in a row that measures logging.
    pub(crate) bar: Option<f64>,
    /// The same against the floor.
    pub(crate) floor_bar: Option<f64>,
    /// Figures in absolute terms, for the row that has no ratio to keep.
    pub(crate) absolute_bar: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// CPU time under a closed loop.
    Closed { path: &'static str, body_bytes: usize, connections: usize, life: Life },
    /// The 99th percentile of latency at a part of nginx's capacity.
    Paced { path: &'static str, body_bytes: usize, connections: usize, load: f64 },
    /// Memory of connections that do nothing.
    Idle { connections: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    MicrosPerRequest,
    MicrosPerMebibyte,
    MicrosLate,
    KibibytesPerConnection,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) window: Duration,
    pub(crate) warmup: Duration,
    /// How long idle connections are left alone before memory is read.
    pub(crate) rest: Duration,
}

/// What a subject showed in a row.
pub(crate) struct Outcome {
    pub(crate) subject: Subject,
    pub(crate) samples: Vec<Sample>,
    pub(crate) refusal: Option<Refusal>,
}

/// Rows in the order of the issue.
pub(crate) const ROWS: [Row; 8] = [
    Row {
        word: "small",
        title: "1 KiB in one segment, 64 kept-alive connections",
        bar: Some(0.82),
        floor_bar: Some(1.12),
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "static",
        title: "1 KiB static file (two segments), 64 kept-alive connections",
        bar: Some(0.90),
        ..closed(FILES[0].0, FILES[0].1, 64)
    },
    Row {
        word: "p99",
        title: "the same, latency at 60 % of nginx's capacity, from the intended time of sending",
        unit: Unit::MicrosLate,
        bar: Some(1.0),
        work: Work::Paced { path: FILES[0].0, body_bytes: FILES[0].1, connections: 64, load: 0.6 },
        ..closed(FILES[0].0, FILES[0].1, 64)
    },
    // Few connections, so that bodies stay in the cache: nginx is at its best so. With 16 and more
    // it pays a third more a MiB, and the ratios would flatter everybody else.
    Row {
        word: "1m",
        title: "1 MiB bodies, 4 kept-alive connections",
        unit: Unit::MicrosPerMebibyte,
        base: &[Subject::Nginx, Subject::NginxUnbuffered],
        bar: Some(0.60),
        ..closed(FILES[2].0, FILES[2].1, 4)
    },
    Row {
        word: "64k",
        title: "64 KiB bodies, 64 kept-alive connections",
        base: &[Subject::Nginx, Subject::NginxUnbuffered],
        bar: Some(0.80),
        ..closed(FILES[1].0, FILES[1].1, 64)
    },
    Row {
        word: "connect",
        title: "a new connection for each request, 1 KiB in one segment, 64 at a time",
        bar: Some(0.95),
        work: Work::Closed {
            path: MEMORY_PATH,
            body_bytes: MEMORY_BYTES,
            connections: 64,
            life: Life::OneRequest,
        },
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "idle",
        title: "10,000 idle kept-alive connections: user memory",
        unit: Unit::KibibytesPerConnection,
        absolute_bar: Some(1.5),
        work: Work::Idle { connections: 10_000 },
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
    Row {
        word: "log",
        title: "access log on, 1 KiB in one segment, 64 kept-alive connections",
        base: &[Subject::Ringway],
        bar: Some(1.05),
        ..closed(MEMORY_PATH, MEMORY_BYTES, 64)
    },
];

const fn closed(path: &'static str, body_bytes: usize, connections: usize) -> Row {
    Row {
        word: "",
        title: "",
        unit: Unit::MicrosPerRequest,
        work: Work::Closed { path, body_bytes, connections, life: Life::KeptAlive },
        base: &[Subject::Nginx],
        bar: None,
        floor_bar: None,
        absolute_bar: None,
    }
}

impl Work {
    fn is_about_connections(&self) -> bool {
        matches!(self, Self::Idle { .. } | Self::Closed { life: Life::OneRequest, .. })
    }
}

impl Row {
    /// Whether `subject` has a place in this row.
    pub(crate) fn suits(&self, subject: Subject) -> bool {
        let logging = self.base == [Subject::Ringway];
        match subject {
            Subject::Ringway => true,
            Subject::RingwayLogged => logging,
            Subject::NginxUnbuffered => self.base.contains(&subject),
            // It opens one upstream connection for each downstream one: no floor where connections
            // are the work, and more descriptors than there are where they idle.
            Subject::Relay => !logging && !self.work.is_about_connections(),
            Subject::Nginx | Subject::Haproxy | Subject::MonoioHttp => !logging,
        }
    }

    /// The subject that the bar is for.
    pub(crate) fn candidate(&self) -> Subject {
        if self.base == [Subject::Ringway] { Subject::RingwayLogged } else { Subject::Ringway }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::MicrosPerRequest => "us of CPU a request",
            Self::MicrosPerMebibyte => "us of CPU a MiB",
            Self::MicrosLate => "us, 99th percentile",
            Self::KibibytesPerConnection => "KiB a connection",
        })
    }
}

impl Effort {
    /// Memory does not vary as time does, and its rounds are long.
    fn rounds_of(&self, row: &Row) -> usize {
        match row.work {
            Work::Idle { .. } => self.rounds.min(IDLE_ROUNDS_MAX),
            _ => self.rounds,
        }
    }
}

/// Measures one row, as far as nobody breaks the run off.
pub(crate) fn run(
    row: &Row,
    subjects: &[Subject],
    site: &Site<'_>,
    effort: &Effort,
) -> Vec<Outcome> {
    let suited = subjects.iter().filter(|subject| row.suits(**subject));
    let outcome = |&subject| Outcome { subject, samples: Vec::new(), refusal: None };
    let mut outcomes: Vec<Outcome> = suited.map(outcome).collect();
    let pace = measure::pace(row, site, effort);
    for round in 0..effort.rounds_of(row) {
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.refusal.is_none()) {
            if stop::requested() {
                return outcomes;
            }
            let subject = outcome.subject;
            let sample = pace.clone().and_then(|pace_per_second| {
                Trial { row, subject, pace_per_second, site, effort }.run()
            });
            eprintln!("{}", progress(row, round, outcome.subject, &sample));
            match sample {
                Ok(sample) => outcome.samples.push(sample),
                Err(refusal) => outcome.refusal = Some(refusal),
            }
        }
    }
    outcomes
}

fn progress(row: &Row, round: usize, who: Subject, sample: &Result<Sample, Refusal>) -> String {
    let figure = match sample {
        Ok(sample) => format!("{:.2} {}", sample.value, row.unit),
        Err(refusal) => refusal.to_string(),
    };
    format!("{:8} round {} {:26} {figure}", row.word, round + 1, who.name())
}

/// Rounds of the row whose figure hardly varies and whose round takes longest.
const IDLE_ROUNDS_MAX: usize = 3;
