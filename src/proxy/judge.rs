//! What an attempt tells of its endpoint: how long it took, and whether it counts as a failure.
//! Told to the balancer of this worker, and to the health that all workers share.

use std::time::Duration;

use super::asked;
use super::failure::Failure;
use super::lease::To;
use super::place::Routed;
use super::sign;
use crate::base::clock::Instant;
use crate::http::Exchange;
use crate::limits::FAILURE_COST;
use crate::policy::attributes::ResponsePart;
use crate::proto::http1::FieldName;
use crate::proto::limit_reset;
use crate::snapshot::resources::Resources;
use crate::upstream::Local;
use crate::upstream::outlier::{self, Verdict};

/// The endpoint answered.
pub fn answered(routed: &Routed<'_>, exchange: &Exchange, local: &Local, endpoint: usize) {
    if local.turns.is_none() {
        return;
    }
    let retry_after = exchange.outcome.retry_after;
    let is_bad = match exchange.outcome.unhealthy {
        Some(unhealthy) => unhealthy,
        None => exchange.response.status >= 500 || retry_after.is_some(),
    };
    let verdict = if is_bad { Verdict::Bad { retry_after } } else { Verdict::Good };
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

/// Another endpoint answered sooner: it takes so long at least.
pub fn outrun(routed: &Routed<'_>, exchange: &Exchange, to: To<'_>) {
    if to.local.turns.is_some()
        && let Some(sent) = exchange.outcome.sent
    {
        let now = routed.connection.now();
        let took = Duration::from_nanos(now.nanos_since(sent));
        to.local.seats[to.endpoint].observe(now, took, false);
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

/// Takes down what the head of an answer says of its endpoint, while there is a head: whether the
/// answer is a failure, where an expression says that, and for how long the endpoint asks to be
/// left alone. That counts of a failure, and of answers that say that it has too much to do.
pub fn note(routed: &Routed<'_>, exchange: &mut Exchange, bytes: &[u8]) {
    let cluster = exchange.outcome.endpoint.map(|(cluster, _)| cluster);
    let condition = cluster.and_then(|cluster| routed.view.snapshot.unhealthy(cluster));
    let status = exchange.response.status;
    let unhealthy = condition.map(|condition| {
        let head = Some((&exchange.response, bytes));
        let response = ResponsePart { status, head, body: None };
        let attributes = asked::attributes(routed, exchange, Some(response));
        let holds = condition.holds(&attributes);
        asked::count_failures(routed, &attributes);
        holds
    });
    exchange.outcome.unhealthy = unhealthy;
    let asks = unhealthy.unwrap_or(matches!(status, 429 | 503));
    if status == 403 {
        sign::hear(routed, exchange, bytes);
    }
    exchange.outcome.retry_after = asks.then(|| retry_after(routed, exchange, bytes)).flatten();
}

/// RFC 9110 section 10.2.3, and in milliseconds as some APIs tell it. Bounded by who acts on it.
fn retry_after(routed: &Routed<'_>, exchange: &Exchange, bytes: &[u8]) -> Option<Duration> {
    let response = &exchange.response;
    if let Some(milliseconds) = response.find(bytes, b"retry-after-ms").map(|span| span.of(bytes))
        && let Some(milliseconds) = number(milliseconds)
    {
        return Some(Duration::from_millis(milliseconds));
    }
    let field = |name: &[u8]| response.find(bytes, name).map(|value| value.of(bytes));
    let Some(value) = response.value(bytes, FieldName::RetryAfter) else {
        let now = routed.view.resources.unix_micros(routed.connection.now());
        let is_limit = response.status == 429;
        return is_limit.then(|| limit_reset::wait(field, Duration::from_micros(now))).flatten();
    };
    number(value).map(Duration::from_secs).or_else(|| {
        let now = routed.view.resources.unix_micros(routed.connection.now());
        until(value, Duration::from_micros(now))
    })
}

fn number(value: &[u8]) -> Option<u64> {
    let text = str::from_utf8(value).ok()?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX / 1_000_000_000))
}

/// From `now`, since the epoch, to a date; nothing for one that is over.
fn until(value: &[u8], now: Duration) -> Option<Duration> {
    let date = httpdate::parse_http_date(str::from_utf8(value).ok()?).ok()?;
    let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    date.checked_sub(now).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(number(b"31536000"), Some(31_536_000));
        assert_eq!(number(b"99999999999999999999999"), Some(u64::MAX / 1_000_000_000));
        for other in [&b""[..], b"-1", b"soon", b"Fri, 31 Dec 1999 23:59:59 GMT", b"\xff"] {
            assert_eq!(number(other), None);
        }
    }

    #[test]
    fn a_date_is_as_far_away_as_it_is() {
        let at = Duration::from_secs(784_111_777);
        let date = b"Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(
            until(date, at - Duration::from_millis(1500)),
            Some(Duration::from_millis(1500))
        );
        for (date, now) in [(&date[..], at), (date, at * 2), (b"soon", at), (b"\xff", at)] {
            assert_eq!(until(date, now), None);
        }
    }
}
