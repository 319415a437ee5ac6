//! `Sources`: what one source may have of the process, be it one address or a prefix: connections
//! at a time, new ones, requests. Shared by all workers, in tables of fixed size; kept over reloads
//! that do not change it. Where a table has no room a source is not counted: that is the way to err
//! which an attacker with a million addresses cannot use against others.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::clock::Instant;
use crate::base::gcra::{Rate, Taken};
use crate::base::keyed::{self, Keyed};
use crate::base::prefix::Prefixes;
use crate::base::seats::{self, Place, Seats};
use crate::limits::HANDED_KEYS_MAX;
use crate::policy::rate_limit::{Exceeded, whole_seconds};

/// What the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcesSpec {
    pub prefixes: Prefixes,
    pub connections_max: Option<u32>,
    pub opened: Option<Rate>,
    pub requests: Option<Rate>,
    pub sources_max: usize,
}

#[derive(Debug)]
pub struct Sources {
    pub spec: SourcesSpec,
    connections: Option<(u32, Seats)>,
    opened: Option<(Rate, Keyed)>,
    requests: Option<(Rate, Keyed)>,
}

/// Sources of another process, as it left them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    spec: String,
    opened: Option<keyed::Saved>,
    requests: Option<keyed::Saved>,
}

/// A connection that counts, until it is dropped.
pub struct Seat {
    sources: Arc<Sources>,
    place: Place,
}

/// Why a source is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseated {
    /// It has as many connections as it may have.
    Connections,
    /// It opens them too fast.
    Rate,
}

impl Sources {
    pub fn new(spec: SourcesSpec) -> Self {
        let keyed = |rate: Rate| (rate, Keyed::new(spec.sources_max));
        Self {
            connections: spec.connections_max.map(|most| (most, Seats::new(spec.sources_max))),
            opened: spec.opened.map(keyed),
            requests: spec.requests.map(keyed),
            spec,
        }
    }

    /// A new connection. It has no seat where none is counted.
    ///
    /// # Errors
    /// Why it is not let in.
    pub fn seat(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Option<Seat>, Unseated> {
        // A client on a Unix socket has no address, and is one of ours.
        let Some(address) = address else { return Ok(None) };
        let key = self.spec.prefixes.key(address);
        if let Some((rate, opened)) = &self.opened
            && let (Taken::No { .. }, _) = opened.take(key, *rate, now)
        {
            return Err(Unseated::Rate);
        }
        let Some((most, seats)) = &self.connections else { return Ok(None) };
        match seats.take(key, *most) {
            seats::Taken::Seat(place) => Ok(Some(Seat { sources: Arc::clone(self), place })),
            seats::Taken::Full => Err(Unseated::Connections),
            seats::Taken::Uncounted => Ok(None),
        }
    }

    /// A request.
    ///
    /// # Errors
    /// The source asks too often.
    #[inline]
    pub fn ask(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Exceeded> {
        let (Some((rate, requests)), Some(address)) = (&self.requests, address) else {
            return Ok(());
        };
        match requests.take(self.spec.prefixes.key(address), *rate, now).0 {
            Taken::Yes { .. } => Ok(()),
            Taken::No { wait } => Err(exceeded(*rate, wait)),
        }
    }

    /// What sources did lately, for the process that takes the place of this one. Who is connected is
    /// not part of it: those connections stay here.
    pub fn save(&self, now: Instant) -> Saved {
        let save = |keyed: &Option<(Rate, Keyed)>| {
            keyed.as_ref().map(|(_, keyed)| keyed.save(now, HANDED_KEYS_MAX))
        };
        let spec = format!("{:?}", self.spec);
        Saved { spec, opened: save(&self.opened), requests: save(&self.requests) }
    }

    /// Goes on where another process was `age` ticks ago, if it counted in the same way. To be called
    /// before the first connection.
    pub fn restore(&self, saved: &Saved, age: u64, now: Instant) {
        if saved.spec != format!("{:?}", self.spec) {
            return;
        }
        let pairs = [(&self.opened, &saved.opened), (&self.requests, &saved.requests)];
        for (own, saved) in pairs {
            if let (Some((_, keyed)), Some(saved)) = (own, saved) {
                keyed.restore(saved, age, now);
            }
        }
    }

    /// Sources that have a connection, and those whose requests were many lately.
    pub fn in_use(&self, now: Instant) -> (usize, usize) {
        let connected = self.connections.as_ref().map_or(0, |(_, seats)| seats.in_use());
        let asking = self.requests.as_ref().map_or(0, |(_, requests)| requests.in_use(now));
        (connected, asking)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some((_, seats)) = &self.sources.connections {
            seats.leave(self.place);
        }
    }
}

#[cold]
fn exceeded(rate: Rate, wait: Duration) -> Exceeded {
    let limit = u32::try_from(rate.depth()).unwrap_or(u32::MAX);
    Exceeded { limit, wait_seconds: whole_seconds(wait) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_000_000_000);

    fn sources(connections_max: Option<u32>, rate: Option<Rate>) -> Arc<Sources> {
        let prefixes = Prefixes { ipv4_bits: 24, ipv6_bits: 64 };
        let (opened, requests) = (rate, rate);
        let spec = SourcesSpec { prefixes, connections_max, opened, requests, sources_max: 100 };
        Arc::new(Sources::new(spec))
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_source_has_so_many_connections() {
        let sources = sources(Some(2), None);
        let first = sources.seat(address("192.0.2.1"), NOW);
        let second = sources.seat(address("192.0.2.2"), NOW);
        assert!(matches!((&first, &second), (Ok(Some(_)), Ok(Some(_)))));
        let third = sources.seat(address("192.0.2.3"), NOW);
        assert_eq!(third.map(|_| ()), Err(Unseated::Connections));
        assert!(matches!(sources.seat(address("192.0.3.1"), NOW), Ok(Some(_))));
        assert!(matches!(sources.seat(None, NOW), Ok(None)));
        drop(first);
        assert!(matches!(sources.seat(address("192.0.2.3"), NOW), Ok(Some(_))));
        assert_eq!(sources.in_use(NOW).0, 1);
    }

    #[test]
    fn a_source_opens_and_asks_so_fast() {
        let sources = sources(None, Rate::new(2, 1, Duration::from_secs(10)));
        for _ in 0..2 {
            assert!(matches!(sources.seat(address("192.0.2.1"), NOW), Ok(None)));
            assert_eq!(sources.ask(address("192.0.2.1"), NOW), Ok(()));
        }
        let refused = sources.seat(address("192.0.2.9"), NOW);
        assert_eq!(refused.map(|_| ()), Err(Unseated::Rate));
        let exceeded = Exceeded { limit: 2, wait_seconds: 10 };
        assert_eq!(sources.ask(address("192.0.2.9"), NOW), Err(exceeded));
        assert_eq!(sources.ask(None, NOW), Ok(()));
        let later = NOW.plus(Duration::from_secs(10));
        assert_eq!(sources.ask(address("192.0.2.9"), later), Ok(()));
    }
}
