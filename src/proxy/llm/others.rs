//! `Others`: whether an answer, or the lack of one, is the end of a request for a model, or the next
//! candidate is asked. Told to whoever sends the request, while the caller has heard nothing yet.

use std::cell::Cell;

use super::super::failure::{Failure, Overloaded};
use super::super::place::Routed;
use super::super::replay;
use crate::base::id::ClusterId;
use crate::http::Exchange;
use crate::limits::LLM_RETRY_CODES;
use crate::llm;
use crate::upstream::retry::{Retry, Retrying};

/// Of one try.
pub struct Others<'a> {
    pub(super) retry: &'a Retry,
    /// There is somebody to be asked, and what to ask is kept.
    pub(super) may_follow: bool,
    /// The plan says itself who comes when another cannot.
    pub(super) fails_over: bool,
    /// The right to be one more retry, once it was given.
    pub(super) right: &'a Cell<Option<Retrying>>,
}

impl Others<'_> {
    /// Whether the answer whose head came is left unsent for its status. If so the next candidate
    /// is asked: its right to be a retry was given here.
    pub fn is_turned(&self, routed: &Routed<'_>, exchange: &Exchange) -> bool {
        self.may_follow
            && self.is_code(exchange.response.status)
            && self.may_again(routed, exchange)
            && self.is_admitted(routed, exchange.outcome.endpoint.map(|(cluster, _)| cluster))
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
