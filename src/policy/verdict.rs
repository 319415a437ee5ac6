//! What a step says of a request.

use super::api_key::Fault;
use super::rate_limit::Exceeded;
use crate::route::target::FixedReply;

#[derive(Clone, Copy, Debug)]
pub enum Verdict<'p> {
    Continue,
    /// It is answered with this, and goes no further.
    Reply(&'p FixedReply),
    /// The same, with the fields and the body that are in the `Changes`.
    Made {
        status: u16,
    },
    /// The same, with the Location that is in the `Changes`; no body.
    Redirect {
        status: u16,
    },
    /// It is turned away.
    Refuse(Refusal),
}

/// By what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody knows who asks.
    ApiKey(Fault),
    Authorization,
    Csrf,
    RateLimit(Exceeded),
}
