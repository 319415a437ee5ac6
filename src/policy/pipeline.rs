//! `Pipeline`: from the policies of a route to ordered steps. What does nothing is dropped, so
//! that a route without policies costs a request one branch.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::changes::Changes;
use super::compression::Compression;
use super::edit::{
    EditError, HeadEdits, HeaderModifierSpec, compile_request, compile_response, may_have_body,
};
use super::gradient::Gradient;
use super::rate_limit::RateLimit;
use super::step::Step;
use super::timeout::Timeouts;
use super::verdict::Verdict;
use crate::route::rewrite::{Address, Redirect, RedirectSpec, Rewrite, RewriteError, RewriteSpec};
use crate::route::target::FixedReply;

/// The policies of a route, or of one backend of it.
#[derive(Clone, Debug, Default)]
pub struct PipelineSpec {
    pub request_headers: Option<HeaderModifierSpec>,
    pub response_headers: Option<HeaderModifierSpec>,
    pub rewrite: Option<RewriteSpec>,
    pub redirect: Option<RedirectSpec>,
    pub reply: Option<FixedReply>,
    pub timeouts: Timeouts,
    pub rate_limits: Vec<Arc<RateLimit>>,
    pub compression: Option<Compression>,
    pub concurrency: Option<Arc<Gradient>>,
}

#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    steps: Box<[Step]>,
    request: Option<Box<HeadEdits>>,
    response: Option<Box<ResponseEdits>>,
    timeouts: Timeouts,
    rate_limits: Box<[Arc<RateLimit>]>,
    compression: Option<Box<Compression>>,
    concurrency: Option<Arc<Gradient>>,
}

/// What is done to a response's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseEdits {
    status: Option<u16>,
    pub fields: HeadEdits,
}

impl ResponseEdits {
    /// The status that goes on. One that says that there is no body stays: behind another the
    /// client would wait for it.
    pub fn status(&self, received: u16) -> u16 {
        self.status.filter(|_| may_have_body(received)).unwrap_or(received)
    }
}

impl Pipeline {
    pub fn compile(spec: &PipelineSpec) -> Result<Self, PipelineError> {
        Self::build(&[spec], spec)
    }

    /// Of one backend, to be run once it is chosen. Its edits of heads hold those of the route, so
    /// that a head is gone over once: they take the place of the route's.
    pub fn compile_backend(
        route: &PipelineSpec,
        backend: &PipelineSpec,
    ) -> Result<Self, PipelineError> {
        Self::build(&[route, backend], backend)
    }

    /// Nothing is to be done to requests or responses; there may be timeouts.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.request.is_none()
            && self.response.is_none()
            && self.rate_limits.is_empty()
            && self.compression.is_none()
            && self.concurrency.is_none()
    }

    /// Runs the steps. `changes` is the caller's, cleared before a request's first pipeline.
    #[inline]
    pub fn on_request(&self, address: &Address<'_>, changes: &mut Changes) -> Verdict<'_> {
        if self.steps.is_empty() {
            return Verdict::Continue;
        }
        self.run(address, changes)
    }

    /// What the encoder of the upstream's request does to the fields.
    #[inline]
    pub fn request_edits(&self) -> Option<&HeadEdits> {
        self.request.as_deref()
    }

    /// What the encoder of the response does to its head, be it an upstream's or a reply.
    #[inline]
    pub fn on_response(&self) -> Option<&ResponseEdits> {
        self.response.as_deref()
    }

    /// Which bodies of responses are coded: as the head of the response, by the last that says so.
    #[inline]
    pub fn compression(&self) -> Option<&Compression> {
        self.compression.as_deref()
    }

    /// What says how many requests may be with a backend: the last that says so.
    #[inline]
    pub fn concurrency(&self) -> Option<&Gradient> {
        self.concurrency.as_deref()
    }

    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// What a request has to be let in by, before any step runs.
    #[inline]
    pub fn rate_limits(&self) -> &[Arc<RateLimit>] {
        &self.rate_limits
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn run(&self, address: &Address<'_>, changes: &mut Changes) -> Verdict<'_> {
        for step in &self.steps {
            let verdict = step.run(address, changes);
            if !matches!(verdict, Verdict::Continue) {
                return verdict;
            }
        }
        Verdict::Continue
    }

    /// Edits heads by `all` one after the other, and acts by the steps of `own`, the last.
    fn build(all: &[&PipelineSpec], own: &PipelineSpec) -> Result<Self, PipelineError> {
        let (line, _) =
            compile_request(&own.request_headers).map_err(PipelineError::RequestHeaders)?;
        let (_, request) = compile_request(all.iter().filter_map(|s| s.request_headers.as_ref()))
            .map_err(PipelineError::RequestHeaders)?;
        let (status, fields) =
            compile_response(all.iter().filter_map(|s| s.response_headers.as_ref()))
                .map_err(PipelineError::ResponseHeaders)?;
        let rewrite = own.rewrite.as_ref().map(Rewrite::compile).transpose();
        let rewrite = rewrite.map_err(PipelineError::Rewrite)?;
        let redirect = own.redirect.as_ref().map(Redirect::compile).transpose();
        let mut steps: Vec<Step> = [
            (!line.is_empty()).then_some(Step::Line(line)),
            rewrite.filter(|rewrite| !rewrite.is_empty()).map(Step::Rewrite),
            redirect.map_err(PipelineError::Redirect)?.map(Step::Redirect),
            own.reply.clone().map(Step::Reply),
        ]
        .into_iter()
        .flatten()
        .collect();
        steps.sort_by_key(Step::phase);
        let response = ResponseEdits { status, fields };
        let timeouts = all.iter().fold(Timeouts::default(), |far, near| near.timeouts.or(far));
        Ok(Self {
            steps: steps.into(),
            request: (!request.is_empty()).then(|| Box::new(request)),
            response: (response != ResponseEdits::default()).then(|| Box::new(response)),
            timeouts,
            rate_limits: own.rate_limits.clone().into(),
            compression: all.iter().rev().find_map(|spec| spec.compression.clone()).map(Box::new),
            concurrency: all.iter().rev().find_map(|spec| spec.concurrency.clone()),
        })
    }
}

/// Which policy is wrong, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineError {
    RequestHeaders(EditError),
    ResponseHeaders(EditError),
    Rewrite(RewriteError),
    Redirect(RewriteError),
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequestHeaders(error) => write!(f, "requestHeaderModifier: {error}"),
            Self::ResponseHeaders(error) => write!(f, "responseHeaderModifier: {error}"),
            Self::Rewrite(error) => write!(f, "urlRewrite: {error}"),
            Self::Redirect(error) => write!(f, "requestRedirect: {error}"),
        }
    }
}

impl Error for PipelineError {}

#[cfg(test)]
mod tests;
