//! What is measured, and in which order: row by row, and within a row round by round, every
//! subject once a round (A B C A B C ...), each started afresh. A drift of the machine then meets
//! all subjects alike, and a ratio is taken within a round.

use std::fmt;
use std::time::Duration;

pub(crate) use self::measure::Sample;
use self::measure::Trial;
pub(crate) use self::rows::ROWS;
use crate::load::Life;
use crate::load::h2load::Dialect;
use crate::rival::wiring::Wiring;
use crate::rival::{Refusal, Site, Subject};
use crate::stop;

mod measure;
mod rows;

/// One line of a table of measures.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) word: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: Unit,
    pub(crate) wiring: Wiring,
    pub(crate) work: Work,
    /// What it is a ratio of: of several, the one with the lowest median.
    pub(crate) base: &'static [Subject],
    /// Whose ratio the bar is for: Ringway, or Ringway with what a row is about.
    pub(crate) candidate: Subject,
    /// The ratio that it may have at most.
    pub(crate) bar: Option<f64>,
    /// The same against the floor.
    pub(crate) floor_bar: Option<f64>,
    /// Figures in absolute terms, for the row that has no ratio to keep.
    pub(crate) absolute_bar: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// CPU time under a closed loop, of requests that are filled up to a length.
    Closed {
        path: &'static str,
        request_bytes: usize,
        body_bytes: usize,
        connections: usize,
        life: Life,
    },
    /// The 99th percentile of latency at a part of nginx's capacity.
    Paced { path: &'static str, body_bytes: usize, connections: usize, load: f64 },
    /// Memory of connections that do nothing.
    Idle { connections: usize },
    /// CPU time of questions to a model, whose prompt and answer are of a KiB, or fifty chunks.
    Asked { path: &'static str, streams: bool, connections: usize },
    /// Memory of streams that have begun.
    Held { path: &'static str, connections: usize },
    /// CPU time of a number of requests by h2load, on connections that stay open.
    H2load {
        path: &'static str,
        body_bytes: usize,
        connections: usize,
        streams: usize,
        dialect: Dialect,
    },
    /// CPU time of a TLS connection for one request.
    Handshakes { connections: usize, resumed: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    MicrosPerRequest,
    MicrosPerMebibyte,
    MicrosPerHandshake,
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

impl Work {
    fn is_about_connections(&self) -> bool {
        matches!(self, Self::Idle { .. } | Self::Closed { life: Life::OneRequest, .. })
    }

    /// h2o 2.2 gives a resumed session no new ticket, and the load uses none twice.
    fn is_about_resumption(&self) -> bool {
        matches!(self, Self::Handshakes { resumed: true, .. })
    }
}

impl Row {
    /// Whether `subject` has a place in this row.
    pub(crate) fn suits(&self, subject: Subject) -> bool {
        let with_itself = self.base == [Subject::Ringway];
        let place = match subject {
            Subject::Ringway => true,
            Subject::RingwayLogged | Subject::RingwayManaged | Subject::RingwayModels => {
                self.candidate == subject
            }
            Subject::NginxCapped
            | Subject::HaproxyCapped
            | Subject::EnvoyAdaptive
            | Subject::RingwayAdaptive => false,
            Subject::NginxUnbuffered | Subject::HaproxySpliced | Subject::RingwayToH1 => {
                self.base.contains(&subject)
            }
            // It opens one upstream connection for each downstream one: no floor where connections
            // are the work, and more descriptors than there are where they idle.
            Subject::Relay => !with_itself && !self.work.is_about_connections(),
            Subject::Nginx | Subject::Haproxy | Subject::MonoioHttp => !with_itself,
            // Rows of plain HTTP/1.1 are long enough without: both are behind nginx there.
            Subject::Envoy => self.wiring != Wiring::HTTP1,
            Subject::H2o => self.wiring != Wiring::HTTP1 && !self.work.is_about_resumption(),
        };
        place && self.wiring.suits(subject)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::MicrosPerRequest => "us of CPU a request",
            Self::MicrosPerMebibyte => "us of CPU a MiB",
            Self::MicrosPerHandshake => "us of CPU a handshake",
            Self::MicrosLate => "us, 99th percentile",
            Self::KibibytesPerConnection => "KiB a connection",
        })
    }
}

impl Effort {
    /// Memory does not vary as time does, and its rounds are long.
    fn rounds_of(&self, row: &Row) -> usize {
        match row.work {
            Work::Idle { .. } | Work::Held { .. } => self.rounds.min(IDLE_ROUNDS_MAX),
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
