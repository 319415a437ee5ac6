//! How long an exchange may take. Numbers only: forwarding reads them and keeps the time.

use std::time::Duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// From the request's head to the end of the response.
    pub request: Option<Duration>,
    /// Of each attempt.
    pub per_try: Option<Duration>,
}

impl Timeouts {
    /// Gateway API, `HTTPRouteTimeouts`: 0 is no limit. An attempt never outlives its request.
    pub fn compile(request: Option<Duration>, per_try: Option<Duration>) -> Self {
        let request = request.filter(|limit| !limit.is_zero());
        let per_try = per_try.filter(|limit| !limit.is_zero());
        let per_try = match (request, per_try) {
            (Some(request), Some(per_try)) => Some(per_try.min(request)),
            _ => per_try,
        };
        Self { request, per_try }
    }

    /// These, and where they say nothing, `others`: a backend's before its route's.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self::compile(self.request.or(others.request), self.per_try.or(others.per_try))
    }
}

#[cfg(test)]
mod tests;
