//! Whether a request is taken on at all: before it is looked at any closer, so that what is turned
//! away costs little. What holds for the process, then what holds for its source.

use super::failure::{Failure, Overloaded};
use super::place::Place;
use crate::http::Exchange;
use crate::snapshot::pressure::Level;
use crate::snapshot::resources::Resources;
use crate::telemetry::value::{Gauge, Limit};

/// # Errors
/// Why it is not taken on.
pub fn admit(place: &Place<'_>, exchange: &Exchange) -> Result<(), Failure> {
    let resources = &place.view.resources;
    if resources.buffers.is_full() {
        return Err(full(resources));
    }
    if let Some(most) = place.bind.settings.requests_max {
        // This one is among them. Two workers that count at the same moment may both be the last.
        let shards = resources.shared.shards.all();
        let active: i64 = shards.iter().map(|shard| shard.gauge(Gauge::ActiveRequests)).sum();
        if active > i64::from(most) {
            return Err(Failure::Overload(Overloaded::Requests));
        }
    }
    if let Some(sources) = &place.view.snapshot.sources {
        let address = place.connection.peer.address.map(|address| address.ip());
        sources.ask(address, exchange.outcome.started).map_err(|exceeded| {
            resources.shard.limit_hit(Limit::SourceRequests);
            Failure::RateLimited(exceeded)
        })?;
    }
    Ok(())
}

/// The buffers hold as much as they may: why.
pub fn full(resources: &Resources) -> Failure {
    Failure::Overload(match resources.shared.pressure.level() {
        Level::Full => Overloaded::Memory,
        Level::Calm | Level::Tight => Overloaded::Buffers,
    })
}
