//! What an attempt tells of its endpoint: how long it took, and whether it counts as a failure.
//! Told to the balancer of this worker, and to the health that all workers share.

use std::time::Duration;

use super::failure::Failure;
use super::place::Routed;
use crate::base::clock::Instant;
use crate::http::Exchange;
use crate::limits::FAILURE_COST;
use crate::proto::http1::FieldName;
use crate::snapshot::resources::Resources;
use crate::upstream::Local;
use crate::upstream::outlier::{self, Verdict};

/// The endpoint answered.
pub fn answered(routed: &Routed<'_>, exchange: &Exchange, local: &Local, endpoint: usize) {
    if local.turns.is_none() {
        return;
    }
    let status = exchange.response.status;
    let asked = matches!(status, 429 | 503).then_some(exchange.outcome.retry_after).flatten();
    let verdict = match asked {
        _ if status >= 500 => Verdict::Bad { retry_after: asked },
        Some(_) => Verdict::Bad { retry_after: asked },
        None => Verdict::Good,
    };
    tell(routed, exchange, (local, endpoint), verdict);
}

/// The attempt failed; that is not always the endpoint's fault.
pub fn failed(
    routed: &Routed<'_>,
    exchange: &Exchange,
    (local, endpoint): (&Local, usize),
    failure: Failure,
) {
    if local.turns.is_some() && failure.is_endpoints() {
        tell(routed, exchange, (local, endpoint), Verdict::Bad { retry_after: None });
    }
}

/// A connection that is not looked into was opened, or not.
pub fn opened(
    resources: &Resources,
    (local, endpoint): (&Local, usize),
    begun: Instant,
    failure: Option<Failure>,
) {
    if local.turns.is_none() || failure.is_some_and(|failure| !failure.is_endpoints()) {
        return;
    }
    let now = resources.clock.now();
    let took = Duration::from_nanos(now.nanos_since(begun));
    let cost = if failure.is_some() { took.max(FAILURE_COST) } else { took };
    local.seats[endpoint].observe(now, cost, failure.is_some());
    let verdict = match failure {
        Some(_) => Verdict::Bad { retry_after: None },
        None => Verdict::Good,
    };
    outlier::record(&local.cluster, endpoint, verdict, now);
}

fn tell(
    routed: &Routed<'_>,
    exchange: &Exchange,
    (local, endpoint): (&Local, usize),
    verdict: Verdict,
) {
    let now = routed.connection.now();
    let outcome = &exchange.outcome;
    let took = outcome.sent.map(|sent| outcome.answered.unwrap_or(now).nanos_since(sent));
    let took = Duration::from_nanos(took.unwrap_or(0));
    let is_bad = verdict != Verdict::Good;
    let cost = if is_bad { took.max(FAILURE_COST) } else { took };
    local.seats[endpoint].observe(now, cost, is_bad);
    outlier::record(&local.cluster, endpoint, verdict, now);
}

/// RFC 9110 section 10.2.3, in seconds: a date is not looked at. Only of answers that say that the
/// endpoint has too much to do.
pub fn note_retry_after(exchange: &mut Exchange, bytes: &[u8]) {
    exchange.outcome.retry_after = match exchange.response.status {
        429 | 503 => {
            let field = exchange.response.value(bytes, FieldName::RetryAfter);
            field.and_then(seconds).map(Duration::from_secs)
        }
        _ => None,
    };
}

fn seconds(value: &[u8]) -> Option<u64> {
    let text = str::from_utf8(value).ok()?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX / 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn only_seconds_are_read() {
        assert_eq!(seconds(b"31536000"), Some(31_536_000));
        assert_eq!(seconds(b"99999999999999999999999"), Some(u64::MAX / 1_000_000_000));
        for other in [&b""[..], b"-1", b"soon", b"Fri, 31 Dec 1999 23:59:59 GMT", b"\xff"] {
            assert_eq!(seconds(other), None);
        }
    }
}
