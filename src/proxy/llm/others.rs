//! `Others`: whether an answer, or the lack of one, is the end of a request for a model, or the next
//! candidate is asked. Told to whoever sends the request, while the caller has heard nothing yet.

use std::cell::Cell;
use std::time::Duration;

use super::super::failure::{Failure, Overloaded};
use super::super::judge;
use super::super::place::Routed;
use super::super::replay;
use crate::base::clock::Instant;
use crate::base::id::ClusterId;
use crate::http::Exchange;
use crate::limits::{LLM_RETRY_CODES, LLM_WAIT_MAX};
use crate::llm;
use crate::upstream::retry::{Retry, Retrying};

/// Of one try.
pub struct Others<'a> {
    pub(super) retry: &'a Retry,
    /// There is somebody to be asked, and what to ask is kept.
    pub(super) may_follow: bool,
    /// The plan says itself who comes when another cannot.
    pub(super) fails_over: bool,
    /// How long a stream may take to its first token.
    pub first_token: Option<Duration>,
    /// All candidates were asked, or wait to be: the next try would be with one of them again.
    pub(super) is_last: bool,
    /// Whoever was asked before had too much to do.
    pub(super) all_limited: bool,
    /// So has this one: the caller is told for all of them.
    pub(super) is_limited: Cell<bool>,
    /// What the prompt begins with, where endpoints are chosen by that.
    pub prompt: Option<u64>,
    /// The right to be one more retry, once it was given.
    pub(super) right: &'a Cell<Option<Retrying>>,
}

impl Others<'_> {
    /// Whether the answer whose head came, which is in `bytes`, is left unsent for its status. If so
    /// the next candidate is asked: its right to be a retry was given here.
    pub fn is_turned(&self, routed: &Routed<'_>, exchange: &mut Exchange, bytes: &[u8]) -> bool {
        let status = exchange.response.status;
        if !self.is_code(status) || !self.may_again(routed, exchange) {
            return false;
        }
        if self.is_last && self.all_limited && status == 429 {
            self.is_limited.set(true);
            return true;
        }
        if self.is_last && self.may_follow {
            judge::note(routed, exchange, bytes);
            let asked = exchange.outcome.retry_after.unwrap_or_default();
            let wait = asked.max(self.retry.backoff_max);
            let left = replay::time_left(routed, exchange);
            if asked > LLM_WAIT_MAX || left.is_some_and(|left| left <= wait) {
                return false;
            }
        }
        let cluster = exchange.outcome.endpoint.map(|(cluster, _)| cluster);
        self.may_follow && self.is_admitted(routed, cluster)
    }

    /// Nothing goes to the caller before it is known whether there is an answer.
    pub(super) fn holds(&self) -> bool {
        self.may_follow || self.first_token.is_some()
    }

    /// When the first token of the answer under way is late.
    pub fn first_token_until(&self, exchange: &Exchange) -> Option<Instant> {
        Some(exchange.outcome.sent?.plus(self.first_token?))
    }

    pub fn is_late(&self, exchange: &Exchange, now: Instant) -> bool {
        self.first_token_until(exchange).is_some_and(|until| now >= until)
    }

    /// The same of a failure.
    pub(super) fn follows(
        &self,
        routed: &Routed<'_>,
        exchange: &Exchange,
        cluster: ClusterId,
        failure: Failure,
    ) -> bool {
        match failure {
            // It was left unsent for this.
            Failure::Turned => true,
            _ => {
                self.may_follow
                    && is_candidates(failure)
                    && self.may_again(routed, exchange)
                    && self.is_admitted(routed, Some(cluster))
            }
        }
    }

    fn is_code(&self, status: u16) -> bool {
        let usual = self.retry.codes.is_empty() && self.fails_over;
        self.retry.is_code(status) || (usual && LLM_RETRY_CODES.contains(&status))
    }

    /// The caller is there, has heard nothing, and has the time.
    fn may_again(&self, routed: &Routed<'_>, exchange: &Exchange) -> bool {
        !routed.connection.head_sent.get()
            && !routed.connection.stream.is_dead()
            && replay::time_left(routed, exchange).is_none_or(|left| !left.is_zero())
    }

    /// Given once for all tries of a request. Of many requests that fail together only so many are
    /// tried again: those who have too much to do are not asked the more for it.
    fn is_admitted(&self, routed: &Routed<'_>, cluster: Option<ClusterId>) -> bool {
        let Some(local) = cluster.and_then(|cluster| routed.view.local(cluster)) else {
            return true;
        };
        let series = routed.view.resources.shard.cluster(local.cluster.labels);
        let right = self.right.take().or_else(|| self.retry.admit(local, replay::active(series)));
        let admitted = right.is_some();
        self.right.set(right);
        if !admitted {
            series.retries_refused.add(1);
        }
        admitted
    }
}

/// Another candidate might do better.
fn is_candidates(failure: Failure) -> bool {
    let of_request = failure == Failure::RequestSlow;
    let cannot = matches!(
        failure,
        Failure::NoBackend
            | Failure::NoHealthyEndpoint
            | Failure::Unresolved
            | Failure::StreamsFull
            | Failure::CircuitOpen
            | Failure::ResponseTooLarge
            | Failure::Overload(Overloaded::Concurrency)
            | Failure::Llm(llm::Error::NotSpoken | llm::Error::Refused | llm::Error::BadAnswer)
    );
    (failure.is_endpoints() && !of_request) || cannot
}
