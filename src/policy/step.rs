//! One policy of a pipeline that acts on a request, and the order of all of them: the one list of
//! policies there is.

use std::ops::BitOr;
use std::sync::Arc;
use std::time::Duration;

use super::api_key::Check;
use super::attributes::Attributes;
use super::changes::Changes;
use super::cors::Cors;
use super::edit::LineEdits;
use super::expression::{Expression, Reads};
use super::guard::{Authorization, Csrf};
use super::made::Made;
use super::rate_limit::{self, RateLimit};
use super::transform::Transform;
use super::verdict::{Refusal, Verdict};
use crate::limits::DELAY_SECONDS_MAX;
use crate::route::rewrite::{Address, Redirect, Rewrite};
use crate::route::target::FixedReply;

/// When a step runs; agentgateway's order of route policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Cors,
    ApiKey,
    Authorization,
    RateLimit,
    Transform,
    Csrf,
    RequestHeaders,
    Rewrite,
    Redirect,
    Delay,
    Reply,
}

#[derive(Clone, Debug)]
pub enum Step {
    Cors(Box<Cors>),
    ApiKey(Box<Check>),
    Authorization(Box<Authorization>),
    RateLimit(Box<[Arc<RateLimit>]>),
    /// Its names are edits of the head, too.
    Transform(Transform),
    Csrf(Box<Csrf>),
    /// `:method`, `:path`, `:authority` of a `requestHeaderModifier`; its fields are edits of the
    /// head, which no step has to run for.
    Line(LineEdits),
    Rewrite(Rewrite),
    Redirect(Redirect),
    /// Milliseconds.
    Delay(Expression),
    Reply(FixedReply),
    Made(Box<Made>),
    /// The first whose condition holds; all of one phase.
    First(Box<[(Option<Expression>, Self)]>),
}

impl Step {
    pub fn phase(&self) -> Phase {
        match self {
            Self::Cors(_) => Phase::Cors,
            Self::ApiKey(_) => Phase::ApiKey,
            Self::Authorization(_) => Phase::Authorization,
            Self::RateLimit(_) => Phase::RateLimit,
            Self::Transform(_) => Phase::Transform,
            Self::Csrf(_) => Phase::Csrf,
            Self::Line(_) => Phase::RequestHeaders,
            Self::Rewrite(_) => Phase::Rewrite,
            Self::Redirect(_) => Phase::Redirect,
            Self::Delay(_) => Phase::Delay,
            Self::Reply(_) | Self::Made(_) => Phase::Reply,
            Self::First(cases) => cases.first().map_or(Phase::Reply, |(_, step)| step.phase()),
        }
    }

    /// Which bodies its expressions look into.
    pub fn reads(&self) -> Reads {
        match self {
            Self::Authorization(rules) => rules.reads(),
            Self::RateLimit(limits) => {
                limits.iter().map(|limit| limit.reads()).fold(Reads::default(), BitOr::bitor)
            }
            Self::Transform(transform) => transform.reads(),
            Self::Delay(made) => made.reads(),
            Self::Made(made) => made.reads(),
            Self::First(cases) => {
                cases.iter().fold(Reads::default(), |reads, (condition, step)| {
                    let condition = condition.as_ref().map(Expression::reads);
                    reads | condition.unwrap_or_default() | step.reads()
                })
            }
            _ => Reads::default(),
        }
    }

    /// Whether it puts another body in the place of the request's.
    pub fn makes_body(&self) -> bool {
        match self {
            Self::Transform(transform) => transform.has_body(),
            Self::First(cases) => cases.iter().any(|(_, step)| step.makes_body()),
            _ => false,
        }
    }

    /// Rewrites and redirects start from what the client asked for, whatever earlier steps made of
    /// it: the prefix that the route matched is a prefix of that path and of no other. So do
    /// expressions.
    pub fn run(
        &self,
        address: &Address<'_>,
        attributes: &Attributes<'_>,
        changes: &mut Changes,
    ) -> Verdict<'_> {
        match self {
            Self::Cors(cors) => return cors.run(attributes, changes),
            Self::ApiKey(check) => return check.run(attributes, changes),
            Self::Authorization(authorization) => return authorization.run(attributes),
            Self::RateLimit(limits) => {
                let decision = rate_limit::take(limits, attributes);
                changes.decided(decision);
                if let Err(exceeded) = decision.result {
                    return Verdict::Refuse(Refusal::RateLimit(exceeded));
                }
            }
            Self::Transform(transform) => transform.run(attributes, changes),
            Self::Csrf(csrf) => return csrf.run(attributes),
            Self::Line(edits) => edits.apply(changes),
            Self::Rewrite(rewrite) => changes.rewrite(rewrite, address),
            Self::Redirect(redirect) => {
                changes.redirect(redirect, address);
                return Verdict::Redirect { status: redirect.status() };
            }
            Self::Delay(millis) => {
                let millis = millis.number(attributes).filter(|millis| *millis > 0.0);
                changes.delay(duration(millis.unwrap_or(0.0)));
            }
            Self::Reply(reply) => return Verdict::Reply(reply),
            Self::Made(made) => return made.run(attributes, changes),
            Self::First(cases) => {
                let holds = |condition: &Option<Expression>| {
                    condition.as_ref().is_none_or(|condition| condition.holds(attributes))
                };
                if let Some((_, step)) = cases.iter().find(|(condition, _)| holds(condition)) {
                    return step.run(address, attributes, changes);
                }
            }
        }
        Verdict::Continue
    }
}

/// Bounded: an expression may give any number.
fn duration(millis: f64) -> Duration {
    let most = DELAY_SECONDS_MAX as f64;
    Duration::from_secs_f64((millis / 1000.0).min(most))
}
