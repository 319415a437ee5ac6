//! `Probe`: how an endpoint is asked whether it is well. The asking is control's (`control::health`),
//! and no worker waits for it. Plain values.

use std::time::Duration;

/// An active check, and when it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub kind: Kind,
    pub interval: Duration,
    /// Of the interval, at random: so that not all are checked at once.
    pub jitter_percent: u32,
    pub timeout: Duration,
    /// Checks in a row that have to say the same.
    pub failures_needed: u32,
    pub passes_needed: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That it accepts a connection.
    Tcp,
    Http(HttpProbe),
    /// The health protocol of gRPC, of this service.
    Grpc(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProbe {
    pub path: String,
    pub host: Option<String>,
    /// Each a range, first and last.
    pub statuses: Vec<(u16, u16)>,
    /// Has to be in the body.
    pub body: Option<String>,
}
