//! One policy of a pipeline that acts on a request, and the order of all of them: the one list of
//! policies there is.

use super::changes::Changes;
use super::edit::LineEdits;
use super::verdict::Verdict;
use crate::route::rewrite::{Address, Redirect, Rewrite};
use crate::route::target::FixedReply;

/// When a step runs; agentgateway's order of route policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    RequestHeaders,
    Rewrite,
    Redirect,
    Reply,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// `:method`, `:path`, `:authority` of a `requestHeaderModifier`; its fields are edits of the
    /// head, which no step has to run for.
    Line(LineEdits),
    Rewrite(Rewrite),
    Redirect(Redirect),
    Reply(FixedReply),
}

impl Step {
    pub const fn phase(&self) -> Phase {
        match self {
            Self::Line(_) => Phase::RequestHeaders,
            Self::Rewrite(_) => Phase::Rewrite,
            Self::Redirect(_) => Phase::Redirect,
            Self::Reply(_) => Phase::Reply,
        }
    }

    /// Rewrites and redirects start from what the client asked for, whatever earlier steps made of
    /// it: the prefix that the route matched is a prefix of that path and of no other.
    pub fn run(&self, address: &Address<'_>, changes: &mut Changes) -> Verdict<'_> {
        match self {
            Self::Line(edits) => edits.apply(changes),
            Self::Rewrite(rewrite) => changes.rewrite(rewrite, address),
            Self::Redirect(redirect) => {
                changes.redirect(redirect, address);
                return Verdict::Redirect { status: redirect.status() };
            }
            Self::Reply(reply) => return Verdict::Reply(reply),
        }
        Verdict::Continue
    }
}
